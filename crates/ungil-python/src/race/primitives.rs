//! What the Python half makes events, semaphores and threads of.

use std::ffi::c_int;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use ungil_race::{Kind, MAX_THREADS, Operation, Part};

use super::engine::{Engine, RESOURCE, inside};
use super::record::{self, NO_STEP, Record};
use super::step::{Went, access, step};

/// Whether the caller is a thread of a model, and which.
#[pyfunction]
pub(super) fn running() -> Option<usize> {
    inside().map(|engine| engine.current)
}

fn require() -> PyResult<&'static mut Engine> {
    inside().ok_or_else(|| PyRuntimeError::new_err("only threads of a model can do this"))
}

fn go(
    py: Python<'_>,
    wish: Operation,
    timeout: Option<f64>,
    verb: &str,
    what: &str,
) -> PyResult<bool> {
    let object = wish.accesses.first().map(|access| access.object);
    match step(wish, timeout, || {
        Record::here(object, verb, what.to_owned(), None)
    }) {
        Went::On => Ok(true),
        Went::TimedOut => Ok(false),
        Went::Away => Err(PyErr::fetch(py)),
    }
}

/// Waits until `owner` is available; False if it is not within `timeout` virtual seconds, or not now.
/// `takes` says that this changes what others wait for. `available` is its state so far, `None` where the engine itself keeps it.
#[pyfunction]
#[pyo3(signature = (owner, verb, what, *, available, takes, blocking = true, timeout = None))]
pub(super) fn wait(
    owner: &Bound<'_, PyAny>,
    verb: &str,
    what: &str,
    available: Option<bool>,
    takes: bool,
    blocking: bool,
    timeout: Option<f64>,
) -> PyResult<bool> {
    let engine = require()?;
    let object = engine.resource(owner.as_ptr(), || true);
    if let Some(available) = available {
        engine.shared[object as usize].available = available;
    }
    let kind = if takes { Kind::Acquire } else { Kind::Wait };
    let mut wish = Operation::on(kind, access(object, Part::Whole, takes));
    wish.blocking = blocking && timeout.is_none_or(|timeout| timeout > 0.0);
    let went = go(owner.py(), wish, timeout, verb, what)?;
    Ok(went && require()?.shared[object as usize].available)
}

/// Waits until a file descriptor is readable, or `owner` available; False if neither is within `timeout` virtual seconds.
#[pyfunction]
#[pyo3(signature = (owner, verb, what, *, descriptor, timeout = None))]
pub(super) fn wait_readable(
    owner: &Bound<'_, PyAny>,
    verb: &str,
    what: &str,
    descriptor: c_int,
    timeout: Option<f64>,
) -> PyResult<bool> {
    let engine = require()?;
    let object = engine.resource(owner.as_ptr(), || false);
    let shared = &mut engine.shared[object as usize];
    (shared.available, shared.descriptor) = (false, Some(descriptor));
    let name = &engine.threads[engine.current].name;
    if engine.blocked.is_none() {
        // What makes it readable is not followed, so that nothing is proved.
        engine.blocked = Some((name.clone(), record::place(owner.py())));
    }
    let mut wish = Operation::on(Kind::Wait, access(object, Part::Whole, false));
    wish.blocking = timeout.is_none_or(|timeout| timeout > 0.0);
    let went = go(owner.py(), wish, timeout, verb, what);
    if let Some(engine) = inside() {
        engine.shared[object as usize].descriptor = None;
    }
    went
}

/// Is about to change the state of `owner`, which is available so far or not.
#[pyfunction]
pub(super) fn sync_point(
    owner: &Bound<'_, PyAny>,
    verb: &str,
    what: &str,
    available: bool,
) -> PyResult<()> {
    let engine = require()?;
    let object = engine.resource(owner.as_ptr(), || available);
    engine.shared[object as usize].available = available;
    let wish = Operation::on(Kind::Signal, access(object, Part::Whole, true));
    go(owner.py(), wish, None, verb, what).map(drop)
}

/// The state of `owner` is this from now on, without a step of its own.
#[pyfunction]
pub(super) fn change(owner: &Bound<'_, PyAny>, available: bool) {
    if let Some(engine) = inside() {
        let object = engine.resource(owner.as_ptr(), || available);
        engine.shared[object as usize].available = available;
    }
}

/// Tells, where the run is to be told, of something that is no step: nothing depends on when it comes.
#[pyfunction]
pub(super) fn note(owner: &Bound<'_, PyAny>, verb: &str, what: &str, value: Option<String>) {
    let Some(engine) = inside() else { return };
    if engine.records.is_none() || engine.ending.is_some() {
        return;
    }
    let object = engine.resource(owner.as_ptr(), || true);
    let record = Record::here(Some(object), verb, what.to_owned(), value);
    // Making the record may have called Python: the engine is borrowed anew.
    if let (Some(mut record), Some(engine)) = (record, inside()) {
        record.step = NO_STEP;
        if let Some(records) = &mut engine.records {
            records.push(record);
        }
    }
}

/// Looks at whether `owner` is available (its state so far, `None` where the engine itself keeps it).
#[pyfunction]
pub(super) fn look(
    owner: &Bound<'_, PyAny>,
    what: &str,
    available: Option<bool>,
) -> PyResult<bool> {
    let engine = require()?;
    let object = engine.resource(owner.as_ptr(), || available.unwrap_or(true));
    let wish = Operation::on(Kind::Look, access(object, Part::Whole, false));
    go(owner.py(), wish, None, "looks at", what)?;
    Ok(require()?.shared[object as usize].available)
}

/// Whether this run has met `owner`.
#[pyfunction]
pub(super) fn knows(owner: &Bound<'_, PyAny>) -> bool {
    inside().is_some_and(|engine| {
        engine
            .names
            .contains_key(&(owner.as_ptr() as usize, RESOURCE))
    })
}

/// Starts a thread of the model that calls `body`; its number. `thread` stands for its end.
#[pyfunction]
pub(super) fn spawn(
    thread: &Bound<'_, PyAny>,
    name: String,
    daemon: bool,
    body: Py<PyAny>,
) -> PyResult<usize> {
    require()?
        .add_thread(name, daemon, body, thread.as_ptr())
        .ok_or_else(|| {
            PyRuntimeError::new_err(format!("a model has at most {MAX_THREADS} threads"))
        })
}

/// Notes a failure of the running thread.
#[pyfunction]
pub(super) fn fail(key: &str, value: Py<PyAny>) -> PyResult<()> {
    let engine = require()?;
    let me = engine.current;
    if engine.ending.is_none() {
        engine.fail(key, me, value);
    }
    Ok(())
}
