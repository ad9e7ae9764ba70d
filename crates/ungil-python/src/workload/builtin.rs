//! The lecture's two workloads, by their names.

use pyo3::prelude::*;

use super::{Calls, Travel, Workload};

/// Their names.
pub(crate) const NAMES: [&str; 2] = ["io", "cpu"];

/// The lecture's number of iterations of one task.
pub(crate) const LECTURE: u64 = 1_000_000;

/// The workload of that name at the lecture's size.
pub(super) fn named(py: Python<'_>, name: &str) -> PyResult<Option<Workload>> {
    if !NAMES.contains(&name) {
        return Ok(None);
    }
    let function = py.import("ungil.workloads")?.getattr(name)?.unbind();
    Ok(Some(Workload {
        name: name.to_owned(),
        function,
        calls: Calls::Iterations(LECTURE),
        travel: Travel::ByReference,
        module: None,
    }))
}
