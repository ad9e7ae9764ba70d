//! The baseline: a plain loop in the calling thread.

use pyo3::prelude::*;
use ungil_measure::comparison::SERIAL;

use super::{Home, Kind, PoolOptions};

pub(crate) struct Serial;

impl Kind for Serial {
    fn name(&self) -> &'static str {
        SERIAL
    }

    fn plural(&self) -> Option<&'static str> {
        None
    }

    fn home(&self) -> Home {
        Home::Caller
    }

    fn executor<'py>(
        &self,
        _py: Python<'py>,
        _options: &PoolOptions,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(None)
    }

    fn stop(&self, _executor: &Bound<'_, PyAny>) -> PyResult<()> {
        Ok(())
    }

    fn fate(&self) -> &'static str {
        "; it was stopped"
    }
}
