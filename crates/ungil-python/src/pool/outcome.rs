//! From a worker's answer to a value or an exception, in the parent.

use pyo3::exceptions::{PyException, PyMemoryError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use std::sync::Arc;
use ungil_pool::process::Outcome;
use ungil_pool::{Breakage, Crash, ExitStatus, Message, TimedOut};

use super::core::Raw;
use super::shared_buffer::SharedBuffer;
use super::{codec, pickling};
use crate::waiting::without_gil;

/// The first byte of an answer.
pub(super) mod answer {
    /// A plain value.
    pub(crate) const PLAIN: u8 = 0;
    /// A pickled value.
    pub(crate) const PICKLED: u8 = 1;
    /// A raised exception: (type name, message, traceback), then the pickled exception if it pickles.
    pub(crate) const RAISED: u8 = 2;
    /// The value does not pickle: (type name, message, "").
    pub(crate) const UNPICKLABLE: u8 = 3;
    /// The task could not be read: (type name, message, traceback).
    pub(crate) const UNREADABLE: u8 = 4;
}

/// Whether an outcome is an exception; without looking inside.
pub(super) fn is_error(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Finished(message) => !matches!(
            message.head().first(),
            Some(&(answer::PLAIN | answer::PICKLED))
        ),
        _ => true,
    }
}

/// The value of a task, or its exception.
pub(super) fn decode(py: Python<'_>, raw: &Arc<Raw>) -> Result<Py<PyAny>, Py<PyAny>> {
    let decoded = match &raw.outcome {
        Outcome::Finished(message) => decode_answer(py, raw, message),
        Outcome::Crashed(crash) => Err(crash_error(py, crash, raw)),
        Outcome::TimedOut(stopped) => Err(timeout_error(py, stopped, raw)),
        Outcome::Broken(breakage) => Err(breakage_error(py, breakage)),
        Outcome::Garbled => Err(pool_error(
            py,
            "WorkerCrashed",
            &format!(
                "the worker's answer to task {} is not readable: something has overwritten its memory",
                raw.label
            ),
        )),
        Outcome::Cancelled => Err(PyRuntimeError::new_err("a cancelled task has no outcome")),
    };
    decoded
        .map(Bound::unbind)
        .map_err(|error| error.into_value(py).into_any())
}

fn decode_answer<'py>(
    py: Python<'py>,
    raw: &Arc<Raw>,
    message: &Message,
) -> PyResult<Bound<'py, PyAny>> {
    let mut input = message.head();
    let kind = codec::take(&mut input, 1).map(|byte| byte[0]);
    let garbled =
        || PyRuntimeError::new_err(format!("the answer to task {} is garbled", raw.label));
    match kind {
        Some(answer::PLAIN) => codec::decode(py, &mut input)?.ok_or_else(garbled),
        Some(answer::PICKLED) => {
            let buffers = SharedBuffer::all(message, raw, raw.readonly);
            pickling::load(py, input, raw, buffers)
                .map_err(|error| unreadable_result(py, raw, error))
        }
        Some(kind @ (answer::RAISED | answer::UNPICKLABLE | answer::UNREADABLE)) => {
            let told = codec::decode(py, &mut input)?.ok_or_else(garbled)?;
            let (name, text, traceback): (String, String, String) =
                told.cast::<PyTuple>()?.extract()?;
            Err(match kind {
                answer::RAISED => raised(py, raw, &name, &text, &traceback, input),
                answer::UNPICKLABLE => unpicklable_result(py, &raw.label, &name, &text),
                _ => unreadable(py, raw, &name, &text, &traceback),
            })
        }
        _ => Err(garbled()),
    }
}

/// The task's own exception, with its traceback in the worker as the cause.
fn raised(
    py: Python<'_>,
    raw: &Arc<Raw>,
    name: &str,
    text: &str,
    traceback: &str,
    pickle: &[u8],
) -> PyErr {
    let label = &raw.label;
    let rebuilt = (!pickle.is_empty()).then(|| pickling::load(py, pickle, raw, Vec::new()));
    let error = match rebuilt {
        Some(Ok(value)) if value.is_instance_of::<pyo3::exceptions::PyBaseException>() => {
            PyErr::from_value(value)
        }
        // Where there is no memory there is none for a pickle either.
        None if name == "MemoryError" => {
            PyMemoryError::new_err(format!("task {label} ran out of memory: {text}"))
        }
        failed => {
            let why = match failed {
                Some(Err(error)) => format!("it cannot be unpickled here: {error}"),
                _ => "it does not pickle".into(),
            };
            pool_error(
                py,
                "RemoteError",
                &format!("task {label} raised {name}: {text} ({why})"),
            )
        }
    };
    set_remote_cause(py, &error, traceback);
    error
}

/// The error of an answer that arrived and does not unpickle.
fn unreadable_result(py: Python<'_>, raw: &Raw, error: PyErr) -> PyErr {
    let why = format!(
        "the result of task {} cannot be unpickled in the parent process",
        raw.label
    );
    let class = match &raw.breaks {
        Some(pool) => {
            if let Some(pool) = pool.upgrade() {
                without_gil(py, || pool.break_off(&why));
            }
            "BrokenProcessPool"
        }
        // What it raises is not for this process to exit or to stop on.
        None if !error.is_instance_of::<PyException>(py) => "RemoteError",
        None => {
            let note = format!("{why}: the class of a result must be importable here");
            return with_note(py, error, &note);
        }
    };
    let told = pool_error(py, class, &format!("{why}: {error}"));
    told.set_cause(py, Some(error));
    told
}

fn unpicklable_result(py: Python<'_>, label: &str, name: &str, text: &str) -> PyErr {
    pickling_error(
        py,
        &format!(
            "the result of task {label}, a {name}, cannot be sent back: {text}. Return plain data instead, or use \
             a thread pool, which needs no pickling"
        ),
    )
}

fn unreadable(py: Python<'_>, raw: &Raw, name: &str, text: &str, traceback: &str) -> PyErr {
    let hint = if text.contains("__main__") {
        ". Functions and classes of an interactive session reach workers only through cloudpickle \
         (pip install cloudpickle), or when they are moved into a module"
    } else {
        ". The function's module and the classes of its arguments must be importable in the worker"
    };
    let class = if raw.breaks.is_some() {
        "BrokenProcessPool"
    } else {
        "RemoteError"
    };
    let label = &raw.label;
    let error = pool_error(
        py,
        class,
        &format!("task {label} could not be unpickled in the worker process: {name}: {text}{hint}"),
    );
    set_remote_cause(py, &error, traceback);
    error
}

/// Makes a traceback from the worker the cause of an error.
pub(super) fn set_remote_cause(py: Python<'_>, error: &PyErr, traceback: &str) {
    if !traceback.is_empty() {
        let cause = pool_error(py, "RemoteTraceback", traceback);
        error.set_cause(py, Some(cause));
    }
}

fn crash_error(py: Python<'_>, crash: &Crash, raw: &Raw) -> PyErr {
    let Crash {
        pid,
        status,
        deliberate,
        breaks,
        runs,
    } = crash;
    let label = &raw.label;
    if *deliberate {
        return pool_error(
            py,
            "WorkerCrashed",
            &format!(
                "task {label} was abandoned: its worker, process {pid}, was killed because the executor was told to stop"
            ),
        );
    }
    let memory = if *status == ExitStatus::Signal(9) && raw.out_of_memory {
        " (killed, perhaps out of memory: the kernel's count of such kills has gone up)"
    } else {
        ""
    };
    let end = if *breaks {
        "The pool is broken, as on_crash=\"break\" says".into()
    } else if *runs > 1 {
        format!("It was run {runs} times; the pool goes on with a new worker")
    } else {
        "The pool goes on with a new worker".into()
    };
    pool_error(
        py,
        "WorkerCrashed",
        &format!("task {label} was lost: its worker, process {pid}, {status}{memory}. {end}"),
    )
}

fn timeout_error(py: Python<'_>, stopped: &TimedOut, raw: &Raw) -> PyErr {
    let TimedOut { pid, limit } = stopped;
    let label = &raw.label;
    let seconds = limit.as_secs_f64();
    pool_error(
        py,
        "TaskTimeout",
        &format!(
            "task {label} was stopped: it ran longer than its timeout of {seconds} s, so its worker, process {pid}, \
             was killed. The pool goes on with a new worker"
        ),
    )
}

/// The error of a pool that broke.
pub(super) fn breakage_error(py: Python<'_>, breakage: &Breakage) -> PyErr {
    let told = breakage.detail.as_ref().and_then(|detail| {
        let told = codec::decode(py, &mut detail.head()).ok().flatten()?;
        told.extract::<(String, String, String)>().ok()
    });
    match told {
        Some((name, text, traceback)) => {
            let error = pool_error(
                py,
                "BrokenProcessPool",
                &format!("{}: {name}: {text}", breakage.reason),
            );
            set_remote_cause(py, &error, &traceback);
            error
        }
        None => pool_error(py, "BrokenProcessPool", &breakage.reason),
    }
}

/// An error of one of the classes in `ungil._process`.
pub(super) fn pool_error(py: Python<'_>, class: &str, message: &str) -> PyErr {
    let made = py
        .import("ungil._process")
        .and_then(|module| module.getattr(class)?.call1((message,)));
    made.map_or_else(|error| error, PyErr::from_value)
}

pub(super) fn pickling_error(py: Python<'_>, message: &str) -> PyErr {
    let made = py
        .import("pickle")
        .and_then(|module| module.getattr("PicklingError")?.call1((message,)));
    made.map_or_else(|error| error, PyErr::from_value)
}

/// Adds a note (PEP 678) to an error.
pub(super) fn with_note(py: Python<'_>, error: PyErr, note: &str) -> PyErr {
    // A class without `add_note` only loses the note.
    let _ = error.value(py).call_method1("add_note", (note,));
    error
}
