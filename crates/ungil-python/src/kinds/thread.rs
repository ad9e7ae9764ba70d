//! Threads of this process: `ungil.ThreadPoolExecutor`.

use std::time::Duration;

use pyo3::prelude::*;

use super::{Home, Kind, PoolOptions};
use crate::running;

/// How long threads that were asked to stop are waited for.
const STOPPING: Duration = Duration::from_millis(300);

pub(crate) struct Thread;

impl Kind for Thread {
    fn name(&self) -> &'static str {
        "thread"
    }

    fn plural(&self) -> Option<&'static str> {
        Some("threads")
    }

    fn home(&self) -> Home {
        Home::Interpreter
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

    fn stop(&self, executor: &Bound<'_, PyAny>) -> PyResult<()> {
        executor.call_method0("_interrupt")?;
        running::wait_until_idle(executor.py(), STOPPING);
        Ok(())
    }

    fn fate(&self) -> &'static str {
        ". A thread cannot be stopped from outside: where it hangs in C code, it lives until the \
         program ends"
    }
}
