//! Large bytes, bytearrays and strings: objects that own their memory, made with one copy.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyString};

/// From this size on fresh memory is asked for in huge pages.
const HUGE_FROM: usize = 4 << 20;
const HUGE_PAGE: usize = 2 << 20;

pub(super) fn bytes<'py>(py: Python<'py>, source: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let len = source.len().try_into()?;
    // SAFETY: new bytes of that length, which nobody has seen yet, may be filled.
    unsafe {
        let made = ffi::PyBytes_FromStringAndSize(std::ptr::null(), len);
        let made = Bound::from_owned_ptr_or_err(py, made)?;
        fill(ffi::PyBytes_AsString(made.as_ptr()).cast(), source);
        Ok(made.cast_into_unchecked())
    }
}

pub(super) fn bytearray<'py>(py: Python<'py>, source: &[u8]) -> PyResult<Bound<'py, PyByteArray>> {
    let len = source.len().try_into()?;
    // SAFETY: as above.
    unsafe {
        let made = ffi::PyByteArray_FromStringAndSize(std::ptr::null(), len);
        let made = Bound::from_owned_ptr_or_err(py, made)?;
        fill(ffi::PyByteArray_AsString(made.as_ptr()).cast(), source);
        Ok(made.cast_into_unchecked())
    }
}

/// The string with this UTF-8.
pub(super) fn string<'py>(py: Python<'py>, source: &[u8]) -> PyResult<Bound<'py, PyString>> {
    if !source.is_ascii() {
        return PyString::from_bytes(py, source);
    }
    let len = source.len().try_into()?;
    // SAFETY: as above; a string of ASCII characters has a byte for each.
    unsafe {
        let made = ffi::PyUnicode_New(len, 127);
        let made = Bound::from_owned_ptr_or_err(py, made)?;
        fill(ffi::PyUnicode_DATA(made.as_ptr()).cast(), source);
        Ok(made.cast_into_unchecked())
    }
}

/// Fills fresh memory. A fault for each of its small pages would take longer than the copy.
///
/// # Safety
/// `target` must have room for `source`, and be nobody else's.
unsafe fn fill(target: *mut u8, source: &[u8]) {
    if source.len() >= HUGE_FROM {
        let start = target.addr().next_multiple_of(HUGE_PAGE);
        let len = target.addr() + source.len() - start;
        // SAFETY: inside of the target; a hint that changes no contents, and may be ignored.
        unsafe {
            libc::madvise(target.with_addr(start).cast(), len, libc::MADV_HUGEPAGE);
        }
    }
    // SAFETY: the caller's promise.
    unsafe { target.copy_from_nonoverlapping(source.as_ptr(), source.len()) };
}
