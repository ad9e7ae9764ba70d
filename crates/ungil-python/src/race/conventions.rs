//! How the interpreter calls the methods of locks: another way from 3.15 on.

use std::ffi::c_int;

use pyo3::exceptions::{PyOverflowError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;

type Object = *mut ffi::PyObject;

/// How the interpreter calls `acquire`: from 3.15 on with an array of arguments, their number, and names.
pub(super) const ACQUIRES: c_int = if cfg!(Py_3_15) {
    ffi::METH_FASTCALL | ffi::METH_KEYWORDS
} else {
    ffi::METH_VARARGS | ffi::METH_KEYWORDS
};
pub(super) const ENTERS: c_int = if cfg!(Py_3_15) {
    ffi::METH_NOARGS
} else {
    ACQUIRES
};
pub(super) const EXITS: c_int = if cfg!(Py_3_15) {
    ffi::METH_FASTCALL
} else {
    ffi::METH_VARARGS
};
pub(super) const RESTORES: c_int = if cfg!(Py_3_15) {
    ffi::METH_O
} else {
    ffi::METH_VARARGS
};

/// An argument of `acquire`, given by its place or its name.
unsafe fn argument<'py>(
    py: Python<'py>,
    [given, more, names]: [Object; 3],
    at: usize,
    name: &str,
) -> Option<Bound<'py, PyAny>> {
    // SAFETY: as the interpreter passed them on, by the convention of `ACQUIRES`; the GIL is held.
    unsafe {
        if cfg!(Py_3_15) {
            let (values, count) = (given.cast::<Object>(), more as usize);
            let keywords = Bound::from_borrowed_ptr_or_opt(py, names);
            let by_name = || {
                let mut keywords = keywords?.try_iter().ok()?.flatten();
                let found = keywords.position(|it| it.eq(name).unwrap_or(false));
                Some(count + found?)
            };
            let found = if at < count { Some(at) } else { by_name() };
            Bound::from_borrowed_ptr_or_opt(py, *values.add(found?))
        } else {
            let tuple = Bound::from_borrowed_ptr_or_opt(py, given);
            let keywords = Bound::from_borrowed_ptr_or_opt(py, more);
            let placed = tuple.and_then(|tuple| tuple.get_item(at).ok());
            placed.or_else(|| keywords?.get_item(name).ok())
        }
    }
}

/// `blocking` and `timeout` of `acquire`: `None` with an exception set where they make no sense.
pub(super) unsafe fn patience(arguments: [Object; 3]) -> Option<(bool, Option<f64>)> {
    // SAFETY: the caller's.
    unsafe {
        let py = Python::assume_attached();
        let value = |at, name| argument(py, arguments, at, name);
        let parsed = (|| -> PyResult<(bool, Option<f64>)> {
            let blocking = value(0, "blocking").map_or(Ok(true), |it| it.is_truthy())?;
            let timeout = value(1, "timeout").map_or(Ok(-1.0), |it| it.extract::<f64>())?;
            let for_ever = timeout.to_bits() == (-1.0f64).to_bits();
            if !blocking && !for_ever {
                return Err(PyValueError::new_err(
                    "can't specify a timeout for a non-blocking call",
                ));
            }
            if timeout < 0.0 && !for_ever {
                return Err(PyValueError::new_err(
                    "timeout value must be a non-negative number",
                ));
            }
            if timeout > 9.0e9 {
                return Err(PyOverflowError::new_err("timeout value is too large"));
            }
            Ok((blocking, (timeout >= 0.0).then_some(timeout)))
        })();
        match parsed {
            Ok(parsed) => Some(parsed),
            Err(error) => {
                error.restore(py);
                None
            }
        }
    }
}
