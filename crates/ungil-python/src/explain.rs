//! What `ungil._explain` has found, laid out.

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use ungil_report::{ColorChoice, Explanation, TerminalOptions};

/// Columns of the text, where there is no terminal to ask.
const WIDTH: usize = 100;

/// Reads the document of `ungil._explain`.
pub(crate) fn read(document: &str) -> PyResult<Explanation> {
    serde_json::from_str(document).map_err(|error| PyValueError::new_err(error.to_string()))
}

/// The explanation as a JSON document.
#[pyfunction]
pub(crate) fn explanation_json(document: &str) -> PyResult<String> {
    ungil_report::explanation_json(&read(document)?)
        .map_err(|error| PyRuntimeError::new_err(error.to_string()))
}

/// The explanation as text.
#[pyfunction]
pub(crate) fn explanation_text(document: &str) -> PyResult<String> {
    let options = TerminalOptions {
        width: WIDTH,
        color: ColorChoice::Never,
    };
    let text = ungil_report::explanation(&read(document)?, &options);
    Ok(text.trim_end().to_owned())
}

/// The explanation as a page.
#[pyfunction]
pub(crate) fn explanation_html(document: &str) -> PyResult<String> {
    let mut page = Vec::new();
    ungil_report::explanation_page(&read(document)?, &mut page)?;
    Ok(String::from_utf8(page)?)
}
