//! What can go wrong between a user's wish and its measurement, each with the remedy in its sentence.
//!
//! The command line prints these and turns them into exit codes; the Python functions raise them as
//! the standard exception that a Python programmer would expect.

use std::path::PathBuf;

use pyo3::exceptions::{
    PyKeyboardInterrupt, PyOSError, PyRuntimeError, PyTimeoutError, PyTypeError, PyValueError,
};
use pyo3::prelude::*;

/// The result of everything in this crate that a user can make fail.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// Why a command or a call did not end with a result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// What was asked for makes no sense; nothing has run.
    #[error("{0}")]
    Usage(String),

    /// A thing of the wrong type was given; nothing has run.
    #[error("{0}")]
    WrongType(String),

    /// The user's own code failed before any task ran: its module, or its `--items`.
    #[error("{what} failed")]
    UserCode {
        /// What was being done, as the start of a sentence.
        what: String,
        /// The user's exception.
        source: PyErr,
    },

    /// A task raised.
    #[error("{place} raised {kind}")]
    Raised {
        /// Which task of what.
        place: String,
        /// The exception's type.
        kind: String,
        /// The task's own traceback.
        traceback: String,
        /// The exception, where it could be brought back.
        exception: Option<Py<PyAny>>,
    },

    /// Something that has to travel to a worker or back does not pickle.
    #[error("{what} does not pickle: {reason}.\n{remedy}")]
    Unpicklable {
        /// What does not pickle.
        what: String,
        /// What pickle said.
        reason: String,
        /// What to do.
        remedy: String,
    },

    /// A task's result, or the task itself, was lost on the way.
    #[error("{place}: {message}")]
    Undelivered {
        /// Which task of what.
        place: String,
        /// The pool's account, which says what to do.
        message: String,
        /// The pool's exception.
        source: PyErr,
    },

    /// The workers cannot be had: too many of them, or a limit of the system.
    #[error("cannot start {what}: {}", message_of(source))]
    NoWorkers {
        /// How many of which kind.
        what: String,
        /// Why.
        source: PyErr,
    },

    /// A worker died with a task in its hands.
    #[error("{place}: {message}")]
    WorkerDied {
        /// Which task of what.
        place: String,
        /// How it died.
        message: String,
        /// The pool's exception.
        source: PyErr,
    },

    /// A task ran longer than `--timeout`.
    #[error("{place} was still running after {seconds} s (--timeout){rest}")]
    TimedOut {
        /// Which task of what.
        place: String,
        /// The limit.
        seconds: f64,
        /// What became of the task.
        rest: String,
    },

    /// A file that was to be written cannot be.
    #[error("cannot write {}: {source}", path.display())]
    Output {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },

    /// A cell takes longer than it may, compared with an earlier comparison.
    #[error("{0}")]
    Slower(String),

    /// Ctrl-C, with what had been done by then.
    #[error("interrupted{}", if .0.is_empty() { String::new() } else { format!(": {}", .0) })]
    Interrupted(String),

    /// Nobody reads our output any more.
    #[error("the output pipe was closed")]
    ClosedPipe,

    /// A mistake of ours.
    #[error("internal error: {0}")]
    Internal(PyErr),
}

impl Error {
    /// An exception from a module of ours: its `Refused` is what the user can put right.
    pub(crate) fn refused(module: &Bound<'_, PyModule>, error: PyErr) -> Self {
        let py = module.py();
        let theirs = module
            .getattr("Refused")
            .is_ok_and(|class| error.is_instance(py, &class));
        if theirs {
            Self::Usage(error.value(py).to_string())
        } else {
            Self::from(error)
        }
    }

    /// The exit code of the command line, as its help documents them.
    pub(crate) fn exit_code(&self) -> i32 {
        match self {
            Error::ClosedPipe => 0,
            Error::UserCode { .. }
            | Error::Raised { .. }
            | Error::Unpicklable { .. }
            | Error::Undelivered { .. }
            | Error::NoWorkers { .. }
            | Error::WorkerDied { .. }
            | Error::TimedOut { .. } => 1,
            Error::Usage(_) | Error::WrongType(_) | Error::Output { .. } => 2,
            Error::Slower(_) => 3,
            Error::Internal(_) => 70,
            Error::Interrupted(_) => 130,
        }
    }
}

/// Exceptions that reach us unasked: Ctrl-C is an interruption, the rest is a mistake of ours.
impl From<PyErr> for Error {
    fn from(error: PyErr) -> Self {
        Python::attach(|py| {
            if error.is_instance_of::<PyKeyboardInterrupt>(py) {
                Error::Interrupted(String::new())
            } else {
                Error::Internal(error)
            }
        })
    }
}

/// As a Python exception; the user's own exceptions are raised as they are, with a note of the place.
impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        Python::attach(|py| match error {
            Error::Usage(_) => PyValueError::new_err(message),
            Error::WrongType(_) => PyTypeError::new_err(message),
            Error::UserCode { what, source } => with_note(py, source, &format!("ungil: {what}")),
            Error::Raised {
                place,
                traceback,
                exception: Some(exception),
                ..
            } => {
                let error = PyErr::from_value(exception.into_bound(py));
                let note = match error.traceback(py) {
                    Some(_) => format!("ungil: {place}"),
                    None => format!("ungil: {place}; in the worker:\n{}", traceback.trim_end()),
                };
                with_note(py, error, &note)
            }
            Error::Raised { traceback, .. } => {
                PyRuntimeError::new_err(format!("{message}:\n{}", traceback.trim_end()))
            }
            Error::Unpicklable { .. } => match pickling_error(py, &message) {
                Ok(error) | Err(error) => error,
            },
            Error::Slower(_) => PyRuntimeError::new_err(message),
            Error::NoWorkers { what, source } => {
                with_note(py, source, &format!("ungil: cannot start {what}"))
            }
            Error::Undelivered { place, source, .. } | Error::WorkerDied { place, source, .. } => {
                with_note(py, source, &format!("ungil: {place}"))
            }
            Error::TimedOut { .. } => PyTimeoutError::new_err(message),
            Error::Output { source, .. } => {
                PyOSError::new_err((source.raw_os_error().unwrap_or(0), message))
            }
            Error::Interrupted(what) if what.is_empty() => PyKeyboardInterrupt::new_err(()),
            Error::Interrupted(what) => PyKeyboardInterrupt::new_err(what),
            Error::ClosedPipe => pyo3::exceptions::PyBrokenPipeError::new_err(message),
            Error::Internal(error) => error,
        })
    }
}

/// An exception's message, without its type.
pub(crate) fn message_of(error: &PyErr) -> String {
    Python::attach(|py| error.value(py).to_string())
}

fn with_note(py: Python<'_>, error: PyErr, note: &str) -> PyErr {
    // A note is a courtesy: an exception that refuses one is still the user's exception.
    let _ = error.value(py).call_method1("add_note", (note,));
    error
}

fn pickling_error(py: Python<'_>, message: &str) -> PyResult<PyErr> {
    let class = py.import("pickle")?.getattr("PicklingError")?;
    Ok(PyErr::from_value(class.call1((message,))?))
}
