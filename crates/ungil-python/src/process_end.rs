//! Ending the program although a thread of it hangs.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether this process is the command line's own, so that ending it is ours to decide.
static OWN: AtomicBool = AtomicBool::new(false);

/// Says that this process runs the command line.
pub(crate) fn claim() {
    OWN.store(true, Ordering::SeqCst);
}

/// Ends the program with exit code 1 and this message, if it is the command line's own.
pub(crate) fn end_hanging(message: &str) {
    if OWN.load(Ordering::SeqCst) {
        let _ = writeln!(std::io::stderr(), "\nungil: {message}");
        now(1);
    }
}

/// Ends the program without waiting for any thread and without Python's own clearing up.
pub(crate) fn now(code: i32) -> ! {
    // SAFETY: has no precondition.
    #[allow(unsafe_code)]
    unsafe {
        libc::_exit(code)
    }
}
