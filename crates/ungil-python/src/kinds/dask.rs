//! Worker processes of a Dask cluster on this machine: `ungil.executor("dask")`.

use pyo3::prelude::*;

use super::{Home, Kind, PoolOptions, cluster};

pub(crate) struct Dask;

impl Kind for Dask {
    fn name(&self) -> &'static str {
        "dask"
    }

    fn plural(&self) -> Option<&'static str> {
        Some("Dask workers")
    }

    fn home(&self) -> Home {
        Home::OwnProcess
    }

    /// A cluster takes seconds to start, and there is one for each run of each cell.
    fn is_default(&self) -> bool {
        false
    }

    fn obstacle(&self, py: Python<'_>) -> PyResult<Option<String>> {
        cluster::obstacle(py, "distributed", "dask")
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
