//! From 3.14 on the interpreter compares the stack pointer with the ends of the OS thread's stack: it has to be told
//! of a fiber's.

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicUsize, Ordering};

use corosensei::stack::{DefaultStack, Stack};
use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;

type SetStackProtection =
    unsafe extern "C" fn(*mut ffi::PyThreadState, *mut c_void, usize) -> c_int;

/// `PyUnstable_ThreadState_SetStackProtection`; the first releases of 3.14 have none.
static SET: AtomicUsize = AtomicUsize::new(0);

/// Looks for the interpreter's function.
///
/// # Errors
/// This release needs it and has none.
pub(super) fn prepare() -> PyResult<()> {
    if !cfg!(Py_3_14) || SET.load(Ordering::Relaxed) != 0 {
        return Ok(());
    }
    let name = c"PyUnstable_ThreadState_SetStackProtection";
    // SAFETY: looks a name up in what is loaded.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    if found.is_null() {
        return Err(PyRuntimeError::new_err(
            "ungil.race needs a later release of CPython 3.14: this one cannot be told of the stacks that threads of a model have",
        ));
    }
    SET.store(found as usize, Ordering::Relaxed);
    Ok(())
}

/// Tells the thread state where its stack lies.
pub(super) fn set(state: *mut ffi::PyThreadState, stack: &DefaultStack) {
    let found = SET.load(Ordering::Relaxed);
    if found == 0 {
        return;
    }
    let (low, high) = (stack.limit().get(), stack.base().get());
    // SAFETY: the function of that name has this type; the GIL is held; the stack is longer than what it
    // refuses with an exception.
    unsafe {
        let set = std::mem::transmute::<usize, SetStackProtection>(found);
        if set(state, low as *mut c_void, high - low) < 0 {
            ffi::PyErr_Clear();
        }
    }
}
