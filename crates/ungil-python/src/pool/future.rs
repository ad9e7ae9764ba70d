//! `_ungil.FutureBase`: the native half of `ungil.Future`.
//!
//! `ungil.Future` is this class and `concurrent.futures.Future`, so everything that takes the
//! standard future takes ours; every method and private attribute that the standard library
//! uses of a future (`_condition`, `_waiters`, `_state`, `_result`, `_exception`) is here.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pyo3::exceptions::{PyOverflowError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple, PyType};
use pyo3::{PyTraverseError, PyVisit};

use super::call::call;
use super::cancel::{self, Cancel};
use super::core::{Content, Core, Ears, Inner, State};
use super::{outcome, thread};
use crate::once::{Once, name};
use crate::waiting::without_gil;

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

/// The listeners' record of a future that is not done, with the future kept alive for them
/// when a process pool will complete it.
fn ears<'a>(inner: &'a mut Inner, future: &Bound<'_, FutureBase>) -> &'a mut Ears {
    let linked = inner.link.is_some();
    let ears = inner.ears.get_or_insert_default();
    if linked && ears.future.is_none() {
        ears.future = Some(future.as_any().clone().unbind());
    }
    ears
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

/// Acquires the condition that listeners use, if there is one.
fn enter_condition(py: Python<'_>, core: &Core) -> PyResult<Option<Py<PyAny>>> {
    let condition = core
        .lock()
        .ears
        .as_ref()
        .and_then(|ears| ears.condition.as_ref())
        .map(|condition| condition.clone_ref(py));
    if let Some(condition) = &condition {
        condition.call_method0(py, name!(py, "acquire"))?;
    }
    Ok(condition)
}

fn exit_condition(py: Python<'_>, condition: Option<&Py<PyAny>>, notify: bool) -> PyResult<()> {
    let Some(condition) = condition else {
        return Ok(());
    };
    let notified = if notify {
        condition
            .call_method0(py, name!(py, "notify_all"))
            .map(drop)
    } else {
        Ok(())
    };
    condition.call_method0(py, name!(py, "release"))?;
    notified
}

fn event_name<'py>(py: Python<'py>, core: &Core) -> &'py Bound<'py, pyo3::types::PyString> {
    if core.state().is_cancelled() {
        return name!(py, "add_cancelled");
    }
    let failed = match &core.lock().content {
        Content::Error(_) => true,
        Content::Raw(raw) => outcome::is_error(&raw.outcome),
        Content::Nothing | Content::Value(_) => false,
    };
    if failed {
        name!(py, "add_exception")
    } else {
        name!(py, "add_result")
    }
}

/// Tells the waiters that `wait` and `as_completed` have installed.
fn tell_waiters(
    future: &Bound<'_, PyAny>,
    event: &Bound<'_, pyo3::types::PyString>,
) -> PyResult<()> {
    let py = future.py();
    let Ok(base) = future.cast::<FutureBase>() else {
        return Ok(());
    };
    let waiters = base
        .get()
        .core
        .lock()
        .ears
        .as_ref()
        .and_then(|ears| Some(ears.waiters.as_ref()?.clone_ref(py)));
    let Some(waiters) = waiters else {
        return Ok(());
    };
    for waiter in waiters.bind(py).iter() {
        waiter.call_method1(event, (future,))?;
    }
    Ok(())
}

fn invoke_callbacks(future: &Bound<'_, PyAny>) {
    let Ok(base) = future.cast::<FutureBase>() else {
        return;
    };
    let callbacks = match &mut base.get().core.lock().ears {
        Some(ears) => {
            let own = ears.future.take();
            let callbacks = std::mem::take(&mut ears.callbacks);
            (callbacks, own)
        }
        None => return,
    };
    for callback in &callbacks.0 {
        call_back(future, callback.bind(future.py()));
    }
}

/// Calls one callback; its exception is logged, as `concurrent.futures` does.
fn call_back(future: &Bound<'_, PyAny>, callback: &Bound<'_, PyAny>) {
    let py = future.py();
    let called = PyTuple::new(py, [future]).and_then(|args| call(callback, &args, None));
    let Err(error) = called else { return };
    if !error.is_instance_of::<pyo3::exceptions::PyException>(py) {
        error.write_unraisable(py, Some(callback));
        return;
    }
    let logged = py.import("concurrent.futures._base").and_then(|base| {
        let options = pyo3::types::PyDict::new(py);
        options.set_item("exc_info", error.value(py))?;
        base.getattr("LOGGER")?.call_method(
            "error",
            ("exception calling callback for %r", future),
            Some(&options),
        )
    });
    if let Err(error) = logged {
        error.write_unraisable(py, Some(callback));
    }
}

/// Waits until the future is done, handling signals meanwhile.
fn wait(py: Python<'_>, core: &Arc<Core>, timeout: Option<f64>) -> PyResult<()> {
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
            return Err(pyo3::exceptions::PyTimeoutError::new_err(()));
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
pub(crate) fn deadline(timeout: f64) -> PyResult<Option<Instant>> {
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
