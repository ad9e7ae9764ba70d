//! Worker processes of a Ray cluster on this machine: `ungil.executor("ray")`.

use pyo3::prelude::*;

use super::{Home, Kind, PoolOptions, cluster};

pub(crate) struct Ray;

impl Kind for Ray {
    fn name(&self) -> &'static str {
        "ray"
    }

    fn plural(&self) -> Option<&'static str> {
        Some("Ray workers")
    }

    fn home(&self) -> Home {
        Home::OwnProcess
    }

    /// A cluster takes seconds to start, and there is one for each run of each cell.
    fn is_default(&self) -> bool {
        false
    }

    fn obstacle(&self, py: Python<'_>) -> PyResult<Option<String>> {
        if let Some(obstacle) = cluster::obstacle(py, "ray", "ray")? {
            return Ok(Some(obstacle));
        }
        let connected = py.import("ray")?.call_method0("is_initialized")?;
        Ok(connected.is_truthy()?.then(|| {
            "this program is connected to Ray already, and each pool that is measured needs a Ray \
             of its own. Call ray.shutdown() before."
                .to_owned()
        }))
    }

    fn executor<'py>(
        &self,
        py: Python<'py>,
        options: &PoolOptions,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        cluster::executor(py, self.name(), options)
    }

    fn stop(&self, executor: &Bound<'_, PyAny>) -> PyResult<()> {
        cluster::stop(executor)
    }

    fn fate(&self) -> &'static str {
        cluster::FATE
    }
}
