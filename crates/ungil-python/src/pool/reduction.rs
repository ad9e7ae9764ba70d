//! What pickle refuses or copies needlessly gets a reduction of ours: `ungil._pickling.special`.

use std::ffi::CStr;

use pyo3::ffi;
use pyo3::prelude::*;

use crate::once::Once;

/// The pickler's `reducer_override`. It is asked about nearly every object, so it only looks at
/// the name of its type.
#[pyfunction]
#[pyo3(name = "_reduce")]
pub(crate) fn reduce<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    static SPECIAL: Once<Py<PyAny>> = Once::new();
    let py = object.py();
    // SAFETY: a type's name is a string that lives as long as the type.
    let name = unsafe { CStr::from_ptr((*ffi::Py_TYPE(object.as_ptr())).tp_name) };
    match name.to_bytes() {
        b"memoryview" | b"array.array" | b"numpy.ndarray" | b"Connection" => SPECIAL
            .import(py, "ungil._pickling", "special")?
            .call1((object,)),
        _ => Ok(py.NotImplemented().into_bound(py)),
    }
}
