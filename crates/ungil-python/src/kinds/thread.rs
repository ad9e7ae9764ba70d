//! Threads of this process: `ungil.ThreadPoolExecutor`.

use pyo3::prelude::*;

use super::{Kind, PoolOptions};

pub(crate) struct Thread;

impl Kind for Thread {
    fn name(&self) -> &'static str {
        "thread"
    }

    fn plural(&self) -> Option<&'static str> {
        Some("threads")
    }

    fn has_processes(&self) -> bool {
        false
    }

    fn executor<'py>(
        &self,
        py: Python<'py>,
        options: &PoolOptions,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        py.import("ungil")?
            .getattr("ThreadPoolExecutor")?
            .call1((options.workers,))
            .map(Some)
    }
}
