//! The exception of a call that failed, with the lines of the source in its traceback.
#![allow(unsafe_code)]

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};
use ungil_native::runtime::{Context, TRACE};
use ungil_native::{Message, Raise};

use super::specialisation::Specialisation;

/// The exception that machine code has told of.
pub(super) fn failed(py: Python<'_>, code: &Specialisation, context: &Context) -> PyErr {
    made(py, code, context, None).unwrap_or_else(|error| error)
}

/// The exception of a signal's handler, with the loop's line in its traceback.
pub(super) fn interrupted(
    py: Python<'_>,
    code: &Specialisation,
    context: &Context,
    error: &PyErr,
) -> PyErr {
    made(py, code, context, Some(error)).unwrap_or_else(|error| error)
}

fn made(
    py: Python<'_>,
    code: &Specialisation,
    context: &Context,
    raised: Option<&PyErr>,
) -> PyResult<PyErr> {
    let frames = PyList::empty(py);
    for site in context.sites() {
        let Some(site) = code.sites.get(site) else {
            continue;
        };
        let function = code.functions[site.function.0].bind(py).get();
        let place = function.source().source.place(site.range);
        let position = (place.line, place.column, place.end_line, place.end_column);
        frames.append((function.function(py), position))?;
    }
    let errors = py.import("ungil._native.errors")?;
    let exception = match raised {
        Some(error) => error.value(py).clone().into_any(),
        None => told(code, context, &errors)?,
    };
    let left_out = (context.depth as usize).saturating_sub(TRACE);
    errors.call_method1("add_frames", (&exception, frames, left_out))?;
    Ok(PyErr::from_value(exception))
}

/// The exception of the site that the context names first.
fn told<'py>(
    code: &Specialisation,
    context: &Context,
    errors: &Bound<'py, PyModule>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = errors.py();
    let first = context
        .sites()
        .first()
        .and_then(|&site| code.sites.get(site));
    let raise = first.and_then(|site| site.error.as_ref());
    let Some(Raise { exception, message }) = raise else {
        return Err(pyo3::exceptions::PySystemError::new_err(
            "native code failed without saying why; please report this",
        ));
    };
    let (kind, text) = match message {
        Message::None => ("none", ""),
        Message::Text(text) => ("text", text.as_str()),
        Message::LikePython(text) => ("like python", text.as_str()),
    };
    let ints = PyTuple::new(py, [context.a, context.b])?;
    let shapes = PyTuple::new(py, context.shapes)?;
    let floats = PyTuple::new(py, [context.x, context.y])?;
    errors.call_method1("exception", (exception, kind, text, ints, floats, shapes))
}

unsafe extern "C" {
    // Exported by every CPython, for code generators; not in the headers that PyO3 follows.
    fn PyFrame_New(
        thread: *mut ffi::PyThreadState,
        code: *mut ffi::PyCodeObject,
        globals: *mut ffi::PyObject,
        locals: *mut ffi::PyObject,
    ) -> *mut ffi::PyFrameObject;
}

/// A frame of a function that does not run, for tracebacks.
#[pyfunction]
#[pyo3(name = "_new_frame")]
pub(crate) fn new_frame<'py>(
    code: &Bound<'py, PyAny>,
    globals: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = code.py();
    // SAFETY: the type is compared first; a code object is what `PyFrame_New` takes, and it gives a new reference.
    unsafe {
        if code.get_type().as_type_ptr() != &raw mut ffi::PyCode_Type {
            return Err(pyo3::exceptions::PyTypeError::new_err(
                "a code object is needed",
            ));
        }
        let frame = PyFrame_New(
            ffi::PyThreadState_Get(),
            code.as_ptr().cast(),
            globals.as_ptr(),
            std::ptr::null_mut(),
        );
        Bound::from_owned_ptr_or_err(py, frame.cast())
    }
}
