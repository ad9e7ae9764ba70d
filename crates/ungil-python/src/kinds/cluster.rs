//! What Dask and Ray have in common: a cluster on this machine, started and ended with its executor.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::exceptions::{PyImportError, PyKeyboardInterrupt};
use pyo3::prelude::*;

use super::PoolOptions;
use crate::running;

/// Whether a cluster was left to end with the program.
static LEFT_BEHIND: AtomicBool = AtomicBool::new(false);

/// Seconds in which a cluster may end by itself; the end of the program ends it otherwise.
const PATIENCE_S: f64 = 0.4;

pub(super) const FATE: &str = "; its cluster was ended";

/// Why the package cannot be imported, with the remedy.
pub(super) fn obstacle(py: Python<'_>, package: &str, extra: &str) -> PyResult<Option<String>> {
    let imported = py
        .import("ungil._kinds.remote")?
        .call_method1("require", (package, extra));
    match imported {
        Ok(_) => Ok(None),
        Err(error) if error.is_instance_of::<PyImportError>(py) => {
            Ok(Some(format!("{}.", error.value(py))))
        }
        Err(error) => Err(error),
    }
}

/// A cluster of so many workers.
pub(super) fn executor<'py>(
    py: Python<'py>,
    kind: &str,
    options: &PoolOptions,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    py.import("ungil")?
        .getattr("executor")?
        .call1((kind, options.workers))
        .map(Some)
        .inspect_err(|error| {
            // Half of it may be there, and nobody has a handle of it.
            leave_behind_unless(!error.is_instance_of::<PyKeyboardInterrupt>(py));
        })
}

/// Ends the processes and semaphores of clusters that were left to end with the program.
pub(super) fn tidy_up_at_end(py: Python<'_>) -> PyResult<()> {
    if LEFT_BEHIND.load(Ordering::SeqCst) {
        let keeper = py.import("ungil._kinds.keeper")?;
        keeper.call_method0("unlink_semaphores")?;
        keeper.call_method0("kill_descendants")?;
    }
    Ok(())
}

/// Ends a cluster.
pub(super) fn stop(executor: &Bound<'_, PyAny>) -> PyResult<()> {
    let ended = executor.call_method1("_stop", (PATIENCE_S,))?;
    leave_behind_unless(ended.is_truthy()?);
    Ok(())
}

fn leave_behind_unless(ended: bool) {
    LEFT_BEHIND.fetch_or(!ended, Ordering::SeqCst);
    running::left_behind_unless(ended);
}
