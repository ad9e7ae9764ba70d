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

/// Collects the shared memory that is pickled in this thread while it lives.
pub(super) struct Holding {
    /// Of the call around this one: pickling runs Python code, which may submit.
    outer: Option<Vec<Py<PyAny>>>,
}

impl Holding {
    pub(super) fn begin() -> Self {
        Self {
            outer: HELD.replace(Some(Vec::new())),
        }
    }

    /// What was pickled since `begin`.
    pub(super) fn take(&self) -> Vec<Py<PyAny>> {
        HELD.with_borrow_mut(|held| held.as_mut().map(std::mem::take))
            .unwrap_or_default()
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        drop(HELD.replace(self.outer.take()));
    }
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

/// Tells which class is `ungil.Shared`.
#[pyfunction]
#[pyo3(name = "_set_shared_class")]
pub(crate) fn set_shared_class(py: Python<'_>, class: Py<PyType>) {
    CLASS.get(py, || class);
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
        .map_err(PyErr::from)
}
