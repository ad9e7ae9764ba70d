//! `_ungil.FutureBase`: the native half of `ungil.Future`.
//!
//! `ungil.Future` is this class and `concurrent.futures.Future`, so everything that takes the
//! standard future takes ours; every method and private attribute that the standard library
//! uses of a future (`_condition`, `_waiters`, `_state`, `_result`, `_exception`) is here.

use std::sync::Arc;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyType};
use pyo3::{PyTraverseError, PyVisit};

use super::cancel::{self, Cancel};
use super::core::{Content, Core, State};
use super::future_wait::wait;
use super::listeners::{
    call_back, ears, enter_condition, event_name, exit_condition, invoke_callbacks, tell_waiters,
};
use super::outcome;
use crate::once::{Once, name};

/// The native half of `ungil.Future`.
#[pyclass(subclass, frozen, weakref, module = "ungil._ungil")]
pub(crate) struct FutureBase {
    pub(crate) core: Arc<Core>,
}

impl Drop for FutureBase {
    /// Lets go of what only the future's owner could ask for, here, where the GIL is held: the
    /// pool's threads may have the core in their hands a little longer.
    fn drop(&mut self) {
        if Arc::get_mut(&mut self.core).is_none() {
            self.__clear__();
        }
    }
}

#[pymethods]
impl FutureBase {
    #[new]
    fn new() -> Self {
        Self {
            core: Arc::default(),
        }
    }

    /// Cancels the call if nothing runs it yet; says whether it is cancelled.
    ///
    /// running: stop it as well if a process pool's worker is running it, by killing that worker.
    /// What runs in a thread or an interpreter cannot be stopped: then this says False.
    #[pyo3(signature = (*, running=false))]
    fn cancel(slf: &Bound<'_, Self>, running: bool) -> PyResult<bool> {
        let py = slf.py();
        let core = &slf.get().core;
        let condition = enter_condition(py, core)?;
        let cancelled = cancel::cancel(core, running);
        // Nobody else will tell the waiters of a task that a process pool has forgotten.
        let forgotten = cancelled == Cancel::Now && core.state() == State::CancelledAndNotified;
        let told = if forgotten {
            tell_waiters(slf.as_any(), name!(py, "add_cancelled"))
        } else {
            Ok(())
        };
        exit_condition(py, condition.as_ref(), cancelled == Cancel::Now)?;
        told?;
        if cancelled == Cancel::Now {
            invoke_callbacks(slf.as_any());
        }
        Ok(cancelled != Cancel::TooLate)
    }

    /// Whether the call was cancelled.
    fn cancelled(&self) -> bool {
        self.core.state().is_cancelled()
    }

    /// Whether the call is running.
    fn running(&self) -> bool {
        shown_state(&self.core) == State::Running
    }

    /// Whether the call was cancelled or has ended.
    fn done(&self) -> bool {
        self.core.state().is_done()
    }

    /// The call's value, or its exception raised; waits for it, for `timeout` seconds at most.
    #[pyo3(signature = (timeout=None))]
    fn result(slf: &Bound<'_, Self>, timeout: Option<f64>) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        wait(py, &slf.get().core, timeout)?;
        match content(py, &slf.get().core)? {
            Ok(value) => Ok(value),
            Err(error) => Err(PyErr::from_value(error.into_bound(py))),
        }
    }

    /// The call's exception, or None; waits for it, for `timeout` seconds at most.
    #[pyo3(signature = (timeout=None))]
    fn exception(slf: &Bound<'_, Self>, timeout: Option<f64>) -> PyResult<Option<Py<PyAny>>> {
        wait(slf.py(), &slf.get().core, timeout)?;
        Ok(content(slf.py(), &slf.get().core)?.err())
    }

    /// Calls `fn(self)` when the future is done; at once if it is.
    #[pyo3(signature = (r#fn, /))]
    fn add_done_callback(slf: &Bound<'_, Self>, r#fn: Bound<'_, PyAny>) {
        {
            let mut inner = slf.get().core.lock();
            if !slf.get().core.state().is_done() {
                ears(&mut inner, slf).callbacks.push(r#fn.unbind());
                return;
            }
        }
        call_back(slf.as_any(), &r#fn);
    }

    /// For executors: the call starts now, unless it was cancelled (then False).
    pub(crate) fn set_running_or_notify_cancel(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let py = slf.py();
        let core = &slf.get().core;
        let condition = enter_condition(py, core)?;
        let mut inner = core.lock();
        let before = core.state();
        match before {
            State::Pending => core.set_state(&mut inner, State::Running),
            State::Cancelled => core.set_state(&mut inner, State::CancelledAndNotified),
            _ => {}
        }
        drop(inner);
        let told = if before == State::Cancelled {
            tell_waiters(slf.as_any(), name!(py, "add_cancelled"))
        } else {
            Ok(())
        };
        exit_condition(py, condition.as_ref(), false)?;
        told?;
        match before {
            State::Pending => Ok(true),
            State::Cancelled => Ok(false),
            state => {
                let logger = py.import("concurrent.futures._base")?.getattr("LOGGER")?;
                logger.call_method1(
                    "critical",
                    (format!("Future in unexpected state: {}", state.name()),),
                )?;
                Err(PyRuntimeError::new_err("Future in unexpected state"))
            }
        }
    }

    /// For executors and tests: the call's value.
    fn set_result(slf: &Bound<'_, Self>, result: Py<PyAny>) -> PyResult<()> {
        settle(slf.as_any(), &slf.get().core, Content::Value(result))
    }

    /// For executors and tests: the call's exception.
    fn set_exception(slf: &Bound<'_, Self>, exception: Py<PyAny>) -> PyResult<()> {
        settle(slf.as_any(), &slf.get().core, Content::Error(exception))
    }

    #[getter]
    fn _state(&self) -> &'static str {
        shown_state(&self.core).name()
    }

    #[getter]
    fn _condition(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        static CONDITION: Once<Py<PyType>> = Once::new();
        let py = slf.py();
        let core = &slf.get().core;
        if let Some(condition) = core
            .lock()
            .ears
            .as_ref()
            .and_then(|ears| ears.condition.as_ref())
        {
            return Ok(condition.clone_ref(py));
        }
        let fresh = CONDITION
            .import(py, "threading", "Condition")?
            .call0()?
            .unbind();
        let mut inner = core.lock();
        Ok(ears(&mut inner, slf)
            .condition
            .get_or_insert(fresh)
            .clone_ref(py))
    }

    #[getter]
    fn _waiters(slf: &Bound<'_, Self>) -> Py<PyList> {
        let py = slf.py();
        let fresh = PyList::empty(py).unbind();
        let mut inner = slf.get().core.lock();
        ears(&mut inner, slf)
            .waiters
            .get_or_insert(fresh)
            .clone_ref(py)
    }

    #[getter]
    fn _result(slf: &Bound<'_, Self>) -> PyResult<Option<Py<PyAny>>> {
        if slf.get().core.state() == State::Finished {
            Ok(content(slf.py(), &slf.get().core)?.ok())
        } else {
            Ok(None)
        }
    }

    #[getter]
    fn _exception(slf: &Bound<'_, Self>) -> PyResult<Option<Py<PyAny>>> {
        if slf.get().core.state() == State::Finished {
            Ok(content(slf.py(), &slf.get().core)?.err())
        } else {
            Ok(None)
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // A lock that is held means that somebody is using the future right now.
        let Some(inner) = self.core.try_lock() else {
            return Ok(());
        };
        match &inner.content {
            Content::Value(value) | Content::Error(value) => visit.call(value)?,
            Content::Nothing | Content::Raw(_) => {}
        }
        if let Some(ears) = &inner.ears {
            visit.call(&ears.condition)?;
            visit.call(&ears.waiters)?;
            for callback in &ears.callbacks {
                visit.call(callback)?;
            }
        }
        Ok(())
    }

    fn __clear__(&self) {
        let (content, ears) = {
            let mut inner = self.core.lock();
            (
                std::mem::replace(&mut inner.content, Content::Nothing),
                inner.ears.take(),
            )
        };
        // Dropped outside the lock: finalizers may run.
        drop((content, ears));
    }
}

/// The state as a user sees it: a process pool's future runs when its worker has it.
fn shown_state(core: &Core) -> State {
    let state = core.state();
    if state != State::Pending {
        return state;
    }
    let asked = core
        .lock()
        .link
        .as_ref()
        .and_then(|link| Some((link.place?, link.home.pool.clone())));
    let running = asked.is_some_and(|(place, pool)| {
        // Out of the lock: if this turns out to be the last reference, the pool's end takes others.
        pool.upgrade().is_some_and(|pool| pool.is_running(place))
    });
    match core.state() {
        State::Pending if running => State::Running,
        state => state,
    }
}

/// Completes a future of a process pool that has listeners: its content is already there.
pub(crate) fn complete(py: Python<'_>, future: &Py<PyAny>, cancelled: bool) {
    let future = future.bind(py);
    let Ok(base) = future.cast::<FutureBase>() else {
        return;
    };
    let core = &base.get().core;
    let told = enter_condition(py, core).and_then(|condition| {
        let state = if cancelled {
            State::CancelledAndNotified
        } else {
            State::Finished
        };
        core.set_state(&mut core.lock(), state);
        let told = tell_waiters(future, event_name(py, core));
        exit_condition(py, condition.as_ref(), true).and(told)
    });
    if let Err(error) = told {
        error.write_unraisable(py, Some(future));
    }
    invoke_callbacks(future);
}

/// Gives a future its value or exception and tells everybody.
pub(crate) fn settle(future: &Bound<'_, PyAny>, core: &Core, content: Content) -> PyResult<()> {
    let py = future.py();
    let condition = enter_condition(py, core)?;
    let refused = {
        let mut inner = core.lock();
        if core.state().is_done() {
            true
        } else {
            inner.content = content;
            core.set_state(&mut inner, State::Finished);
            false
        }
    };
    let told = if refused {
        Ok(())
    } else {
        tell_waiters(future, event_name(py, core))
    };
    exit_condition(py, condition.as_ref(), !refused)?;
    told?;
    if refused {
        let kind = py
            .import("concurrent.futures")?
            .getattr("InvalidStateError")?;
        let message = format!("{}: {}", core.state().name(), future.repr()?);
        return Err(PyErr::from_value(kind.call1((message,))?));
    }
    invoke_callbacks(future);
    Ok(())
}

/// What a done future holds: `Ok` a value, `Err` an exception. Raises when it was cancelled.
fn content(py: Python<'_>, core: &Core) -> PyResult<Result<Py<PyAny>, Py<PyAny>>> {
    let raw = {
        let inner = core.lock();
        match &inner.content {
            Content::Value(value) => return Ok(Ok(value.clone_ref(py))),
            Content::Error(error) => return Ok(Err(error.clone_ref(py))),
            Content::Raw(raw) => Arc::clone(raw),
            Content::Nothing if core.state() == State::Finished => return Ok(Ok(py.None())),
            Content::Nothing => {
                drop(inner);
                let kind = py.import("concurrent.futures")?.getattr("CancelledError")?;
                return Err(PyErr::from_value(kind.call0()?));
            }
        }
    };
    // Unpickling runs Python code, so it happens outside the lock; two threads that ask at
    // once both do it, and the first one's object stays.
    let decoded = outcome::decode(py, &raw);
    let fresh = match &decoded {
        Ok(value) => Content::Value(value.clone_ref(py)),
        Err(error) => Content::Error(error.clone_ref(py)),
    };
    let replaced = {
        let mut inner = core.lock();
        match &inner.content {
            Content::Raw(_) => std::mem::replace(&mut inner.content, fresh),
            Content::Value(value) => return Ok(Ok(value.clone_ref(py))),
            Content::Error(error) => return Ok(Err(error.clone_ref(py))),
            Content::Nothing => fresh,
        }
    };
    drop(replaced);
    Ok(decoded)
}
