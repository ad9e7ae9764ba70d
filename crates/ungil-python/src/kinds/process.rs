//! Processes: `ungil.ProcessPoolExecutor`.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::{Kind, PoolOptions};

pub(crate) struct Process;

impl Kind for Process {
    fn name(&self) -> &'static str {
        "process"
    }

    fn plural(&self) -> Option<&'static str> {
        Some("processes")
    }

    fn has_processes(&self) -> bool {
        true
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
}
