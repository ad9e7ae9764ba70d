//! `ungil.sync.Semaphore` and `BoundedSemaphore`.

use super::address::{self, Flat};
use super::blocking::{self, Attempt, Flag};
use super::errors;
use super::tasks::{self, Cancel, Outcome};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use ungil_sync::handle::Handle;
use ungil_sync::patience::Patience;
use ungil_sync::semaphore::{MOST_PERMITS, RawSemaphore};

/// A counting semaphore with a bound, between threads and between processes.
///
/// `bound` is the most permits that it may have: `value` if not given, so that releasing what was
/// not acquired raises `OverRelease`. A semaphore that starts at 0 counts signals and has no bound
/// unless one is given; `bound=None` takes it away. Permits have no owner: those of a process that
/// dies are gone.
#[pyclass(module = "ungil.sync", frozen, weakref, subclass)]
pub(crate) struct Semaphore {
    handle: Handle<RawSemaphore>,
}

/// `bound` as it was given, or the one that follows from the value.
#[derive(Clone, Copy)]
enum Limit {
    OfValue,
    Given(Option<u32>),
}

impl<'py> FromPyObject<'_, 'py> for Limit {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        object.extract().map(Self::Given)
    }
}

fn create(value: i64, bound: Option<u32>) -> PyResult<Handle<RawSemaphore>> {
    let value = u32::try_from(value).map_err(|_| {
        PyValueError::new_err(format!(
            "semaphore initial value must be from 0 to {MOST_PERMITS}"
        ))
    })?;
    let bound = bound.unwrap_or(MOST_PERMITS);
    if value > bound || bound > MOST_PERMITS {
        return Err(PyValueError::new_err(format!(
            "the initial value {value} must not be above the bound, and the bound not above {MOST_PERMITS}"
        )));
    }
    Handle::create(RawSemaphore::new(value, bound), 0).map_err(errors::memory)
}

#[pymethods]
impl Semaphore {
    #[new]
    #[pyo3(signature = (value = 1, *, bound = Limit::OfValue))]
    fn new(value: i64, bound: Limit) -> PyResult<Self> {
        let bound = match bound {
            Limit::OfValue if value == 0 => None,
            Limit::OfValue => u32::try_from(value).ok(),
            Limit::Given(bound) => bound,
        };
        Ok(Self {
            handle: create(value, bound)?,
        })
    }

    /// Takes a permit; `False` if that did not succeed in time.
    #[pyo3(signature = (blocking = Flag(true), timeout = None), text_signature = "($self, blocking=True, timeout=None)")]
    fn acquire(&self, py: Python<'_>, blocking: Flag, timeout: Option<f64>) -> PyResult<bool> {
        if timeout.is_none() && self.handle.grab() {
            return Ok(true);
        }
        let timeout = match timeout {
            Some(_) if !blocking.0 => {
                return Err(PyValueError::new_err(
                    "can't specify timeout for non-blocking acquire",
                ));
            }
            None if !blocking.0 => return Ok(self.handle.try_acquire()),
            timeout => blocking::timeout(timeout)?,
        };
        if timeout.is_some() && self.handle.grab() {
            return Ok(true);
        }
        let (outcome, raised) = blocking::detached(py, |signals| {
            let mut patience = Patience::new(timeout, signals.slice(), || signals.interrupted());
            self.handle.acquire(&mut patience)
        });
        outcome.map_or_else(|halt| blocking::halted(py, &halt, raised), |()| Ok(true))
    }

    /// Gives `n` permits; `OverRelease` if that were more than the bound allows.
    #[pyo3(signature = (n = 1))]
    fn release(&self, n: i64) -> PyResult<()> {
        let count = u32::try_from(n).ok().filter(|count| *count > 0);
        let count = count.ok_or_else(|| PyValueError::new_err("n must be one or more"))?;
        self.handle
            .release(count)
            .map_err(|refused| errors::over_release(refused, count))
    }

    /// Permits at this moment.
    #[getter]
    fn value(&self) -> u32 {
        self.handle.permits()
    }

    /// The most permits that it may have; `None` without a bound.
    #[getter]
    fn bound(&self) -> Option<u32> {
        Some(self.handle.bound()).filter(|bound| *bound != MOST_PERMITS)
    }

    fn __enter__(&self, py: Python<'_>) -> PyResult<bool> {
        self.acquire(py, Flag(true), None)
    }

    #[pyo3(signature = (_type, _value, _traceback, /))]
    fn __exit__(
        &self,
        _type: &Bound<'_, PyAny>,
        _value: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        self.release(1)
    }

    /// Takes a permit without blocking the event loop.
    #[pyo3(signature = (timeout = None))]
    fn acquire_async(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Py<PyAny>> {
        let Attempt::Wait(timeout) = Attempt::parse(true, timeout)? else {
            unreachable!("blocking")
        };
        tasks::running_loop(py)?;
        if self.handle.grab() {
            return tasks::ready(py, true);
        }
        let (waiting, arrived) = (self.handle.clone(), self.handle.clone());
        tasks::spawn(
            py,
            move |cancel: &Cancel| {
                waiting.acquire(&mut Patience::new(timeout, tasks::SLICE, || {
                    cancel.is_set()
                }))
            },
            move |py, outcome| {
                let acquired = match outcome {
                    Outcome::Deliver(outcome) => outcome
                        .map_or_else(|halt| blocking::halted(py, &halt, None), |()| Ok(true))?,
                    Outcome::Undo(outcome) => {
                        if outcome.is_ok() {
                            arrived.release(1).ok();
                        }
                        false
                    }
                };
                Ok(acquired.into_pyobject(py)?.to_owned().into_any().unbind())
            },
        )
    }

    fn __aenter__(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.acquire_async(py, None)
    }

    #[pyo3(signature = (_type, _value, _traceback, /))]
    fn __aexit__(
        &self,
        py: Python<'_>,
        _type: &Bound<'_, PyAny>,
        _value: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> PyResult<Py<PyAny>> {
        self.release(1)?;
        tasks::ready(py, py.None())
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let (value, at) = (slf.get().value(), slf.get().handle.identity());
        let class = slf.get_type().name()?;
        // As in `threading`: with the bound where it is part of the class.
        let bound = if slf.is_exact_instance_of::<Self>() {
            String::new()
        } else {
            format!("/{}", slf.get().handle.bound())
        };
        Ok(format!("<sync.{class} at {at:#x}: value={value}{bound}>"))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        let py = slf.py();
        let address = address::flat(&slf.get().handle)
            .into_pyobject(py)?
            .into_any();
        address::reduce(py, &slf.get_type().name()?.to_cow()?, [address])
    }

    #[staticmethod]
    fn _from_address(address: Flat) -> PyResult<Self> {
        Ok(Self {
            handle: address::attach(address)?,
        })
    }
}

/// A semaphore whose bound is its initial value, as in `threading`.
#[pyclass(module = "ungil.sync", frozen, weakref, extends = Semaphore)]
pub(crate) struct BoundedSemaphore {}

#[pymethods]
impl BoundedSemaphore {
    #[new]
    #[pyo3(signature = (value = 1))]
    fn new(value: i64) -> PyResult<PyClassInitializer<Self>> {
        let handle = create(value, u32::try_from(value).ok())?;
        Ok(PyClassInitializer::from(Semaphore { handle }).add_subclass(Self {}))
    }

    #[staticmethod]
    fn _from_address(py: Python<'_>, address: Flat) -> PyResult<Py<Self>> {
        let handle = address::attach(address)?;
        Py::new(
            py,
            PyClassInitializer::from(Semaphore { handle }).add_subclass(Self {}),
        )
    }
}
