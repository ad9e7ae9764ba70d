//! `ungil.Comparison`: the result as a Python object.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use ungil_measure::comparison;
use ungil_report::{ColorChoice, TerminalOptions};

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
}

fn written(text: Result<String, ungil_report::Error>) -> PyResult<String> {
    text.map_err(|error| PyRuntimeError::new_err(error.to_string()))
}
