//! What both executors need: futures, and waiting that hears signals.

use std::sync::Arc;
use std::time::Duration;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyType;
use ungil_pool::gate::{Gate, Pass};

use super::core::Core;
use super::future::FutureBase;
use crate::once::Once;
use crate::waiting::without_gil;

/// How often a waiting thread looks for signals.
pub(super) const TICK: Duration = Duration::from_millis(50);

/// A new `ungil.Future`, and its core.
pub(super) fn new_future(py: Python<'_>) -> PyResult<(Bound<'_, PyAny>, Arc<Core>)> {
    static FUTURE: Once<Py<PyType>> = Once::new();
    static EMPTY: Once<Py<pyo3::types::PyTuple>> = Once::new();
    let class = FUTURE.import(py, "ungil._future", "Future")?;
    let empty = EMPTY.get(py, || pyo3::types::PyTuple::empty(py).unbind());
    // SAFETY: the class is a Python subclass of `FutureBase`, whose `tp_new` takes no
    // arguments; `__init__` of the standard future is skipped on purpose: all its attributes
    // are getters here.
    let future = unsafe {
        let new = (*class.as_type_ptr())
            .tp_new
            .expect("a class that can be instantiated");
        Bound::from_owned_ptr_or_err(
            py,
            new(class.as_type_ptr(), empty.as_ptr(), std::ptr::null_mut()),
        )?
    };
    let core = Arc::clone(&future.cast::<FutureBase>()?.get().core);
    Ok((future, core))
}

/// Calls `step`, without the GIL, until it says `true`; handles signals between the calls.
pub(super) fn wait_with_signals(py: Python<'_>, step: impl Fn() -> bool + Sync) -> PyResult<()> {
    while !without_gil(py, &step) {
        py.check_signals()?;
    }
    Ok(())
}

/// A place among the unfinished tasks of a pool that bounds them; waits for it if it may.
pub(super) fn pass(
    py: Python<'_>,
    gate: Option<&Arc<Gate>>,
    may_wait: bool,
) -> PyResult<Option<Pass>> {
    let Some(gate) = gate else { return Ok(None) };
    if !may_wait {
        return Ok(Some(gate.squeeze_in()));
    }
    let mut pass = gate.enter(Duration::ZERO);
    while pass.is_none() {
        py.check_signals()?;
        pass = without_gil(py, || gate.enter(TICK));
    }
    Ok(pass)
}

/// The error of an executor whose `__init__` was not called.
pub(super) fn not_opened() -> PyErr {
    PyRuntimeError::new_err("the executor is not set up: a subclass must call super().__init__()")
}

/// The error of an executor whose `__init__` was called again.
pub(super) fn opened_twice() -> PyErr {
    PyRuntimeError::new_err("the executor is set up already: __init__ was called twice")
}
