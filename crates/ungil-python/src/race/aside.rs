//! What a thread of the model does that is no part of the model: the debugger.

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::engine::{Engine, HUB, inside};

/// Makes the running thread none of the model until it is dropped: locks, clocks and instructions are the real ones.
struct Aside {
    engine: *mut Engine,
    thread: usize,
}

impl Aside {
    fn begin() -> Option<Self> {
        let engine = inside()?;
        let thread = engine.current;
        engine.current = HUB;
        engine.aside = Some(thread);
        Some(Self { engine, thread })
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // SAFETY: the engine outlives its threads' calls, and this thread is the one that runs: nobody else
        // changes it meanwhile.
        unsafe {
            (*self.engine).current = self.thread;
            (*self.engine).aside = None;
        }
    }
}

/// Calls a function without its being part of the model.
#[pyfunction]
#[pyo3(signature = (callable, *arguments))]
pub(super) fn aside<'py>(
    callable: &Bound<'py, PyAny>,
    arguments: &Bound<'py, PyTuple>,
) -> PyResult<Bound<'py, PyAny>> {
    let _aside = Aside::begin();
    callable.call1(arguments)
}

/// Calls what stops the running thread; `false` with an exception set where that raised one.
pub(super) fn stop(call: &Py<PyAny>) -> bool {
    // SAFETY: a thread of the model, with the GIL.
    let py = unsafe { Python::assume_attached() };
    let _aside = Aside::begin();
    match call.call0(py) {
        Ok(_) => true,
        Err(error) => {
            error.restore(py);
            false
        }
    }
}
