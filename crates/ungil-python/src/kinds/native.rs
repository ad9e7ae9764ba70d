//! Threads of this process that run the function as native code: `ungil.ThreadPoolExecutor` and `ungil.native`.

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::thread::Thread;
use super::{Home, Kind, PoolOptions};

pub(crate) struct Native;

impl Kind for Native {
    fn name(&self) -> &'static str {
        "native"
    }

    fn plural(&self) -> Option<&'static str> {
        Some("native threads")
    }

    fn home(&self) -> Home {
        Thread.home()
    }

    // Most functions are not in the language.
    fn is_default(&self) -> bool {
        false
    }

    fn function<'py>(
        &self,
        function: &Bound<'py, PyAny>,
        arguments: &Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        function
            .py()
            .import("ungil._native")?
            .call_method1("compiled_for", (function, arguments))
    }

    fn executor<'py>(
        &self,
        py: Python<'py>,
        options: &PoolOptions,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        Thread.executor(py, options)
    }

    fn stop(&self, executor: &Bound<'_, PyAny>) -> PyResult<()> {
        Thread.stop(executor)
    }

    fn fate(&self) -> &'static str {
        Thread.fate()
    }
}
