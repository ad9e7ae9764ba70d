//! What `ungil.share` needs of the pools: tasks that keep the memory they were given, and threads
//! that get the value.

use std::cell::RefCell;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyType};

use crate::once::{Once, name};

thread_local! {
    /// What the call that is being pickled has been given, while one is.
    static HELD: RefCell<Option<Vec<Py<PyAny>>>> = const { RefCell::new(None) };
}

/// `ungil.Shared`, once that is imported.
static CLASS: Once<Py<PyType>> = Once::new();

/// Does something; gives the shared memory too that it has pickled, in this thread.
pub(super) fn collecting<T>(work: impl FnOnce() -> PyResult<T>) -> PyResult<(T, Vec<Py<PyAny>>)> {
    // Pickling runs Python code, which may submit: what is around this one comes back after it.
    let outer = HELD.replace(Some(Vec::new()));
    let done = work();
    let held = HELD.replace(outer).unwrap_or_default();
    Ok((done?, held))
}

/// Keeps an object until the task whose call is being pickled has ended; False when none is.
#[pyfunction]
#[pyo3(name = "_hold")]
pub(crate) fn hold(memory: Py<PyAny>) -> bool {
    HELD.with_borrow_mut(|held| match held {
        Some(held) => {
            held.push(memory);
            true
        }
        None => false,
    })
}

/// Makes a call; gives its value, and the shared memory that it has pickled, which is for the
/// caller to keep.
#[pyfunction]
#[pyo3(name = "_collect_held")]
pub(crate) fn collect_held(call: &Bound<'_, PyAny>) -> PyResult<(Py<PyAny>, Vec<Py<PyAny>>)> {
    collecting(|| call.call0().map(Bound::unbind))
}

/// Tells which class is `ungil.Shared`.
#[pyfunction]
#[pyo3(name = "_set_shared_class")]
pub(crate) fn set_shared_class(py: Python<'_>, kind: Py<PyType>) {
    CLASS.get(py, || kind);
}

/// The arguments of a call, with values in the place of what is shared; for threads, whose
/// arguments are not pickled. Only the arguments themselves: not what is inside of them.
pub(super) fn unwrap<'py>(
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> PyResult<Option<(Bound<'py, PyTuple>, Bound<'py, PyDict>)>> {
    let py = args.py();
    let Some(class) = CLASS.peek() else {
        return Ok(None);
    };
    let is_shared = |value: &Bound<'py, PyAny>| value.get_type().is(class);
    let found = args.iter().any(|value| is_shared(&value))
        || kwargs.is_some_and(|kwargs| kwargs.values().iter().any(|value| is_shared(&value)));
    if !found {
        return Ok(None);
    }
    let kwargs = kwargs.map_or_else(|| PyDict::new(py), Bound::clone);
    py.import(name!(py, "ungil._share"))?
        .call_method1(name!(py, "unwrapped"), (args, kwargs))?
        .extract()
        .map(Some)
}
