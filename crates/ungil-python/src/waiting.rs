//! Being without the GIL in threads that may outlive the interpreter.
//!
//! Before Python 3.14 a thread that wants the GIL back while the interpreter shuts down is ended by
//! `pthread_exit`. That unwinds its stack, and Rust's frames answer by aborting the process, without a
//! word. A daemon thread that waits for a result can come to that. So such a thread stays where it
//! is until the process has ended, as Python 3.14 does it.

use std::ffi::{c_int, c_void};
use std::sync::OnceLock;

use pyo3::prelude::*;

/// Runs `work` without the GIL; the one way to let go of it, but for moments at known times.
pub(crate) fn without_gil<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> T {
    stay_until_the_end();
    py.detach(work)
}

/// Has the calling thread sleep where the interpreter would end it, from now on: for those that call
/// Python code from Rust, which lets go of the GIL as well.
pub(crate) fn stay_until_the_end() {
    thread_local! {
        static HANDLER: Handler = Handler::push();
    }
    HANDLER.with(|_| ());
}

/// The C library's `struct _pthread_cleanup_buffer`, or a smaller one of another C library.
///
/// glibc calls handlers of this kind before it unwinds the first frame in which they are not; this
/// one is in none, for it lies on the heap. musl calls them before anything else.
struct Handler(Box<[usize; 8]>);

impl Handler {
    fn push() -> Self {
        unsafe extern "C" {
            fn _pthread_cleanup_push(
                buffer: *mut c_void,
                routine: extern "C" fn(*mut c_void),
                argument: *mut c_void,
            );
        }
        let mut handler = Self(Box::new([0; 8]));
        // SAFETY: room enough, which lives until the thread's own end.
        unsafe {
            _pthread_cleanup_push(
                handler.0.as_mut_ptr().cast(),
                sleep_if_the_interpreter_ends,
                std::ptr::null_mut(),
            );
        }
        handler
    }
}

extern "C" fn sleep_if_the_interpreter_ends(_: *mut c_void) {
    while interpreter_ends() {
        // SAFETY: it waits for signals.
        unsafe { libc::pause() };
    }
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
                std::mem::transmute::<*mut c_void, unsafe extern "C" fn() -> c_int>(address)
            })
    });
    // SAFETY: it reads one word, and needs no GIL.
    function.is_some_and(|function| unsafe { function() } != 0)
}
