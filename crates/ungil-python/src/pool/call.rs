//! Calling a user's code on a thread that the interpreter may end in the middle of it.
//!
//! Before Python 3.14 a thread that asks for the GIL while the interpreter shuts down is ended by
//! `pthread_exit`, which unwinds its stack; Rust aborts the process when that reaches its
//! frames. So the thread is stopped just above them: it sleeps until the process has ended.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

/// `PyObject_Call`, by an ABI that says that it may unwind.
type MayUnwind = unsafe extern "C-unwind" fn(
    *mut ffi::PyObject,
    *mut ffi::PyObject,
    *mut ffi::PyObject,
) -> *mut ffi::PyObject;

/// The function's address, hidden from the optimiser: `pyo3::ffi` declares it as one that does not
/// unwind, and link-time optimisation would take that for all its calls.
fn may_unwind() -> MayUnwind {
    let address = std::hint::black_box(ffi::PyObject_Call as *const ());
    // SAFETY: the same function by an ABI that differs only in what may happen on unwinding.
    unsafe { std::mem::transmute::<*const (), MayUnwind>(address) }
}

/// Stops the thread when an unwinding stack drops it.
struct Stop;

impl Drop for Stop {
    fn drop(&mut self) {
        loop {
            std::thread::park();
        }
    }
}

/// `func(*args, **kwargs)`.
pub(super) fn call<'py>(
    func: &Bound<'py, PyAny>,
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let kwargs = kwargs.map_or(std::ptr::null_mut(), Bound::as_ptr);
    let stop = Stop;
    // SAFETY: the GIL is held, the pointers are borrowed from live objects, and the result is a
    // new reference or null with an exception set.
    let result = unsafe {
        Bound::from_owned_ptr_or_err(
            func.py(),
            may_unwind()(func.as_ptr(), args.as_ptr(), kwargs),
        )
    };
    std::mem::forget(stop);
    result
}
