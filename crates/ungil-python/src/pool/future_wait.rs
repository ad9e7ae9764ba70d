//! Waiting for a future.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pyo3::exceptions::{PyOverflowError, PyRuntimeError, PyTimeoutError, PyValueError};
use pyo3::prelude::*;

use super::core::Core;
use super::thread;
use crate::waiting::without_gil;

/// Waits until the future is done, handling signals meanwhile.
pub(super) fn wait(py: Python<'_>, core: &Arc<Core>, timeout: Option<f64>) -> PyResult<()> {
    if core.state().is_done() {
        return Ok(());
    }
    let deadline = timeout.map(deadline).transpose()?.flatten();
    refuse_inherited(core)?;
    while !core.state().is_done() {
        thread::help(py, core, deadline);
        if without_gil(py, || core.wait(deadline)) {
            break;
        }
        py.check_signals()?;
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) && !core.state().is_done() {
            // On 3.11 and later this is the built-in TimeoutError.
            return Err(PyTimeoutError::new_err(()));
        }
    }
    Ok(())
}

/// Fails where waiting would never end: in a child that inherited the future by a fork.
fn refuse_inherited(core: &Core) -> PyResult<()> {
    let pool = core
        .try_lock()
        .and_then(|inner| Some(inner.link.as_ref()?.home.pool.clone()));
    if pool
        .and_then(|pool| pool.upgrade())
        .is_some_and(|pool| pool.is_inherited())
    {
        return Err(PyRuntimeError::new_err(
            "this future belongs to an executor of the parent process, and its result will never arrive here: \
             make an executor in the child",
        ));
    }
    Ok(())
}

/// The instant `timeout` seconds from now; `None` when that is too far away to matter.
fn deadline(timeout: f64) -> PyResult<Option<Instant>> {
    if timeout.is_nan() {
        return Err(PyValueError::new_err("timeout must not be NaN"));
    }
    let seconds = timeout.max(0.0);
    if seconds > 1e9 {
        return if seconds.is_infinite() {
            Err(PyOverflowError::new_err("timeout value is too large"))
        } else {
            Ok(None)
        };
    }
    Ok(Some(Instant::now() + Duration::from_secs_f64(seconds)))
}
