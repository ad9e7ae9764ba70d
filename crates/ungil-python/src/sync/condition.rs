//! `ungil.sync.Condition`.

use super::address::{self, Flat};
use super::blocking::{self, Flag};
use super::errors;
use super::lock::Lock;
use super::owned::Owned;
use super::rlock::RLock;
use super::tasks;
use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use std::time::{Duration, Instant};
use ungil_sync::condition::RawCondition;
use ungil_sync::handle::Handle;
use ungil_sync::identity::Owner;
use ungil_sync::lock::Acquired;
use ungil_sync::patience::{Brief, Patience};
use ungil_sync::thread::me;
use ungil_sync::wait::Halt;

/// A condition variable with its lock, between threads and between processes; the methods are
/// `threading.Condition`'s.
///
/// `notify(n)` wakes `n` of those that wait at that moment, and none that come later. After a
/// process was killed while it waited, a later `wait()` may return without a notification: test
/// your condition in a loop, or use `wait_for`.
#[pyclass(module = "ungil.sync", frozen, weakref)]
pub(crate) struct Condition {
    lock: Py<PyAny>,
    owned: Owned,
    handle: Handle<RawCondition>,
}

/// How a wait ended, the lock being held again.
struct Waited {
    outcome: Result<(), Halt>,
    /// The owner that died while this thread waited to get the lock back.
    dead: Option<Owner>,
}

fn owned_of(lock: &Bound<'_, PyAny>) -> PyResult<Owned> {
    if let Ok(lock) = lock.cast::<Lock>() {
        return Ok(lock.get().owned.clone());
    }
    if let Ok(lock) = lock.cast::<RLock>() {
        return Ok(lock.get().owned.clone());
    }
    Err(PyTypeError::new_err(format!(
        "a Condition of ungil.sync needs a Lock or RLock of ungil.sync, not {}",
        lock.get_type().fully_qualified_name()?
    )))
}

impl Condition {
    fn check(&self, py: Python<'_>, what: &str) -> PyResult<Owner> {
        if self.owned.is_mine(py) {
            Ok(me())
        } else {
            Err(PyRuntimeError::new_err(format!(
                "cannot {what} on un-acquired lock"
            )))
        }
    }

    /// Waits; called by the owner of the lock, who owns it again afterwards, whatever happens.
    fn wait_as(
        owned: &Owned,
        handle: &Handle<RawCondition>,
        me: Owner,
        mut patience: Patience<'_, impl FnMut() -> bool>,
    ) -> Waited {
        let mut ticket = handle.enlist();
        let mut dead = None;
        loop {
            let depth = owned.handle.leave_all(me).unwrap_or(0);
            let slept = handle.sleep(&ticket, &mut patience);
            // Not to be interrupted: the caller's `with` gives the lock back.
            if let Ok(Acquired::OwnerDied(owner)) = owned.handle.acquire_with(me, &mut Brief) {
                dead = Some(owner);
            }
            owned.handle.set_depth(depth);
            if handle.claim(&mut ticket) {
                return Waited {
                    outcome: Ok(()),
                    dead,
                };
            }
            if slept.is_err() || dead.is_some() {
                handle.leave();
                return Waited {
                    outcome: slept,
                    dead,
                };
            }
        }
    }

    fn wait_once(&self, py: Python<'_>, timeout: Option<Duration>) -> PyResult<bool> {
        let me = self.check(py, "wait")?;
        let (waited, raised) = blocking::detached(py, |signals| {
            let patience = Patience::new(timeout, signals.slice(), || signals.interrupted());
            Self::wait_as(&self.owned, &self.handle, me, patience)
        });
        if let Some(error) = raised {
            return Err(error);
        }
        if let Some(dead) = waited.dead {
            return Err(errors::owner_died(py, dead, true));
        }
        waited
            .outcome
            .map_or_else(|halt| blocking::halted(py, &halt, None), |()| Ok(true))
    }
}

#[pymethods]
impl Condition {
    #[new]
    #[pyo3(signature = (lock = None))]
    fn new(py: Python<'_>, lock: Option<Bound<'_, PyAny>>) -> PyResult<Self> {
        let lock = match lock {
            Some(lock) => lock,
            None => py.get_type::<RLock>().call0()?,
        };
        Ok(Self {
            owned: owned_of(&lock)?,
            lock: lock.unbind(),
            handle: Handle::create(RawCondition::new(), 0).map_err(errors::memory)?,
        })
    }

    /// Takes the lock.
    #[pyo3(signature = (blocking = Flag(true), timeout = None), text_signature = "($self, blocking=True, timeout=None)")]
    fn acquire(&self, py: Python<'_>, blocking: Flag, timeout: Option<f64>) -> PyResult<bool> {
        self.owned.acquire(py, blocking.0, timeout)
    }

    /// Gives the lock back.
    fn release(&self, py: Python<'_>) -> PyResult<()> {
        self.owned.release(py)
    }

    /// The lock that it was made with.
    #[getter]
    fn _lock(&self, py: Python<'_>) -> Py<PyAny> {
        self.lock.clone_ref(py)
    }

    /// Whether anybody holds the lock.
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

    /// Gives the lock back, waits for a notification, takes the lock again; `False` if none came in
    /// time.
    #[pyo3(signature = (timeout = None))]
    fn wait(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<bool> {
        self.wait_once(py, blocking::timeout(timeout)?)
    }

    /// Waits until `predicate()` is true, and returns its last value.
    #[pyo3(signature = (predicate, timeout = None))]
    fn wait_for<'py>(
        &self,
        py: Python<'py>,
        predicate: &Bound<'py, PyAny>,
        timeout: Option<f64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let end =
            blocking::timeout(timeout)?.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            let value = predicate.call0()?;
            if value.is_truthy()? {
                return Ok(value);
            }
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(value);
            }
            self.wait_once(py, left)?;
        }
    }

    /// Wakes `n` of those that wait.
    #[pyo3(signature = (n = 1))]
    fn notify(&self, py: Python<'_>, n: i64) -> PyResult<()> {
        self.check(py, "notify")?;
        self.handle.notify(u64::try_from(n).unwrap_or(0));
        Ok(())
    }

    /// Wakes everyone who waits.
    fn notify_all(&self, py: Python<'_>) -> PyResult<()> {
        self.check(py, "notify")?;
        self.handle.notify(u64::MAX);
        Ok(())
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

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!(
            "<Condition({}, {})>",
            self.lock.bind(py).repr()?,
            self.handle.waiting()
        ))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let address = address::flat(&self.handle).into_pyobject(py)?.into_any();
        address::reduce(py, "Condition", [address, self.lock.bind(py).clone()])
    }

    #[staticmethod]
    fn _from_address(address: Flat, lock: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self {
            owned: owned_of(lock)?,
            lock: lock.clone().unbind(),
            handle: address::attach(address)?,
        })
    }
}
