//! `ungil.sync.RLock`.

use super::address::{self, Flat};
use super::blocking::Flag;
use super::errors;
use super::owned::Owned;
use super::tasks;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use ungil_sync::handle::Handle;
use ungil_sync::mutex::Mutex;
use ungil_sync::thread::me;

/// A lock that its owner may take again, between threads and between processes.
///
/// Otherwise as `Lock`. Tasks of one event loop exclude one another when they take it with
/// `acquire_async` or `async with`.
#[pyclass(module = "ungil.sync", frozen, weakref)]
pub(crate) struct RLock {
    pub(crate) owned: Owned,
}

#[pymethods]
impl RLock {
    #[new]
    #[pyo3(signature = (*, detect = false))]
    fn new(detect: bool) -> PyResult<Self> {
        let handle = Handle::create(Mutex::new(detect), 0).map_err(errors::memory)?;
        Ok(Self {
            owned: Owned::new(handle, true),
        })
    }

    /// Takes the lock, once more if it is this thread's; `False` if that did not succeed in time.
    #[pyo3(signature = (blocking = Flag(true), timeout = None), text_signature = "($self, blocking=True, timeout=None)")]
    fn acquire(&self, py: Python<'_>, blocking: Flag, timeout: Option<f64>) -> PyResult<bool> {
        self.owned.acquire(py, blocking.0, timeout)
    }

    /// Gives one level back, and the lock with the last.
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
        self.owned.repr(py, "RLock")
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let address = address::flat(&self.owned.handle)
            .into_pyobject(py)?
            .into_any();
        address::reduce(py, "RLock", [address])
    }

    #[staticmethod]
    fn _from_address(address: Flat) -> PyResult<Self> {
        Ok(Self {
            owned: Owned::new(address::attach(address)?, true),
        })
    }

    // What `threading.Condition` asks of a recursive lock.

    fn _is_owned(&self, py: Python<'_>) -> bool {
        self.owned.is_mine(py)
    }

    fn _recursion_count(&self) -> u64 {
        self.owned.handle.depth(me())
    }

    fn _release_save(&self, py: Python<'_>) -> PyResult<u64> {
        let me = me();
        self.owned
            .handle
            .leave_all(me)
            .map_err(|refused| Owned::thief(py, me, refused.0))
    }

    fn _acquire_restore(&self, py: Python<'_>, depth: u64) -> PyResult<()> {
        self.owned.acquire(py, true, None)?;
        self.owned.handle.set_depth(depth);
        Ok(())
    }
}
