//! Pickling with out-of-band buffers, and the ways out when something does not pickle.

use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::{PyAttributeError, PyRuntimeError, PyTypeError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};

use super::shared_buffer::SharedBuffer;
use crate::once::{Once, name};

/// A pickle: the stream and the buffers beside it (PEP 574).
pub(super) struct Pickle<'py> {
    pub(super) stream: Bound<'py, PyBytes>,
    buffers: Vec<PyUntypedBuffer>,
}

impl Pickle<'_> {
    /// The buffers' bytes, where the objects have them.
    pub(super) fn buffers(&self) -> Vec<&[u8]> {
        self.buffers
            .iter()
            // SAFETY: a C-contiguous buffer (it comes from `PickleBuffer.raw()`), exported to us
            // and so kept in place while `self` lives.
            .map(|buffer| unsafe { bytes_at(buffer.buf_ptr().cast(), buffer.len_bytes()) })
            .collect()
    }
}

/// # Safety
/// `len` bytes at `start` must be readable for `'a`, if there are any.
unsafe fn bytes_at<'a>(start: *const u8, len: usize) -> &'a [u8] {
    if len == 0 {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(start, len) }
}

/// `pickle.dumps(value, protocol=5, buffer_callback=...)`.
pub(super) fn dump<'py>(value: &Bound<'py, PyAny>) -> PyResult<Pickle<'py>> {
    static MODULES: Once<Py<PyDict>> = Once::new();
    static DUMPS: Once<Py<PyAny>> = Once::new();
    let py = value.py();
    let modules = MODULES.import(py, "sys", "modules")?;
    // Nobody can have a connection, which needs care, before this module is there.
    if modules.contains(name!(py, "multiprocessing.connection"))? {
        return dump_by(value, name!(py, "dump_plain"));
    }
    dump_with(DUMPS.import(py, "pickle", "dumps")?, value)
}

/// The same through `cloudpickle`, which also takes lambdas, closures and what is defined in
/// a notebook; `None` where it is not installed.
pub(super) fn cloud_dump<'py>(value: &Bound<'py, PyAny>) -> Option<PyResult<Pickle<'py>>> {
    let module = value.py().import("cloudpickle").ok()?;
    Some(
        module
            .getattr("dumps")
            .and_then(|dumps| dump_with(&dumps, value)),
    )
}

/// The same with what `multiprocessing` can send, its named primitives, and then with
/// cloudpickle where that is installed.
pub(super) fn forking_dump<'py>(value: &Bound<'py, PyAny>) -> PyResult<Pickle<'py>> {
    dump_by(value, name!(value.py(), "dump_argument"))
}

/// The same in whatever way works; the error is that of the plain way.
pub(super) fn dump_any<'py>(value: &Bound<'py, PyAny>) -> PyResult<Pickle<'py>> {
    dump(value).or_else(|error| {
        if !is_unpicklable(value.py(), &error) {
            return Err(error);
        }
        forking_dump(value).or(Err(error))
    })
}

/// The same by a function of `ungil._inheritance`.
fn dump_by<'py>(
    value: &Bound<'py, PyAny>,
    function: &Bound<'py, PyString>,
) -> PyResult<Pickle<'py>> {
    let py = value.py();
    let buffers = PyList::empty(py);
    let stream = py
        .import(name!(py, "ungil._inheritance"))?
        .call_method1(function, (value, buffers.getattr(name!(py, "append"))?))?
        .cast_into::<PyBytes>()?;
    Ok(Pickle {
        stream,
        buffers: raw_buffers(&buffers)?,
    })
}

fn dump_with<'py>(dumps: &Bound<'py, PyAny>, value: &Bound<'py, PyAny>) -> PyResult<Pickle<'py>> {
    let py = value.py();
    let buffers = PyList::empty(py);
    let options = PyDict::new(py);
    options.set_item(name!(py, "protocol"), 5)?;
    options.set_item(
        name!(py, "buffer_callback"),
        buffers.getattr(name!(py, "append"))?,
    )?;
    let stream = dumps
        .call((value,), Some(&options))?
        .cast_into::<PyBytes>()?;
    Ok(Pickle {
        stream,
        buffers: raw_buffers(&buffers)?,
    })
}

fn raw_buffers(buffers: &Bound<'_, PyList>) -> PyResult<Vec<PyUntypedBuffer>> {
    buffers
        .iter()
        .map(|buffer| PyUntypedBuffer::get(&buffer.call_method0(name!(buffers.py(), "raw"))?))
        .collect()
}

/// `pickle.loads(stream, buffers=...)`; the buffers are views of shared memory.
pub(super) fn load<'py>(
    py: Python<'py>,
    stream: &[u8],
    buffers: Vec<SharedBuffer>,
) -> PyResult<Bound<'py, PyAny>> {
    static LOADS: Once<Py<PyAny>> = Once::new();
    let loads = LOADS.import(py, "pickle", "loads")?;
    let stream = bytes_object(py, stream)?;
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
