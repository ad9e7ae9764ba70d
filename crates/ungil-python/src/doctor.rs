//! `ungil doctor` and `ungil.doctor`: what this machine and this Python can do.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use ungil_measure::doctor::{Diagnosis, Facts, Tracer, diagnose};
use ungil_measure::os::linux::System;

/// Finds the facts out and judges them.
pub(crate) fn examine(py: Python<'_>) -> PyResult<Diagnosis> {
    let observed: String = py
        .import("ungil._doctor")?
        .call_method0("observed")?
        .extract()?;
    let observed = serde_json::from_str(&observed)
        .map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
    let system = System::host();
    let mut machine = system.machine();
    machine.python = crate::compare::python(py)?;
    Ok(diagnose(Facts {
        machine,
        cgroup_tasks: system.task_limit(),
        tracer: match ungil_gil::check() {
            Ok(()) => Tracer::Exact,
            Err(error) if error.leaves_sampling() => Tracer::Sampled(error.to_string()),
            Err(error) => Tracer::Nothing(error.to_string()),
        },
        observed,
    }))
}

/// The diagnosis as a JSON document.
#[pyfunction]
pub(crate) fn doctor_json(py: Python<'_>) -> PyResult<String> {
    ungil_report::doctor_json(&examine(py)?)
        .map_err(|error| PyRuntimeError::new_err(error.to_string()))
}
