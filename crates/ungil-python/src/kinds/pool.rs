//! An open pool of one kind.

use pyo3::exceptions::{
    PyAttributeError, PyMemoryError, PyOSError, PyRuntimeError, PyTypeError, PyValueError,
};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::{Home, Kind, PoolOptions};
use crate::error::{Error, Result};

/// An executor and what kind it is of.
pub(crate) struct Pool {
    /// The kind.
    pub(crate) kind: &'static dyn Kind,
    /// Number of workers; 1 for the calling thread.
    pub(crate) workers: usize,
    executor: Option<Py<PyAny>>,
}

impl Pool {
    /// Starts the workers (or has the executor start them when they are needed).
    pub(crate) fn open(
        py: Python<'_>,
        kind: &'static dyn Kind,
        options: &PoolOptions,
    ) -> Result<Self> {
        let mut pool = Self {
            kind,
            workers: options.workers,
            executor: None,
        };
        let executor = kind
            .executor(py, options)
            .map_err(|error| pool.refused(py, error))?;
        match executor {
            Some(executor) => pool.executor = Some(executor.unbind()),
            None => pool.workers = 1,
        }
        Ok(pool)
    }

    /// For example `thread x4`.
    pub(crate) fn name(&self) -> String {
        match self.kind.plural() {
            None => self.kind.name().to_owned(),
            Some(_) => format!("{} x{}", self.kind.name(), self.workers),
        }
    }

    /// What an exception of the executor means that is not about the task: a number it does not take, or a limit of the
    /// system. What is neither is a mistake of ours.
    pub(crate) fn refused(&self, py: Python<'_>, error: PyErr) -> Error {
        if error.is_instance_of::<PyValueError>(py) {
            Error::Usage(format!("{}: {}", self.name(), error.value(py)))
        } else if error.is_instance_of::<PyRuntimeError>(py)
            || error.is_instance_of::<PyOSError>(py)
            || error.is_instance_of::<PyMemoryError>(py)
        {
            Error::NoWorkers {
                what: self.name(),
                source: error,
            }
        } else {
            error.into()
        }
    }

    /// Whether the calling thread does the work.
    pub(crate) fn is_caller(&self) -> bool {
        self.executor.is_none()
    }

    /// Submits `callable(*arguments)`; a pool without workers has no futures and is not asked.
    pub(crate) fn submit<'py>(
        &self,
        py: Python<'py>,
        callable: &Bound<'py, PyAny>,
        arguments: &Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let mut all = vec![callable.clone()];
        all.extend(arguments.iter());
        let executor = self
            .executor
            .as_ref()
            .expect("the calling thread takes no submissions");
        executor
            .bind(py)
            .call_method1("submit", PyTuple::new(py, all)?)
    }

    /// The worker processes; empty where workers share this process.
    pub(crate) fn worker_pids(&self, py: Python<'_>) -> PyResult<Vec<i32>> {
        match &self.executor {
            Some(executor) if self.kind.home() == Home::OwnProcess => {
                executor.bind(py).call_method0("worker_pids")?.extract()
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Whether a future's exception says that its worker died.
    pub(crate) fn is_broken(py: Python<'_>, error: &PyErr) -> bool {
        py.import("concurrent.futures")
            .and_then(|futures| futures.getattr("BrokenExecutor"))
            .is_ok_and(|class| error.value(py).is_instance(&class).unwrap_or(false))
    }

    /// Whether an exception of a submission or a future is about what was to be sent: `pickle` raises these three.
    pub(crate) fn is_about_pickling(py: Python<'_>, error: &PyErr) -> bool {
        error.is_instance_of::<PyTypeError>(py)
            || error.is_instance_of::<PyAttributeError>(py)
            || py
                .import("pickle")
                .and_then(|pickle| pickle.getattr("PickleError"))
                .is_ok_and(|class| error.value(py).is_instance(&class).unwrap_or(false))
    }

    /// Ends the pool after its last task.
    pub(crate) fn close(&self, py: Python<'_>) -> PyResult<()> {
        if let Some(executor) = &self.executor {
            executor.bind(py).call_method1("shutdown", (true,))?;
        }
        Ok(())
    }

    /// Ends the pool now: processes are killed, threads asked to stop, waiting tasks cancelled.
    pub(crate) fn abandon(&self, py: Python<'_>) {
        if let Some(executor) = &self.executor {
            // The reason for giving up is what the user has to hear; a failure to tidy up is not.
            let _ = self.kind.stop(executor.bind(py));
        }
    }
}
