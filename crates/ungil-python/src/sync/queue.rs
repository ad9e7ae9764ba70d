//! `ungil.sync.Queue`.

use super::address::{self, Flat};
use super::blocking::{self, Attempt, Flag, Signals};
use super::errors;
use super::message;
use super::tasks::{self, Cancel, Outcome};
use crate::waiting::without_gil;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};
use ungil_pool::quiet;
use ungil_sync::handle::Handle;
use ungil_sync::patience::{Brief, Patience};
use ungil_sync::ring::{RawQueue, Record, Refused, Stopped};
use ungil_sync::thread::me;

/// The longest record unless `max_bytes` says otherwise.
const MAX_BYTES: usize = 64 << 20;
/// Records up to this length are copied with the GIL held: letting go of it would take longer.
const BRIEF: usize = 64 << 10;

/// A first-in, first-out queue between threads and between processes; the methods are
/// `queue.Queue`'s.
///
/// Objects travel as bytes in shared memory: plain values as they are, everything else pickled when
/// it is put, so that an object that cannot be pickled raises in `put()`. `maxsize` bounds the
/// number of objects (0: no bound), `max_bytes` the size of one; all together may take twice that,
/// and a `put()` that finds no room waits.
#[pyclass(module = "ungil.sync", frozen, weakref)]
pub(crate) struct Queue {
    handle: Handle<RawQueue>,
    maxsize: u32,
}

enum Side {
    Put,
    Get,
}

fn queue_error(py: Python<'_>, module: &str, class: &str) -> PyErr {
    match py.import(module).and_then(|module| module.getattr(class)) {
        Ok(class) => PyErr::from_type(class.cast_into().expect("an exception class"), ()),
        Err(error) => error,
    }
}

fn stopped(py: Python<'_>, side: &Side, stop: &Stopped, raised: Option<PyErr>) -> PyErr {
    let halt = match stop {
        Stopped::Closed => return queue_error(py, "ungil.sync", "ShutDown"),
        Stopped::Halted(halt) => halt,
    };
    match (blocking::halted(py, halt, raised), side) {
        (Err(error), _) => error,
        (Ok(_), Side::Put) => queue_error(py, "queue", "Full"),
        (Ok(_), Side::Get) => queue_error(py, "queue", "Empty"),
    }
}

fn attempt(block: Flag, timeout: Option<f64>) -> PyResult<Attempt> {
    if !block.0 {
        return Ok(Attempt::Once);
    }
    if timeout.is_some_and(|timeout| timeout < 0.0) {
        return Err(PyValueError::new_err(
            "'timeout' must be a non-negative number",
        ));
    }
    Ok(Attempt::Wait(blocking::timeout(timeout)?))
}

impl Queue {
    fn check_length(&self, length: usize) -> PyResult<()> {
        let longest = self.handle.longest_record();
        if length <= longest {
            return Ok(());
        }
        Err(PyValueError::new_err(format!(
            "the object takes {length} bytes and this queue takes at most {longest}: make it with Queue(max_bytes={length})"
        )))
    }

    fn get_blocking(
        &self,
        signals: &mut Signals,
        timeout: Option<std::time::Duration>,
    ) -> Result<Record, Stopped> {
        let mut patience = Patience::new(timeout, signals.slice(), || signals.interrupted());
        self.handle
            .get(&self.handle, me(), &mut Brief, &mut patience)
    }
}

#[pymethods]
impl Queue {
    #[new]
    #[pyo3(signature = (maxsize = 0, *, max_bytes = MAX_BYTES), text_signature = "(maxsize=0, *, max_bytes=67108864)")]
    fn new(maxsize: i64, max_bytes: usize) -> PyResult<Self> {
        let maxsize = u32::try_from(maxsize.max(0))
            .map_err(|_| PyValueError::new_err("maxsize must be below 2**32"))?;
        let handle = Handle::queue(maxsize, max_bytes).map_err(errors::memory)?;
        Ok(Self { handle, maxsize })
    }

    /// Puts an object into the queue; `queue.Full` if there was no room in time.
    #[pyo3(signature = (item, block = Flag(true), timeout = None), text_signature = "($self, item, block=True, timeout=None)")]
    fn put(&self, item: &Bound<'_, PyAny>, block: Flag, timeout: Option<f64>) -> PyResult<()> {
        let py = item.py();
        let (tag, payload) = message::encode(item)?;
        let bytes = payload.bytes()?;
        self.check_length(bytes.len())?;
        let attempt = attempt(block, timeout)?;
        if bytes.len() <= BRIEF {
            match self.handle.try_put(&self.handle, me(), tag, bytes) {
                Ok(()) => return Ok(()),
                Err(Refused::Closed) => return Err(queue_error(py, "ungil.sync", "ShutDown")),
                Err(Refused::Full | Refused::Busy) => {}
            }
        }
        let timeout = match attempt {
            Attempt::Wait(timeout) => timeout,
            Attempt::Once => Some(std::time::Duration::ZERO),
        };
        let (outcome, raised) = blocking::detached(py, |signals| {
            let mut patience = Patience::new(timeout, signals.slice(), || signals.interrupted());
            self.handle
                .put(&self.handle, me(), (tag, bytes), &mut Brief, &mut patience)
        });
        outcome.map_err(|stop| stopped(py, &Side::Put, &stop, raised))
    }

    /// Gets the object that was put first; `queue.Empty` if there was none in time.
    #[pyo3(signature = (block = Flag(true), timeout = None), text_signature = "($self, block=True, timeout=None)")]
    fn get<'py>(
        &self,
        py: Python<'py>,
        block: Flag,
        timeout: Option<f64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        match self.handle.try_get(&self.handle, me()) {
            Ok(record) => return message::decode(py, &record),
            Err(Refused::Closed) => return Err(queue_error(py, "ungil.sync", "ShutDown")),
            Err(Refused::Full | Refused::Busy) => {}
        }
        let timeout = match attempt(block, timeout)? {
            Attempt::Wait(timeout) => timeout,
            Attempt::Once => Some(std::time::Duration::ZERO),
        };
        let (outcome, raised) =
            blocking::detached(py, |signals| self.get_blocking(signals, timeout));
        match outcome {
            Ok(record) => message::decode(py, &record),
            Err(stop) => Err(stopped(py, &Side::Get, &stop, raised)),
        }
    }

    /// `put(item, block=False)`.
    fn put_nowait(&self, item: &Bound<'_, PyAny>) -> PyResult<()> {
        self.put(item, Flag(false), None)
    }

    /// `get(block=False)`.
    fn get_nowait<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.get(py, Flag(false), None)
    }

    /// As `put`, without blocking the event loop.
    #[pyo3(signature = (item, timeout = None))]
    fn put_async(&self, item: &Bound<'_, PyAny>, timeout: Option<f64>) -> PyResult<Py<PyAny>> {
        let py = item.py();
        tasks::running_loop(py)?;
        let (tag, payload) = message::encode(item)?;
        let bytes = payload.bytes()?;
        self.check_length(bytes.len())?;
        match self.handle.try_put(&self.handle, me(), tag, bytes) {
            Ok(()) => return tasks::ready(py, py.None()),
            Err(Refused::Closed) => return Err(queue_error(py, "ungil.sync", "ShutDown")),
            Err(Refused::Full | Refused::Busy) => {}
        }
        let timeout = blocking::timeout(timeout)?;
        let (waiting, bytes) = (self.handle.clone(), bytes.to_vec());
        tasks::spawn(
            py,
            move |cancel: &Cancel| {
                let mut patience = Patience::new(timeout, tasks::SLICE, || cancel.is_set());
                waiting.put(&waiting, me(), (tag, &bytes), &mut Brief, &mut patience)
            },
            move |py, outcome| {
                let (Outcome::Deliver(outcome) | Outcome::Undo(outcome)) = outcome;
                outcome.map_err(|stop| stopped(py, &Side::Put, &stop, None))?;
                Ok(py.None())
            },
        )
    }

    /// As `get`, without blocking the event loop. Cancelled while an object arrives, it puts the
    /// object back, at the end.
    #[pyo3(signature = (timeout = None))]
    fn get_async(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Py<PyAny>> {
        tasks::running_loop(py)?;
        match self.handle.try_get(&self.handle, me()) {
            Ok(record) => return tasks::ready(py, message::decode(py, &record)?),
            Err(Refused::Closed) => return Err(queue_error(py, "ungil.sync", "ShutDown")),
            Err(Refused::Full | Refused::Busy) => {}
        }
        let timeout = blocking::timeout(timeout)?;
        let (waiting, back) = (self.handle.clone(), self.handle.clone());
        tasks::spawn(
            py,
            move |cancel: &Cancel| {
                let mut patience = Patience::new(timeout, tasks::SLICE, || cancel.is_set());
                waiting.get(&waiting, me(), &mut Brief, &mut patience)
            },
            move |py, outcome| match outcome {
                Outcome::Deliver(Ok(record)) => Ok(message::decode(py, &record)?.unbind()),
                Outcome::Deliver(Err(stop)) => Err(stopped(py, &Side::Get, &stop, None)),
                Outcome::Undo(Ok(Record { tag, bytes })) => {
                    // As in asyncio.Queue nothing is lost; its number as an unfinished task moves
                    // with it. Putting may have to wait, and this is the loop's thread.
                    quiet::start_quietly(|| {
                        std::thread::spawn(move || {
                            back.put(&back, me(), (tag, &bytes), &mut Brief, &mut Brief)
                                .ok();
                            back.task_done();
                        })
                    });
                    Ok(py.None())
                }
                Outcome::Undo(Err(_)) => Ok(py.None()),
            },
        )
    }

    /// Objects in the queue at this moment.
    fn qsize(&self) -> u32 {
        self.handle.len()
    }

    /// Whether the queue is empty at this moment.
    fn empty(&self) -> bool {
        self.handle.is_empty()
    }

    /// Whether a `put()` would wait at this moment.
    fn full(&self) -> bool {
        self.handle.is_full(self.handle.extra() as u32)
    }

    /// Whether `shutdown()` was called.
    #[getter]
    fn is_shutdown(&self) -> bool {
        self.handle.is_closed()
    }

    /// Objects that were put and not yet called done.
    #[getter]
    fn unfinished_tasks(&self) -> u32 {
        self.handle.unfinished()
    }

    /// The bound on the number of objects; 0: none.
    #[getter]
    fn maxsize(&self) -> u32 {
        self.maxsize
    }

    /// The size in bytes of the largest object.
    #[getter]
    fn max_bytes(&self) -> usize {
        self.handle.longest_record()
    }

    /// An object that was got is done with; see `join`.
    fn task_done(&self) -> PyResult<()> {
        if self.handle.task_done() {
            Ok(())
        } else {
            Err(PyValueError::new_err("task_done() called too many times"))
        }
    }

    /// Waits until `task_done()` was called for every object that was put.
    fn join(&self, py: Python<'_>) -> PyResult<()> {
        let (outcome, raised) = blocking::detached(py, |signals| {
            let mut patience = Patience::new(None, signals.slice(), || signals.interrupted());
            self.handle.join(&mut patience)
        });
        match outcome {
            Ok(()) => Ok(()),
            Err(halt) => blocking::halted(py, &halt, raised).map(|_| ()),
        }
    }

    /// No more puts; gets raise `ShutDown` when the queue is empty, with `immediate` at once.
    #[pyo3(signature = (immediate = Flag(false)), text_signature = "($self, immediate=False)")]
    fn shutdown(&self, py: Python<'_>, immediate: Flag) {
        self.handle.close();
        if immediate.0 {
            without_gil(py, || {
                let mut now =
                    Patience::new(Some(std::time::Duration::ZERO), tasks::SLICE, || false);
                while self
                    .handle
                    .get(&self.handle, me(), &mut Brief, &mut now)
                    .is_ok()
                {
                    self.handle.task_done();
                }
            });
        }
    }

    /// `Queue[int]` in annotations.
    #[classmethod]
    fn __class_getitem__<'py>(
        cls: &Bound<'py, PyType>,
        _item: &Bound<'py, PyAny>,
    ) -> Bound<'py, PyType> {
        cls.clone()
    }

    fn __repr__(&self) -> String {
        let at = self.handle.identity();
        format!(
            "<sync.Queue at {at:#x}: {} objects, maxsize={}>",
            self.handle.len(),
            self.maxsize
        )
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let address = address::flat(&self.handle).into_pyobject(py)?.into_any();
        address::reduce(
            py,
            "Queue",
            [address, self.maxsize.into_pyobject(py)?.into_any()],
        )
    }

    #[staticmethod]
    fn _from_address(address: Flat, maxsize: u32) -> PyResult<Self> {
        Ok(Self {
            handle: address::attach(address)?,
            maxsize,
        })
    }
}
