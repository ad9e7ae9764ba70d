//! Waiting without the GIL, and hearing signals meanwhile.

use super::errors;
use crate::waiting::without_gil;
use pyo3::exceptions::{PyOverflowError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use std::time::Duration;
use ungil_sync::thread;
use ungil_sync::wait::Halt;

/// `threading.TIMEOUT_MAX` of a 64-bit Linux: more is refused, as there.
const TIMEOUT_MAX: f64 = 9_223_372_036.0;
/// How long a signal may go unnoticed in the main thread.
const MAIN_SLICE: Duration = Duration::from_millis(50);
/// Elsewhere only deaths wait to be noticed.
const THREAD_SLICE: Duration = Duration::from_millis(200);

/// An argument that is taken as true or false, whatever its type: `acquire(0)` is common.
#[derive(Clone, Copy)]
pub(crate) struct Flag(pub(crate) bool);

impl<'py> FromPyObject<'_, 'py> for Flag {
    type Error = PyErr;

    #[inline]
    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        object.is_truthy().map(Self)
    }
}

/// What `acquire(blocking, timeout)` asks for.
pub(crate) enum Attempt {
    Once,
    Wait(Option<Duration>),
}

impl Attempt {
    /// By the rules and in the words of `threading.Lock.acquire`.
    pub(crate) fn parse(blocking: bool, timeout: Option<f64>) -> PyResult<Self> {
        match timeout {
            None | Some(-1.0) if blocking => Ok(Self::Wait(None)),
            None | Some(-1.0) => Ok(Self::Once),
            Some(_) if !blocking => Err(PyValueError::new_err(
                "can't specify a timeout for a non-blocking call",
            )),
            Some(seconds) if seconds < 0.0 => Err(PyValueError::new_err(
                "timeout value must be a non-negative number",
            )),
            Some(seconds) => Ok(Self::Wait(Some(duration(seconds)?))),
        }
    }
}

/// The timeout of a `wait(timeout)`: `None` for ever, negative as zero.
pub(crate) fn timeout(seconds: Option<f64>) -> PyResult<Option<Duration>> {
    seconds
        .map(|seconds| duration(seconds.max(0.0)))
        .transpose()
}

fn duration(seconds: f64) -> PyResult<Duration> {
    if seconds.is_nan() {
        return Err(PyValueError::new_err("Invalid value NaN (not a number)"));
    }
    if seconds > TIMEOUT_MAX {
        return Err(PyOverflowError::new_err("timeout value is too large"));
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// What a blocked thread asks after each slice.
pub(crate) struct Signals {
    main: bool,
    raised: Option<PyErr>,
}

impl Signals {
    fn new() -> Self {
        Self {
            main: thread::me().tid() == std::process::id(),
            raised: None,
        }
    }

    /// How long one sleep may last.
    pub(crate) fn slice(&self) -> Duration {
        if self.main { MAIN_SLICE } else { THREAD_SLICE }
    }

    /// Runs the signal handlers that are due (the interpreter runs them in the main thread only); true if
    /// one raised.
    pub(crate) fn interrupted(&mut self) -> bool {
        if self.main && self.raised.is_none() {
            // The method itself is not general enough over the lifetime of `py`.
            #[allow(clippy::redundant_closure_for_method_calls)]
            let checked = Python::attach(|py| py.check_signals());
            self.raised = checked.err();
        }
        self.raised.is_some()
    }
}

/// Runs `work` without the GIL. The exception is that of a signal handler.
pub(crate) fn detached<T: Send>(
    py: Python<'_>,
    work: impl FnOnce(&mut Signals) -> T + Send,
) -> (T, Option<PyErr>) {
    let mut signals = Signals::new();
    let outcome = without_gil(py, || work(&mut signals));
    (outcome, signals.raised)
}

/// The end of a wait as Python sees it: `Ok(false)` when the time was over.
pub(crate) fn halted(py: Python<'_>, halt: &Halt, raised: Option<PyErr>) -> PyResult<bool> {
    match halt {
        Halt::TimedOut => Ok(false),
        Halt::Deadlock(cycle) => Err(errors::deadlock(py, cycle)),
        Halt::Interrupted => {
            Err(raised.unwrap_or_else(|| PyRuntimeError::new_err("the wait was interrupted")))
        }
    }
}
