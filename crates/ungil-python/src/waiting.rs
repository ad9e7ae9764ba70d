//! Waiting without the GIL on threads that outlive the interpreter.
//!
//! Before Python 3.14 a thread that wants the GIL back while the interpreter shuts down is ended
//! by `pthread_exit`, whose unwinding Rust answers by aborting the process. A daemon thread that
//! waits for a result can come to that. So a wait that ends then does not go back: the thread
//! sleeps until the process has ended, as Python 3.14 does it.

use std::ffi::c_int;
use std::sync::OnceLock;

use pyo3::prelude::*;

/// Calls `wait` without the GIL; it returns now and then, however long the whole wait is.
pub(crate) fn without_gil<T: Send>(py: Python<'_>, wait: impl FnOnce() -> T + Send) -> T {
    py.detach(|| {
        let waited = wait();
        while interpreter_ends() && !is_main_thread() {
            std::thread::park();
        }
        waited
    })
}

/// The main thread is the one that shuts the interpreter down, and may use it to the end.
fn is_main_thread() -> bool {
    // SAFETY: two numbers of this process.
    unsafe { libc::gettid() == libc::getpid() }
}

/// Whether `Py_FinalizeEx` has passed the point from which no other thread gets the GIL.
fn interpreter_ends() -> bool {
    static FUNCTION: OnceLock<Option<unsafe extern "C" fn() -> c_int>> = OnceLock::new();
    let function = FUNCTION.get_or_init(|| {
        // The public name is there from 3.13 on.
        [c"Py_IsFinalizing", c"_Py_IsFinalizing"]
            .into_iter()
            // SAFETY: names that end with a NUL.
            .map(|name| unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) })
            .find(|address| !address.is_null())
            // SAFETY: of either name, a function without arguments that gives an int.
            .map(|address| unsafe {
                std::mem::transmute::<*mut libc::c_void, unsafe extern "C" fn() -> c_int>(address)
            })
    });
    // SAFETY: it reads one word, and needs no GIL.
    function.is_some_and(|function| unsafe { function() } != 0)
}
