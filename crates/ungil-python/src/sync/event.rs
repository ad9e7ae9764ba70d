//! `ungil.sync.Event`.

use super::address::{self, Flat};
use super::blocking;
use super::errors;
use super::tasks::{self, Cancel, Outcome};
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use ungil_sync::event::RawEvent;
use ungil_sync::handle::Handle;
use ungil_sync::patience::Patience;

/// A flag that threads of all processes wait for; the methods are `threading.Event`'s.
#[pyclass(module = "ungil.sync", frozen, weakref)]
pub(crate) struct Event {
    handle: Handle<RawEvent>,
}

#[pymethods]
impl Event {
    #[new]
    fn new() -> PyResult<Self> {
        Ok(Self {
            handle: Handle::create(RawEvent::new(), 0).map_err(errors::memory)?,
        })
    }

    /// Whether the flag is set.
    fn is_set(&self) -> bool {
        self.handle.is_set()
    }

    /// Sets the flag and wakes everyone who waits.
    fn set(&self) {
        self.handle.set();
    }

    /// Clears the flag.
    fn clear(&self) {
        self.handle.clear();
    }

    /// Waits until the flag is set; `False` if it was not in time.
    #[pyo3(signature = (timeout = None))]
    fn wait(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<bool> {
        if self.handle.is_set() {
            return Ok(true);
        }
        let timeout = blocking::timeout(timeout)?;
        let (outcome, raised) = blocking::detached(py, |signals| {
            let mut patience = Patience::new(timeout, signals.slice(), || signals.interrupted());
            self.handle.wait(&mut patience)
        });
        outcome.map_or_else(|halt| blocking::halted(py, &halt, raised), |()| Ok(true))
    }

    /// As `wait`, without blocking the event loop.
    #[pyo3(signature = (timeout = None))]
    fn wait_async(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Py<PyAny>> {
        if self.handle.is_set() {
            return tasks::ready(py, true);
        }
        let timeout = blocking::timeout(timeout)?;
        let waiting = self.handle.clone();
        tasks::spawn(
            py,
            move |cancel: &Cancel| {
                waiting.wait(&mut Patience::new(timeout, tasks::SLICE, || {
                    cancel.is_set()
                }))
            },
            move |py, outcome| {
                let (Outcome::Deliver(outcome) | Outcome::Undo(outcome)) = outcome;
                let set =
                    outcome.map_or_else(|halt| blocking::halted(py, &halt, None), |()| Ok(true))?;
                Ok(set.into_pyobject(py)?.to_owned().into_any().unbind())
            },
        )
    }

    fn __repr__(&self) -> String {
        let status = if self.handle.is_set() { "set" } else { "unset" };
        format!("<sync.Event at {:#x}: {status}>", self.handle.identity())
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let address = address::flat(&self.handle).into_pyobject(py)?.into_any();
        address::reduce(py, "Event", [address])
    }

    #[staticmethod]
    fn _from_address(address: Flat) -> PyResult<Self> {
        Ok(Self {
            handle: address::attach(address)?,
        })
    }
}
