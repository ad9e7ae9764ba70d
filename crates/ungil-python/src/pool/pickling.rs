//! Pickling with out-of-band buffers, and the ways out when something does not pickle.

use std::any::Any;
use std::cell::Cell;
use std::sync::Arc;

use pyo3::exceptions::{PyAttributeError, PyRuntimeError, PyTypeError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple};

use super::gather::Gather;
use super::payload::Payload;
use super::shared_buffer::SharedBuffer;
use crate::once::{Once, name};

/// A stream from this size on is read where it lies, in shared memory.
const READ_IN_PLACE_FROM: usize = 4 << 10;

thread_local! {
    /// A pickler to use again: making one takes longer than most pickles.
    static SPARE: Cell<Option<Ready>> = const { Cell::new(None) };
}

/// A pickler and the file that it writes into.
struct Ready {
    gather: Py<Gather>,
    pickler: Py<PyAny>,
}

/// The pickle by `ungil._pickling.Pickler`: pickle's own, which also takes memoryviews, and
/// connections of multiprocessing.
pub(super) fn dump<'py>(value: &Bound<'py, PyAny>) -> PyResult<Payload<'py>> {
    let py = value.py();
    // Pickling runs Python code, which may pickle: the spare one is out of reach meanwhile.
    let ready = match SPARE.take() {
        Some(ready) => ready,
        None => Ready::new(py)?,
    };
    let pickler = ready.pickler.bind(py);
    pickler.call_method1(name!(py, "dump"), (value,))?;
    let (payload, is_short) = Gather::finish(ready.gather.bind(py), pickler);
    if is_short {
        pickler.call_method0(name!(py, "clear_memo"))?;
        SPARE.set(Some(ready));
    }
    Ok(payload)
}

impl Ready {
    fn new(py: Python<'_>) -> PyResult<Self> {
        static PICKLER: Once<Py<PyAny>> = Once::new();
        let gather = Bound::new(py, Gather::default())?;
        let callback = gather.getattr(name!(py, "take_buffer"))?;
        let pickler = PICKLER
            .import(py, "ungil._pickling", "Pickler")?
            .call1((&gather, 5, true, callback))?;
        Ok(Self {
            gather: gather.unbind(),
            pickler: pickler.unbind(),
        })
    }
}

/// The same through `cloudpickle`, which also takes lambdas, closures and what is defined in
/// a notebook; `None` where it is not installed.
pub(super) fn cloud_dump<'py>(value: &Bound<'py, PyAny>) -> Option<PyResult<Payload<'py>>> {
    let py = value.py();
    py.import("cloudpickle").ok()?;
    Some(dump_by(
        value,
        name!(py, "ungil._inheritance"),
        name!(py, "dump_cloud"),
    ))
}

/// The same with what `multiprocessing` can send, its named primitives, and then with
/// cloudpickle where that is installed.
pub(super) fn forking_dump<'py>(value: &Bound<'py, PyAny>) -> PyResult<Payload<'py>> {
    let py = value.py();
    dump_by(
        value,
        name!(py, "ungil._inheritance"),
        name!(py, "dump_argument"),
    )
}

/// The same in whatever way works; the error is that of the plain way.
pub(super) fn dump_any<'py>(value: &Bound<'py, PyAny>) -> PyResult<Payload<'py>> {
    dump(value).or_else(|error| {
        if !is_unpicklable(value.py(), &error) {
            return Err(error);
        }
        forking_dump(value).or(Err(error))
    })
}

/// The same by a function that gives the pickler that it used.
fn dump_by<'py>(
    value: &Bound<'py, PyAny>,
    module: &Bound<'py, PyString>,
    function: &Bound<'py, PyString>,
) -> PyResult<Payload<'py>> {
    let py = value.py();
    let gather = Bound::new(py, Gather::default())?;
    let callback = gather.getattr(name!(py, "take_buffer"))?;
    let pickler = py
        .import(module)?
        .call_method1(function, (value, &gather, callback))?;
    Ok(Gather::finish(&gather, &pickler).0)
}

/// `pickle.loads(stream, buffers=...)`; the buffers are views of shared memory. `keep` holds the
/// memory of the stream.
pub(super) fn load<'py, K: Any + Send + Sync>(
    py: Python<'py>,
    stream: &[u8],
    keep: &Arc<K>,
    buffers: Vec<SharedBuffer>,
) -> PyResult<Bound<'py, PyAny>> {
    static LOADS: Once<Py<PyAny>> = Once::new();
    let loads = LOADS.import(py, "pickle", "loads")?;
    let stream = if stream.len() < READ_IN_PLACE_FROM {
        bytes_object(py, stream)?.into_any()
    } else {
        Bound::new(py, SharedBuffer::part(stream, keep))?.into_any()
    };
    if buffers.is_empty() {
        return loads.call1((stream,));
    }
    let buffers: PyResult<Vec<_>> = buffers
        .into_iter()
        .map(|buffer| Bound::new(py, buffer))
        .collect();
    let options = PyDict::new(py);
    options.set_item(name!(py, "buffers"), buffers?)?;
    loads.call((stream,), Some(&options))
}

/// `PyBytes::new`, but an error where there is no memory.
fn bytes_object<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    // SAFETY: copies the bytes into a new object, or gives null with an exception set; a slice is
    // never longer than `isize::MAX`.
    let object = unsafe {
        let new = ffi::PyBytes_FromStringAndSize(bytes.as_ptr().cast(), bytes.len().cast_signed());
        Bound::from_owned_ptr_or_err(py, new)?
    };
    Ok(object.cast_into::<PyBytes>()?)
}

/// Whether an error says that something cannot be pickled, rather than that pickling it failed.
pub(super) fn is_unpicklable(py: Python<'_>, error: &PyErr) -> bool {
    static PICKLE_ERROR: Once<Py<PyAny>> = Once::new();
    error.is_instance_of::<PyTypeError>(py)
        // What multiprocessing's primitives raise of themselves, exactly this class.
        || error.get_type(py).is(py.get_type::<PyRuntimeError>())
        || error.is_instance_of::<PyAttributeError>(py)
        || PICKLE_ERROR
            .import(py, "pickle", "PickleError")
            .is_ok_and(|kind| error.is_instance(py, kind))
}

/// Which argument does not pickle, as a user would call it.
pub(super) fn culprit(
    args: &Bound<'_, PyTuple>,
    kwargs: Option<&Bound<'_, PyDict>>,
) -> Option<String> {
    let positional = args
        .iter()
        .enumerate()
        .find(|(_, value)| dump(value).is_err());
    if let Some((index, value)) = positional {
        return Some(format!("argument {index} (a {})", type_name(&value)));
    }
    let (name, value) = kwargs?.iter().find(|(_, value)| dump(value).is_err())?;
    Some(format!("argument {name} (a {})", type_name(&value)))
}

pub(super) fn type_name(value: &Bound<'_, PyAny>) -> String {
    let kind = value.get_type();
    kind.fully_qualified_name()
        .map_or_else(|_| "?".into(), |name| name.to_string())
}
