//! Calls that the main thread makes as soon as it runs Python code again.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};

use pyo3::ffi;

/// Has the main thread call this; `false` where the interpreter takes no more of them.
pub(super) fn call_soon(function: fn()) -> bool {
    // SAFETY: the argument is the function that `run` turns it back into.
    unsafe { ffi::Py_AddPendingCall(Some(run), function as *mut c_void) == 0 }
}

extern "C" fn run(function: *mut c_void) -> c_int {
    // SAFETY: `call_soon` made it from a function of this type.
    let function: fn() = unsafe { std::mem::transmute(function) };
    function();
    0
}
