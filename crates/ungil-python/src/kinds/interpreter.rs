//! Threads of this process with an interpreter each: `ungil.InterpreterPoolExecutor`.

use pyo3::prelude::*;

use super::{Home, Kind, PoolOptions};
use crate::running;

pub(crate) struct Interpreter;

impl Kind for Interpreter {
    fn name(&self) -> &'static str {
        "interpreter"
    }

    fn plural(&self) -> Option<&'static str> {
        Some("interpreters")
    }

    fn home(&self) -> Home {
        Home::OwnInterpreter
    }

    fn obstacle(&self, py: Python<'_>) -> PyResult<Option<String>> {
        let reason: Option<String> = py
            .import("ungil._kinds.subinterpreter")?
            .call_method0("why_not")?
            .extract()?;
        Ok(reason.map(|reason| {
            format!(
                "{reason}. Use processes (--worker process), which run the same tasks in \
                 parallel, or Python 3.13 or newer."
            )
        }))
    }

    fn executor<'py>(
        &self,
        py: Python<'py>,
        options: &PoolOptions,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        py.import("ungil")?
            .getattr("InterpreterPoolExecutor")?
            .call1((options.workers,))
            .map(Some)
    }

    fn stop(&self, executor: &Bound<'_, PyAny>) -> PyResult<()> {
        running::left_behind_unless(executor.call_method0("_stop")?.is_truthy()?);
        Ok(())
    }

    fn fate(&self) -> &'static str {
        ". An interpreter cannot be stopped from outside: where it hangs in C code, it lives until \
         the program ends"
    }
}
