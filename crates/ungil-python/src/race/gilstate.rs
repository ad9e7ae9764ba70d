//! `PyGILState_Ensure` in a fiber has to find the fiber's thread state.
//!
//! From 3.12 on the interpreter sees to that when the current thread state changes. 3.11 keeps the state
//! that the OS thread began with under a key of the C library, which is looked for once.

use std::sync::OnceLock;

use pyo3::ffi;

const KEYS: u32 = 1024; // PTHREAD_KEYS_MAX

/// Where 3.11 keeps it.
static KEY: OnceLock<Option<libc::pthread_key_t>> = OnceLock::new();

unsafe extern "C" {
    fn Py_GetVersion() -> *const std::ffi::c_char;
}

/// Looks for the key, on an OS thread whose own state is current.
pub(super) fn prepare() {
    KEY.get_or_init(|| {
        // SAFETY: a static text; the GIL is held; reading an unused key gives null.
        unsafe {
            if !std::ffi::CStr::from_ptr(Py_GetVersion())
                .to_bytes()
                .starts_with(b"3.11.")
            {
                return None;
            }
            let own = ffi::PyGILState_GetThisThreadState();
            (0..KEYS).find(|key| !own.is_null() && libc::pthread_getspecific(*key) == own.cast())
        }
    });
}

/// This thread state has become the current one.
pub(super) unsafe fn follow(state: *mut ffi::PyThreadState) {
    if let Some(key) = KEY.get().copied().flatten() {
        // SAFETY: the interpreter's own key; what it keeps there is the OS thread's current state.
        unsafe { libc::pthread_setspecific(key, state.cast()) };
    }
}
