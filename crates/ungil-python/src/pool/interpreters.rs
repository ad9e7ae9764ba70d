//! Stopping what runs in another interpreter of this process.

use std::ffi::{c_long, c_void};

use pyo3::ffi;
use pyo3::prelude::*;

type LookUp = unsafe extern "C" fn(i64) -> *mut ffi::PyInterpreterState;

/// Raises `KeyboardInterrupt` in what a thread runs in an interpreter, at its next instruction
/// of Python code; says whether the interpreter has that thread.
///
/// Waits for that interpreter's GIL, not holding ours. The caller makes sure that the interpreter
/// is not ended meanwhile.
#[pyfunction]
pub(crate) fn interrupt_interpreter(_py: Python<'_>, interpreter: i64, ident: c_long) -> bool {
    // SAFETY: a name with its terminating zero; the default handle needs no other care.
    let symbol = unsafe {
        libc::dlsym(
            libc::RTLD_DEFAULT,
            c"_PyInterpreterState_LookUpID".as_ptr().cast(),
        )
    };
    if symbol.is_null() {
        return false;
    }
    // SAFETY: CPython exports this function for its own `_interpreters` module, with this
    // signature since 3.7 (`PyInterpreterState *_PyInterpreterState_LookUpID(int64_t)`).
    let look_up: LookUp = unsafe { std::mem::transmute::<*mut c_void, LookUp>(symbol) };
    // SAFETY: we are attached to our interpreter (`_py`) and return attached to it; an unknown id
    // gives null with an exception set, which is cleared. Between the swaps only the C interface
    // is used, and the exception's class is static, the same in all interpreters. The fresh thread
    // state belongs to this thread alone and is deleted when nothing uses it any more.
    unsafe {
        let target = look_up(interpreter);
        if target.is_null() {
            ffi::PyErr_Clear();
            return false;
        }
        let visitor = ffi::PyThreadState_New(target);
        if visitor.is_null() {
            return false;
        }
        let home = ffi::PyThreadState_Swap(visitor);
        let found = ffi::PyThreadState_SetAsyncExc(ident, ffi::PyExc_KeyboardInterrupt);
        ffi::PyThreadState_Clear(visitor);
        ffi::PyThreadState_Swap(home);
        ffi::PyThreadState_Delete(visitor);
        found > 0
    }
}
