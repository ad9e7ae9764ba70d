//! How a function gets to another process.

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::reference::Reference;
use crate::error::{Error, Result};

/// The way of a function to a worker process.
pub(crate) enum Travel {
    /// It pickles as it is, by its module's name.
    ByReference,
    /// Something else is pickled, and unpickles to the function.
    StandIn(StandIn),
    /// It cannot; why, and what to do.
    Cannot(Obstacle),
}

/// Why a function cannot be sent.
pub(crate) struct Obstacle {
    /// What pickle said.
    pub(crate) reason: String,
    /// What to do.
    pub(crate) remedy: String,
}

impl Travel {
    /// Refuses a function that cannot be sent.
    pub(crate) fn check(&self, name: &str) -> Result<()> {
        match self {
            Travel::ByReference | Travel::StandIn(_) => Ok(()),
            Travel::Cannot(obstacle) => Err(Error::Unpicklable {
                what: format!("the function \"{name}\""),
                reason: obstacle.reason.clone(),
                remedy: obstacle.remedy.clone(),
            }),
        }
    }
}

/// Pickles as a call whose result is the function.
#[pyclass(module = "ungil._ungil", frozen)]
pub(crate) struct StandIn {
    rebuild: Py<PyAny>,
    arguments: Py<PyAny>,
}

#[pymethods]
impl StandIn {
    fn __reduce__(&self, py: Python<'_>) -> (Py<PyAny>, Py<PyAny>) {
        (self.rebuild.clone_ref(py), self.arguments.clone_ref(py))
    }
}

impl StandIn {
    /// Another handle of the same call.
    pub(super) fn clone_ref(&self, py: Python<'_>) -> Self {
        Self {
            rebuild: self.rebuild.clone_ref(py),
            arguments: self.arguments.clone_ref(py),
        }
    }
}

/// A function of a module or file: the worker imports it the way we did.
pub(super) fn of_reference(py: Python<'_>, reference: &Reference) -> PyResult<Travel> {
    let rebuild = py
        .import("ungil._reference")?
        .getattr("load_function")?
        .unbind();
    let arguments = reference.pickled(py)?.unbind();
    Ok(Travel::StandIn(StandIn { rebuild, arguments }))
}

/// Any callable: by reference where that works, by value with cloudpickle where it is installed.
pub(super) fn of_callable(function: &Bound<'_, PyAny>) -> PyResult<Travel> {
    let py = function.py();
    let plain = py.import("pickle")?.call_method1("dumps", (function,));
    let reason = match plain {
        Ok(_) if is_importable(function)? => return Ok(Travel::ByReference),
        Ok(_) => "it was defined in an interactive session, which workers cannot import".to_owned(),
        Err(error) => error.value(py).to_string(),
    };
    let Ok(cloudpickle) = py.import("cloudpickle") else {
        return Ok(Travel::Cannot(Obstacle {
            reason,
            remedy: "Move it to the top level of a module, or install cloudpickle \
                     (pip install cloudpickle)."
                .to_owned(),
        }));
    };
    match cloudpickle.call_method1("dumps", (function,)) {
        Ok(bytes) => {
            let rebuild = cloudpickle.getattr("loads")?.unbind();
            let arguments = PyTuple::new(py, [bytes])?.into_any().unbind();
            Ok(Travel::StandIn(StandIn { rebuild, arguments }))
        }
        Err(error) => Ok(Travel::Cannot(Obstacle {
            reason: error.value(py).to_string(),
            remedy:
                "Not even cloudpickle can send it: pass what it holds on to (a file, a lock, a \
                     connection) by name, and open it inside the function."
                    .to_owned(),
        })),
    }
}

/// Whether a worker finds the module of a function that pickles by its name. A script's `__main__` is imported again by
/// its workers; that of an interactive session cannot be.
fn is_importable(function: &Bound<'_, PyAny>) -> PyResult<bool> {
    let in_main = function.getattr("__module__").is_ok_and(|module| {
        module
            .extract::<String>()
            .is_ok_and(|name| name == "__main__")
    });
    Ok(!in_main || function.py().import("__main__")?.hasattr("__file__")?)
}
