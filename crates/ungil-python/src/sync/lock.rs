//! `ungil.sync.Lock`.

use super::address::{self, Flat};
use super::blocking::Flag;
use super::errors;
use super::owned::Owned;
use super::tasks;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use ungil_sync::handle::Handle;
use ungil_sync::mutex::Mutex;

/// A lock that knows its owner, between threads and between processes.
///
/// The methods are `threading.Lock`'s. Only the thread that acquired it releases it (`NotOwner`).
/// When its owner died, the next `acquire()` raises `OwnerDied` once and owns the lock. With
/// `detect=True` an acquire that would close a circle of waiting threads raises `Deadlock`.
#[pyclass(module = "ungil.sync", frozen, weakref)]
pub(crate) struct Lock {
    pub(crate) owned: Owned,
}

#[pymethods]
impl Lock {
    #[new]
    #[pyo3(signature = (*, detect = false))]
    fn new(detect: bool) -> PyResult<Self> {
        let handle = Handle::create(Mutex::new(detect), 0).map_err(errors::memory)?;
        Ok(Self {
            owned: Owned::new(handle, false),
        })
    }

    /// Takes the lock; `False` if that did not succeed in time.
    #[pyo3(signature = (blocking = Flag(true), timeout = None), text_signature = "($self, blocking=True, timeout=None)")]
    fn acquire(&self, py: Python<'_>, blocking: Flag, timeout: Option<f64>) -> PyResult<bool> {
        self.owned.acquire(py, blocking.0, timeout)
    }

    /// Gives the lock back.
    fn release(&self, py: Python<'_>) -> PyResult<()> {
        self.owned.release(py)
    }

    /// Whether anybody holds it.
    fn locked(&self) -> bool {
        self.owned.handle.raw().owner().is_some()
    }

    fn __enter__(&self, py: Python<'_>) -> PyResult<bool> {
        self.owned.enter(py)
    }

    #[pyo3(signature = (_type, _value, _traceback, /))]
    fn __exit__(
        &self,
        py: Python<'_>,
        _type: &Bound<'_, PyAny>,
        _value: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        self.owned.release(py)
    }

    /// Takes the lock without blocking the event loop.
    #[pyo3(signature = (timeout = None))]
    fn acquire_async(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Py<PyAny>> {
        self.owned.acquire_async(py, timeout, true)
    }

    fn __aenter__(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.owned.acquire_async(py, None, false)
    }

    #[pyo3(signature = (_type, _value, _traceback, /))]
    fn __aexit__(
        &self,
        py: Python<'_>,
        _type: &Bound<'_, PyAny>,
        _value: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> PyResult<Py<PyAny>> {
        self.owned.release(py)?;
        tasks::ready(py, py.None())
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        self.owned.repr(py, "Lock")
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let address = address::flat(&self.owned.handle)
            .into_pyobject(py)?
            .into_any();
        address::reduce(py, "Lock", [address])
    }

    #[staticmethod]
    fn _from_address(address: Flat) -> PyResult<Self> {
        Ok(Self {
            owned: Owned::new(address::attach(address)?, false),
        })
    }
}
