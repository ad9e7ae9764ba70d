//! `str` and `bytes` as machine code has them, and back.
#![allow(unsafe_code)]

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use ungil_native::Text;

/// The codes of a `str`, 4 bytes each.
pub(super) fn codes(text: &Bound<'_, PyString>) -> PyResult<Vec<u32>> {
    let length = text.len()?;
    let mut codes = vec![0_u32; length];
    // SAFETY: a text, and room for as many codes as it has; none for a zero at its end.
    let copied = unsafe {
        ffi::PyUnicode_AsUCS4(
            text.as_ptr(),
            codes.as_mut_ptr().cast(),
            length.cast_signed(),
            0,
        )
    };
    if copied.is_null() && length > 0 {
        return Err(PyErr::fetch(text.py()));
    }
    Ok(codes)
}

/// The text whose words machine code has returned: address, length, and no owner.
///
/// # Safety
/// As many codes, in what was passed or in the machine code's constants, which are alive.
pub(super) unsafe fn returned(
    py: Python<'_>,
    kind: Text,
    words: &mut dyn Iterator<Item = u64>,
) -> PyResult<Py<PyAny>> {
    let mut word = || words.next().unwrap_or(0);
    let (address, length, _) = (word(), word() as usize, word());
    match kind {
        Text::Bytes => {
            // SAFETY: as the caller promises.
            let bytes = unsafe { std::slice::from_raw_parts(address as *const u8, length) };
            Ok(PyBytes::new(py, bytes).into_any().unbind())
        }
        // SAFETY: as the caller promises; the function gives a new reference or an exception.
        Text::Str => unsafe {
            let object = ffi::PyUnicode_FromKindAndData(
                4,
                address as *const std::ffi::c_void,
                length.cast_signed(),
            );
            Bound::from_owned_ptr_or_err(py, object).map(Bound::unbind)
        },
    }
}
