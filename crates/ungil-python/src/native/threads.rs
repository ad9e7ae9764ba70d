//! How many threads a parallel loop has that does not say.

use std::sync::OnceLock;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use ungil_measure::os::linux::System;

/// The variable of the environment, read when the first parallel loop is compiled.
const VARIABLE: &str = "UNGIL_NATIVE_THREADS";

static CHOSEN: OnceLock<Result<Option<usize>, String>> = OnceLock::new();

fn chosen() -> &'static Result<Option<usize>, String> {
    CHOSEN.get_or_init(|| match std::env::var(VARIABLE) {
        Ok(text) if !text.is_empty() => match text.trim().parse() {
            Ok(number @ 1..) => Ok(Some(number)),
            _ => Err(format!(
                "{VARIABLE} is '{text}': expected the number of threads of parallel loops, at least 1"
            )),
        },
        _ => Ok(None),
    })
}

/// Tells of a variable that cannot be understood.
pub(super) fn check() -> PyResult<()> {
    chosen()
        .as_ref()
        .map(|_| ())
        .map_err(|text| PyValueError::new_err(text.clone()))
}

/// What the environment says, else the cores that this thread may use now: affinity and cgroup.
pub(super) fn number() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    if let Ok(Some(number)) = chosen() {
        return *number;
    }
    let cores = *CORES.get_or_init(|| {
        let limits = System::host().limits();
        let quota = limits.cgroup_cpus.map_or(f64::INFINITY, f64::ceil);
        quota.clamp(1.0, limits.online_cpus as f64) as usize
    });
    let allowed = rustix::thread::sched_getaffinity(None).map_or(cores, |set| set.count() as usize);
    cores.min(allowed.max(1))
}
