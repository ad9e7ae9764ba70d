//! A buffer in shared memory as a Python object: arrays are built on it without a copy.

use std::any::Any;
use std::ffi::c_int;
use std::ptr::NonNull;
use std::sync::Arc;

use pyo3::exceptions::PyBufferError;
use pyo3::ffi;
use pyo3::prelude::*;
use ungil_pool::Message;

/// One buffer of a received message. The memory stays while this object, or anything built
/// on it, lives; it belongs to this process alone.
#[pyclass(frozen, module = "ungil._ungil")]
pub(crate) struct SharedBuffer {
    start: NonNull<u8>,
    len: usize,
    readonly: bool,
    /// Whatever holds the message.
    _keep: Arc<dyn Any + Send + Sync>,
}

// SAFETY: an address in a mapping that `_keep` holds; nothing else in this process uses it.
unsafe impl Send for SharedBuffer {}
// SAFETY: as above; Python code that shares the buffer between threads sees shared memory.
unsafe impl Sync for SharedBuffer {}

impl SharedBuffer {
    /// All buffers of a message, which `keep` holds.
    pub(super) fn all<K: Any + Send + Sync>(
        message: &Message,
        keep: &Arc<K>,
        readonly: bool,
    ) -> Vec<Self> {
        (0..message.buffers())
            .filter_map(|i| {
                let (start, len) = message.buffer(i);
                let keep: Arc<dyn Any + Send + Sync> = Arc::<K>::clone(keep);
                Some(Self {
                    start: NonNull::new(start)?,
                    len,
                    readonly,
                    _keep: keep,
                })
            })
            .collect()
    }

    /// A part of the head of a message, which `keep` holds; not to be written to.
    pub(super) fn part<K: Any + Send + Sync>(part: &[u8], keep: &Arc<K>) -> Self {
        let keep: Arc<dyn Any + Send + Sync> = Arc::<K>::clone(keep);
        Self {
            start: NonNull::from(part).cast(),
            len: part.len(),
            readonly: true,
            _keep: keep,
        }
    }
}

// The signatures are those that PyO3 asks for.
#[allow(clippy::needless_pass_by_value, clippy::unused_self)]
#[pymethods]
impl SharedBuffer {
    /// # Safety
    /// Called by the interpreter with a buffer to fill in.
    unsafe fn __getbuffer__(
        slf: Bound<'_, Self>,
        view: *mut ffi::Py_buffer,
        flags: c_int,
    ) -> PyResult<()> {
        let buffer = slf.get();
        let len = isize::try_from(buffer.len)
            .map_err(|_| PyBufferError::new_err("the buffer is too long"))?;
        // SAFETY: the bytes stay while `slf` lives, and the view holds a reference to it.
        let filled = unsafe {
            ffi::PyBuffer_FillInfo(
                view,
                slf.as_ptr(),
                buffer.start.as_ptr().cast(),
                len,
                c_int::from(buffer.readonly),
                flags,
            )
        };
        if filled == 0 {
            Ok(())
        } else {
            Err(PyErr::fetch(slf.py()))
        }
    }

    /// # Safety
    /// Called by the interpreter with a view that `__getbuffer__` filled in.
    unsafe fn __releasebuffer__(&self, _view: *mut ffi::Py_buffer) {}
}
