//! `ungil.Comparison`: the result as a Python object.

use std::path::PathBuf;

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use ungil_measure::comparison;
use ungil_report::{ColorChoice, Format, PICTURES, TerminalOptions};

use super::Baseline;
use crate::error::Error;

/// Columns of the text that `repr` gives, where there is no terminal to ask.
const WIDTH: usize = 100;

/// What a comparison has found: every figure, every raw sample, and a verdict for each workload.
#[pyclass(module = "ungil", name = "Comparison", frozen)]
pub(crate) struct Comparison(pub(crate) comparison::Comparison);

#[pymethods]
impl Comparison {
    /// The machine, the tables and the verdicts, as `ungil compare` prints them.
    fn __repr__(&self) -> String {
        let options = TerminalOptions {
            width: WIDTH,
            color: ColorChoice::Never,
        };
        ungil_report::terminal(&self.0, &options)
            .trim_end()
            .to_owned()
    }

    /// The same for a notebook.
    fn _repr_html_(&self) -> String {
        ungil_report::html(&self.0)
    }

    /// Reads what `save` or `ungil compare --json` wrote. `ValueError` where it cannot.
    #[staticmethod]
    #[allow(clippy::needless_pass_by_value)] // as PyO3 hands it over
    fn load(path: PathBuf) -> PyResult<Self> {
        Ok(Self(Baseline::read(&path)?.comparison))
    }

    /// Everything as plain dictionaries, lists, numbers and strings; the layout of `to_json`.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("json")?.call_method1("loads", (self.to_json()?,))
    }

    /// Everything as a JSON document of the documented, versioned schema.
    fn to_json(&self) -> PyResult<String> {
        written(ungil_report::json(&self.0))
    }

    /// A row per cell as CSV.
    fn to_csv(&self) -> PyResult<String> {
        written(ungil_report::csv(&self.0))
    }

    /// The tables and verdicts as Markdown.
    fn to_markdown(&self) -> String {
        ungil_report::markdown(&self.0)
    }

    /// One page with everything: curves, distributions, tables, every sample. It needs no network.
    fn to_html(&self) -> PyResult<String> {
        written(ungil_report::compare_page(&self.0))
    }

    /// Pictures as SVG, "speedup", "time", "memory", "latency" or "gil"; by default the first. `ValueError` for another
    /// name, or where nothing was measured that they could show.
    #[allow(clippy::needless_pass_by_value)] // as PyO3 hands it over
    #[pyo3(signature = (*pictures))]
    fn to_svg(&self, pictures: Vec<String>) -> PyResult<String> {
        drawn(ungil_report::svg(&self.0, &names(&pictures)?))
    }

    /// The same as PNG.
    #[allow(clippy::needless_pass_by_value)] // as PyO3 hands it over
    #[pyo3(signature = (*pictures))]
    fn to_png<'py>(&self, py: Python<'py>, pictures: Vec<String>) -> PyResult<Bound<'py, PyBytes>> {
        drawn(ungil_report::png(&self.0, &names(&pictures)?)).map(|png| PyBytes::new(py, &png))
    }

    /// Writes it to a file; the ending of its name says what: .html, .json, .csv, .md, .svg or .png. `ValueError` for
    /// another ending, `OSError` where it cannot be written.
    #[allow(clippy::needless_pass_by_value)] // as PyO3 hands it over
    #[pyo3(signature = (path, *pictures))]
    fn save(&self, path: PathBuf, pictures: Vec<String>) -> PyResult<()> {
        let format = drawn(Format::of(&path))?;
        let bytes = drawn(format.bytes(&self.0, &names(&pictures)?))?;
        std::fs::write(&path, bytes).map_err(|source| Error::Output { path, source }.into())
    }
}

/// The pictures asked for, checked.
fn names(asked: &[String]) -> PyResult<Vec<&'static str>> {
    if asked.is_empty() {
        return Ok(vec![PICTURES[0]]);
    }
    let named = asked.iter().map(|name| drawn(ungil_report::picture(name)));
    named.collect()
}

/// What the caller can put right is a `ValueError`.
fn drawn<T>(made: Result<T, ungil_report::Error>) -> PyResult<T> {
    made.map_err(|error| PyValueError::new_err(error.to_string()))
}

fn written(text: Result<String, ungil_report::Error>) -> PyResult<String> {
    text.map_err(|error| PyRuntimeError::new_err(error.to_string()))
}
