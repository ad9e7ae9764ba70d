//! What it costs to pickle a workload's tasks, and whether they pickle at all.

use std::time::{Duration, Instant};

use pyo3::prelude::*;

use crate::error::{Error, Result};
use crate::kinds::Home;
use crate::parcel::Parcel;
use crate::workload::Workload;

/// Arguments are tried one after the other for at most this long.
const PATIENCE: Duration = Duration::from_secs(2);

/// What to do about an argument that does not pickle.
const ARGUMENT_REMEDY: &str = "Give processes plain data (a path instead of an open \
    file, a class or function of a module instead of a local one), or use --worker thread.";

/// What to do about a result that does not pickle.
const RESULT_REMEDY: &str = "Return plain data from the function (a list instead of a \
    generator, a class of a module instead of a local one), or use --worker thread.";

/// Mean cost of one task's way to a process and back.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Transport {
    /// Bytes of function and argument.
    pub(super) sent_bytes: f64,
    /// Bytes of the result.
    pub(super) received_bytes: f64,
    /// Seconds of pickling and unpickling all of them.
    pub(super) pickle_s: f64,
}

impl Transport {
    /// Pickles the arguments of `tasks` tasks and these results, there and back.
    pub(super) fn measure(
        py: Python<'_>,
        workload: &Workload,
        tasks: usize,
        results: &[Py<PyAny>],
    ) -> Result<Self> {
        workload.travel.check(&workload.name)?;
        let function_bytes =
            Parcel::pack(workload.probe(py, Home::OwnProcess)?.as_any())?.bytes()?;
        let mut sent = Cost::default();
        let begun = Instant::now();
        for task in 0..tasks {
            let arguments = workload.arguments(py, task)?;
            sent.add(arguments.as_any()).map_err(|error| {
                unpicklable(
                    py,
                    &format!("the argument of task {}", task + 1),
                    workload,
                    &error,
                    ARGUMENT_REMEDY,
                )
            })?;
            if begun.elapsed() > PATIENCE {
                break;
            }
            py.check_signals()?;
        }
        let mut received = Cost::default();
        for (task, result) in results.iter().enumerate() {
            received.add(result.bind(py)).map_err(|error| {
                unpicklable(
                    py,
                    &format!("the result of task {}", task + 1),
                    workload,
                    &error,
                    RESULT_REMEDY,
                )
            })?;
        }
        Ok(Self {
            // The pool pickles a function once and sends it with every task.
            sent_bytes: sent.mean(sent.bytes) + function_bytes as f64,
            received_bytes: received.mean(received.bytes),
            pickle_s: sent.mean(sent.seconds) + received.mean(received.seconds),
        })
    }
}

fn unpicklable(
    py: Python<'_>,
    what: &str,
    workload: &Workload,
    error: &PyErr,
    remedy: &str,
) -> Error {
    Error::Unpicklable {
        what: format!("{what} of {}", workload.name),
        reason: error.value(py).to_string(),
        remedy: remedy.to_owned(),
    }
}

#[derive(Default)]
struct Cost {
    bytes: f64,
    seconds: f64,
    number: f64,
}

impl Cost {
    fn add(&mut self, object: &Bound<'_, PyAny>) -> PyResult<()> {
        let begun = Instant::now();
        let parcel = Parcel::pack(object)?;
        parcel.unpack()?;
        self.seconds += begun.elapsed().as_secs_f64();
        self.bytes += parcel.bytes()? as f64;
        self.number += 1.0;
        Ok(())
    }

    fn mean(&self, total: f64) -> f64 {
        if self.number > 0.0 {
            total / self.number
        } else {
            0.0
        }
    }
}
