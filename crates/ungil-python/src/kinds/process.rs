//! Processes: `ungil.ProcessPoolExecutor`.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::{Home, Kind, PoolOptions};

pub(crate) struct Process;

impl Kind for Process {
    fn name(&self) -> &'static str {
        "process"
    }

    fn plural(&self) -> Option<&'static str> {
        Some("processes")
    }

    fn home(&self) -> Home {
        Home::OwnProcess
    }

    fn executor<'py>(
        &self,
        py: Python<'py>,
        options: &PoolOptions,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let keywords = PyDict::new(py);
        if let Some(method) = &options.start_method {
            keywords.set_item("start_method", method)?;
        }
        py.import("ungil")?
            .getattr("ProcessPoolExecutor")?
            .call((options.workers,), Some(&keywords))
            .map(Some)
    }

    fn stop(&self, executor: &Bound<'_, PyAny>) -> PyResult<()> {
        executor.call_method0("kill_workers").map(drop)
    }

    fn fate(&self) -> &'static str {
        "; its worker was killed"
    }
}
