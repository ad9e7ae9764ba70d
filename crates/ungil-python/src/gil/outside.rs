//! The GIL of another process: looked at from outside, or asked for by PEP 768.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use ungil_gil::outside::{self, SampleOptions, Sampler, Status, Target};

use super::refused;
use super::report::TraceReport;
use crate::waiting::without_gil;

/// How often Ctrl-C is asked about.
const SIGNALS_EVERY: Duration = Duration::from_millis(50);

/// Looks at a process for so long, or until it ends, or until Ctrl-C; tells what it saw.
pub(crate) fn sample(
    py: Python<'_>,
    target: Target,
    rate: f64,
    duration: Option<Duration>,
    why: String,
) -> PyResult<TraceReport> {
    let begun = Instant::now();
    let options = SampleOptions {
        rate,
        ..SampleOptions::default()
    };
    let mut sampler = without_gil(py, || Sampler::new(target, options));
    loop {
        let left = duration.map_or(SIGNALS_EVERY, |whole| whole.saturating_sub(begun.elapsed()));
        if left.is_zero() {
            break;
        }
        if without_gil(py, || sampler.run_for(left.min(SIGNALS_EVERY))) == Status::Ended {
            break;
        }
        match py.check_signals() {
            Ok(()) => {}
            Err(error) if error.is_instance_of::<PyKeyboardInterrupt>(py) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(TraceReport(without_gil(py, || {
        sampler.finish(&HashMap::new(), why)
    })))
}

/// A script that the main thread of another Python shall run.
#[pyclass(module = "ungil._ungil", frozen)]
pub(crate) struct Attachment(Mutex<outside::Attachment>);

/// Asks the main thread of a process to run a script, as soon as it runs Python code.
#[pyfunction]
#[allow(clippy::needless_pass_by_value)] // as PyO3 hands it over
pub(crate) fn attach(pid: u32, script: PathBuf) -> PyResult<Attachment> {
    Target::open(pid)
        .and_then(|target| outside::Attachment::request(&target, &script))
        .map(|attachment| Attachment(Mutex::new(attachment)))
        .map_err(|error| refused(&error))
}

#[pymethods]
impl Attachment {
    /// Whether the main thread has begun to run it.
    fn is_taken(&self) -> PyResult<bool> {
        let attachment = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        attachment.is_taken().map_err(|error| refused(&error))
    }

    /// Takes the wish back.
    fn cancel(&self) -> PyResult<()> {
        let attachment = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok(attachment.cancel()?)
    }
}
