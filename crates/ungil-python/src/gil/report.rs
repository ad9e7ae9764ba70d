//! What a trace has found, as a Python object.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::PathBuf;

use crate::waiting::without_gil;
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use ungil_gil::Report;
use ungil_gil::model::wire;
use ungil_report::{ColorChoice, TerminalOptions, TraceFormat};

/// Columns of the text, where there is no terminal to ask.
const WIDTH: usize = 100;

/// The findings of one trace.
#[pyclass(module = "ungil._ungil", frozen)]
pub(crate) struct TraceReport(pub(crate) Report);

#[pymethods]
impl TraceReport {
    /// Writes all of it, for `load` in another process.
    fn dump(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        without_gil(py, || {
            wire::write(&self.0, BufWriter::new(File::create(path)?))
        })?;
        Ok(())
    }

    /// Reads what `dump` wrote.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let bytes = std::fs::read(path)?;
        without_gil(py, || wire::read(&bytes))
            .map(Self)
            .map_err(|error| PyValueError::new_err(error.to_string()))
    }

    /// The same with the traces of processes that it started; `lost` of them told nothing.
    #[allow(clippy::needless_pass_by_value)] // as PyO3 hands it over
    fn with_children(&self, children: Vec<PyRef<'_, Self>>, lost: u64) -> Self {
        let mut report = self.0.clone();
        report.losses.children = lost;
        let children = children.iter().map(|child| child.0.clone()).collect();
        report.adopt(children);
        Self(report)
    }

    /// The summary as text.
    fn summary(&self) -> String {
        let options = TerminalOptions {
            width: WIDTH,
            color: ColorChoice::Never,
        };
        ungil_report::trace_terminal(&self.0, &options)
            .trim_end()
            .to_owned()
    }

    /// All figures as a JSON document.
    fn to_json(&self) -> PyResult<String> {
        ungil_report::trace_json(&self.0)
            .map_err(|error| PyRuntimeError::new_err(error.to_string()))
    }

    /// Writes the timeline, for Perfetto or as a page, by the ending of the name. An unfinished file is
    /// removed.
    #[allow(clippy::needless_pass_by_value)] // as PyO3 hands it over
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        let format =
            TraceFormat::of(&path).map_err(|error| PyValueError::new_err(error.to_string()))?;
        let written = without_gil(py, || {
            let file = File::create(&path)?;
            let written = format.write(&self.0, None, &mut BufWriter::new(&file));
            if written.is_err() && file.metadata().is_ok_and(|file| file.is_file()) {
                // Half a document is of no use; the error is what counts.
                let _ = std::fs::remove_file(&path);
            }
            written
        });
        written.map_err(|error: io::Error| {
            let message = format!("cannot write {}: {error}", path.display());
            PyOSError::new_err((error.raw_os_error().unwrap_or(0), message))
        })
    }
}
