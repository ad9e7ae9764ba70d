//! The user's part of a traceback, as text.

use pyo3::exceptions::PyBaseException;
use pyo3::prelude::*;

/// Frames that lead from us to the user's code; native code of ours leaves none.
const MACHINERY: &str = "<frozen importlib";

/// The formatted exception from the user's first frame on.
///
/// Where all frames are of the machinery (a syntax error in the user's module), none is shown.
pub(crate) fn users_own(py: Python<'_>, error: &PyErr) -> String {
    format(py, error).unwrap_or_else(|_| format!("{error}\n"))
}

fn format(py: Python<'_>, error: &PyErr) -> PyResult<String> {
    let value: &Bound<'_, PyBaseException> = error.value(py);
    let mut frame = error.traceback(py).map(Bound::into_any);
    while let Some(current) = &frame {
        let code = current.getattr("tb_frame")?.getattr("f_code")?;
        let file: String = code.getattr("co_filename")?.extract()?;
        if !file.starts_with(MACHINERY) {
            break;
        }
        let next = current.getattr("tb_next")?;
        frame = (!next.is_none()).then_some(next);
    }
    let lines = py
        .import("traceback")?
        .call_method1("format_exception", (value.get_type(), value, frame))?;
    Ok(lines.extract::<Vec<String>>()?.concat())
}
