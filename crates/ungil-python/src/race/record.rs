//! What is told of a step: where it was made, and of what.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PySet, PyString, PyTuple};
use ungil_race::{ObjectId, ThreadId};

use super::code;
use super::engine::inside;

/// Longest text of a value, in characters.
const LONGEST_VALUE: usize = 60;

/// Of a record that is told between two steps.
pub(super) const NO_STEP: usize = usize::MAX;

/// A step of a run that is told.
pub(super) struct Record {
    pub(super) step: usize,
    /// The number of what is touched in this run.
    pub(super) object: Option<ObjectId>,
    pub(super) thread: ThreadId,
    /// What kind of step: "reads", "writes", "acquires" ...
    pub(super) verb: String,
    /// Of what: "Account.balance", "lock".
    pub(super) what: String,
    /// The value read or written, as Python writes it.
    pub(super) value: Option<String>,
    pub(super) file: String,
    pub(super) line: i32,
    pub(super) function: String,
}

impl Record {
    /// A step that the running thread makes now.
    pub(super) fn here(
        object: Option<ObjectId>,
        verb: &str,
        what: String,
        value: Option<String>,
    ) -> Option<Self> {
        let thread = inside()?.current;
        // SAFETY: a thread of the model calls this, with the GIL.
        let py = unsafe { Python::assume_attached() };
        let (file, line, function) = place(py).unwrap_or_default();
        Some(Self {
            step: 0,
            object,
            thread,
            verb: verb.to_owned(),
            what,
            value,
            file,
            line,
            function,
        })
    }
}

/// File, line and function.
pub(super) type Place = (String, i32, String);

/// The innermost place in the code under test of the running thread.
pub(super) fn place(py: Python<'_>) -> Option<Place> {
    // SAFETY: the GIL is held; the frame is borrowed from the thread.
    let frame = unsafe { Bound::from_borrowed_ptr_or_opt(py, ffi::PyEval_GetFrame().cast()) };
    place_in(frame?)
}

/// The innermost place in the code under test of a thread that does not run.
///
/// # Safety
/// A thread state that lives, or null; the GIL is held.
pub(super) unsafe fn place_of(py: Python<'_>, state: *mut ffi::PyThreadState) -> Option<Place> {
    if state.is_null() {
        return None;
    }
    // SAFETY: the caller's; a new reference, or null.
    let frame = unsafe {
        Bound::from_owned_ptr_or_opt(
            py,
            ffi::PyThreadState_GetFrame(state).cast::<ffi::PyObject>(),
        )
    };
    place_in(frame?)
}

/// The innermost place in the code under test, from this frame on.
fn place_in(mut frame: Bound<'_, PyAny>) -> Option<Place> {
    let py = frame.py();
    // SAFETY: the GIL is held; frames keep each other alive.
    unsafe {
        loop {
            let pointer = frame.as_ptr().cast();
            let found =
                Bound::from_owned_ptr(py, ffi::PyFrame_GetCode(pointer).cast::<ffi::PyObject>());
            if code::is_under_test(found.as_ptr()) {
                let line = ffi::PyFrame_GetLineNumber(pointer);
                let text = |name| found.getattr(name).ok()?.extract::<String>().ok();
                return Some((text("co_filename")?, line, text("co_qualname")?));
            }
            let back = ffi::PyFrame_GetBack(pointer);
            frame = Bound::from_owned_ptr_or_opt(py, back.cast())?;
        }
    }
}

/// A short text of a plain value; the type's name of any other one, since its `repr` could be code under test.
pub(super) fn show(value: &Bound<'_, PyAny>) -> String {
    let plain = value.is_none()
        || value.is_exact_instance_of::<PyBool>()
        || value.is_exact_instance_of::<PyInt>()
        || value.is_exact_instance_of::<PyFloat>()
        || value.is_exact_instance_of::<PyString>()
        || value.is_exact_instance_of::<PyBytes>();
    let holds_plain = |items: Vec<Bound<'_, PyAny>>| {
        items.iter().all(|item| {
            item.is_none()
                || item.is_exact_instance_of::<PyInt>()
                || item.is_exact_instance_of::<PyString>()
                || item.is_exact_instance_of::<PyFloat>()
        })
    };
    let container = if let Ok(list) = value.cast_exact::<PyList>() {
        Some(list.iter().take(20).collect())
    } else if let Ok(tuple) = value.cast_exact::<PyTuple>() {
        Some(tuple.iter().take(20).collect())
    } else if let Ok(set) = value.cast_exact::<PySet>() {
        Some(set.iter().take(20).collect())
    } else if let Ok(dict) = value.cast_exact::<PyDict>() {
        Some(
            dict.iter()
                .take(20)
                .flat_map(|(key, value)| [key, value])
                .collect(),
        )
    } else {
        None
    };
    let text = if plain || container.is_some_and(holds_plain) {
        value
            .repr()
            .map(|text| text.to_string())
            .unwrap_or_default()
    } else {
        let name = value.get_type().name();
        format!(
            "<{}>",
            name.map(|name| name.to_string()).unwrap_or_default()
        )
    };
    if text.chars().count() > LONGEST_VALUE {
        let head: String = text.chars().take(LONGEST_VALUE - 3).collect();
        return format!("{head}...");
    }
    text
}
