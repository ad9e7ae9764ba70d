//! `ungil.sync.Barrier`.

use super::address::{self, Flat};
use super::blocking;
use super::errors;
use crate::waiting::without_gil;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use ungil_sync::barrier::{Passage, RawBarrier, Refusal};
use ungil_sync::handle::Handle;
use ungil_sync::patience::{Brief, Patience};
use ungil_sync::thread::me;
use ungil_sync::wait::Halt;

/// The most parties of a barrier.
const MOST_PARTIES: usize = 100_000;

/// A barrier for a fixed number of threads, of any processes; the methods are
/// `threading.Barrier`'s.
///
/// A party that dies while it waits breaks the barrier for the others. The `action` of the party
/// that comes last is called; a barrier sent to another process carries its action if that can be
/// pickled.
#[pyclass(module = "ungil.sync", frozen, weakref)]
pub(crate) struct Barrier {
    handle: Handle<RawBarrier>,
    action: Option<Py<PyAny>>,
    timeout: Option<f64>,
}

impl Barrier {
    fn broken(py: Python<'_>) -> PyErr {
        match py
            .import("threading")
            .and_then(|threading| threading.getattr("BrokenBarrierError"))
        {
            Ok(class) => PyErr::from_type(class.cast_into().expect("an exception class"), ()),
            Err(error) => error,
        }
    }

    fn refused(py: Python<'_>, refusal: &Refusal, raised: Option<PyErr>) -> PyErr {
        match refusal {
            Refusal::Halted(Halt::Interrupted) => raised.unwrap_or_else(|| Self::broken(py)),
            Refusal::Broken | Refusal::Halted(_) => Self::broken(py),
        }
    }
}

#[pymethods]
impl Barrier {
    #[new]
    #[pyo3(signature = (parties, action = None, timeout = None))]
    fn new(parties: i64, action: Option<Py<PyAny>>, timeout: Option<f64>) -> PyResult<Self> {
        let parties = usize::try_from(parties)
            .ok()
            .filter(|parties| (1..=MOST_PARTIES).contains(parties));
        let parties = parties.ok_or_else(|| {
            PyValueError::new_err(format!("parties must be from 1 to {MOST_PARTIES}"))
        })?;
        let handle = Handle::create(RawBarrier::new(), parties * 8).map_err(errors::memory)?;
        Ok(Self {
            handle,
            action,
            timeout,
        })
    }

    /// What the last one to come calls, and the default timeout in seconds.
    #[getter]
    fn _options(&self, py: Python<'_>) -> (Option<Py<PyAny>>, Option<f64>) {
        (
            self.action.as_ref().map(|action| action.clone_ref(py)),
            self.timeout,
        )
    }

    /// Waits for the other parties; returns this one's place, different for each, from 0 to
    /// `parties - 1`.
    #[pyo3(signature = (timeout = None))]
    fn wait(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<usize> {
        let timeout = blocking::timeout(timeout.or(self.timeout))?;
        let me = me();
        let (outcome, raised) = blocking::detached(py, |signals| {
            let mut patience = Patience::new(timeout, signals.slice(), || signals.interrupted());
            self.handle
                .wait(self.handle.extra_cells(), me, &mut Brief, &mut patience)
        });
        match outcome {
            Ok(Passage::Through(place)) => Ok(place),
            Ok(Passage::Last(place)) => {
                if let Some(action) = &self.action
                    && let Err(error) = action.call0(py)
                {
                    self.abort(py)?;
                    return Err(error);
                }
                let opened = self.handle.open(me, &mut Brief);
                opened
                    .map(|()| place)
                    .map_err(|refusal| Self::refused(py, &refusal, None))
            }
            Err(refusal) => Err(Self::refused(py, &refusal, raised)),
        }
    }

    /// Breaks the barrier: all waiting and later parties get `BrokenBarrierError`.
    fn abort(&self, py: Python<'_>) -> PyResult<()> {
        let done = without_gil(py, || self.handle.abort(me(), &mut Brief));
        done.map_err(|refusal| Self::refused(py, &refusal, None))
    }

    /// Makes the barrier empty and whole; waiting parties get `BrokenBarrierError`.
    fn reset(&self, py: Python<'_>) -> PyResult<()> {
        let done = without_gil(py, || self.handle.reset(me(), &mut Brief));
        done.map_err(|refusal| Self::refused(py, &refusal, None))
    }

    /// How many parties it is for.
    #[getter]
    fn parties(&self) -> usize {
        self.handle.extra_cells().len()
    }

    /// How many parties wait at this moment.
    #[getter]
    fn n_waiting(&self) -> usize {
        self.handle.waiting() % self.parties()
    }

    /// Whether it refuses everyone until a reset.
    #[getter(broken)]
    fn is_broken(&self) -> bool {
        self.handle.is_broken()
    }

    fn __repr__(&self) -> String {
        let at = self.handle.identity();
        if self.handle.is_broken() {
            return format!("<sync.Barrier at {at:#x}: broken>");
        }
        format!(
            "<sync.Barrier at {at:#x}: waiters={}/{}>",
            self.n_waiting(),
            self.parties()
        )
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let address = address::flat(&self.handle).into_pyobject(py)?.into_any();
        let action = self.action.as_ref().into_pyobject(py)?.into_any();
        let timeout = self.timeout.into_pyobject(py)?.into_any();
        address::reduce(py, "Barrier", [address, action, timeout])
    }

    #[staticmethod]
    fn _from_address(
        address: Flat,
        action: Option<Py<PyAny>>,
        timeout: Option<f64>,
    ) -> PyResult<Self> {
        Ok(Self {
            handle: address::attach(address)?,
            action,
            timeout,
        })
    }
}
