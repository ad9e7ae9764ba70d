//! Those who listen to a future: callbacks, `wait` and `as_completed`, users of its condition.

use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use super::call::call;
use super::core::{Content, Core, Ears, Inner};
use super::future::FutureBase;
use super::outcome;
use crate::once::name;

/// The listeners' record of a future that is not done, with the future kept alive for them
/// when a process pool will complete it.
pub(super) fn ears<'a>(inner: &'a mut Inner, future: &Bound<'_, FutureBase>) -> &'a mut Ears {
    let linked = inner.link.is_some();
    let ears = inner.ears.get_or_insert_default();
    if linked && ears.future.is_none() {
        ears.future = Some(future.as_any().clone().unbind());
    }
    ears
}

/// Acquires the condition that listeners use, if there is one.
pub(super) fn enter_condition(py: Python<'_>, core: &Core) -> PyResult<Option<Py<PyAny>>> {
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

pub(super) fn exit_condition(
    py: Python<'_>,
    condition: Option<&Py<PyAny>>,
    notify: bool,
) -> PyResult<()> {
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

pub(super) fn event_name<'py>(py: Python<'py>, core: &Core) -> &'py Bound<'py, PyString> {
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
pub(super) fn tell_waiters(future: &Bound<'_, PyAny>, event: &Bound<'_, PyString>) -> PyResult<()> {
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

pub(super) fn invoke_callbacks(future: &Bound<'_, PyAny>) {
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
pub(super) fn call_back(future: &Bound<'_, PyAny>, callback: &Bound<'_, PyAny>) {
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
