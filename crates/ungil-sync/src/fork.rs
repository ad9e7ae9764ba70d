//! What must happen around `fork`: the child's thread gets a new identity and finds no half-changed
//! registry.
#![allow(unsafe_code)]

use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

static WATCH: Once = Once::new();
static FORKS: AtomicU64 = AtomicU64::new(0);

/// Registers the handlers, once per process (children inherit them).
pub(crate) fn watch() {
    WATCH.call_once(|| {
        // SAFETY: the handlers are `extern "C"`, never unwind, and live as long as the process: an
        // extension module of CPython is not unloaded.
        unsafe { libc::pthread_atfork(Some(prepare), Some(parent), Some(child)) };
    });
}

/// How often this process has forked: what existed before a fork may be in use by a child.
pub(crate) fn count() -> u64 {
    FORKS.load(Ordering::Relaxed)
}

extern "C" fn prepare() {
    crate::registry::freeze();
    FORKS.fetch_add(1, Ordering::Relaxed);
}

extern "C" fn parent() {
    crate::registry::thaw();
}

extern "C" fn child() {
    crate::thread::forget_me();
    crate::registry::thaw();
}
