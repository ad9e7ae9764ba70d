//! Threads that signals leave alone.
//!
//! The kernel gives a signal for the process to any thread that lets it in. One of ours would take
//! it away from the main thread, which then goes on sleeping. So every thread of ours blocks all
//! signals but its own faults; it inherits the mask, so that there is no moment without it. Code of
//! the user that runs in such a thread must see an ordinary mask, for what it starts inherits that.

use std::io;
use std::thread::{Builder, JoinHandle};

use crate::os::SignalMask;

/// Starts a thread that no signal for the process reaches.
pub fn spawn<T: Send + 'static>(
    builder: Builder,
    run: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    start_quietly(|| builder.spawn(run))
}

/// Calls `start`, which starts threads that no signal for the process shall reach.
pub fn start_quietly<T>(start: impl FnOnce() -> T) -> T {
    let _held = SignalMask::quiet().hold();
    start()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quiet_thread_lets_in_its_faults_only_and_its_starter_is_as_before() {
        let before = format!("{:?}", SignalMask::current());
        let thread = spawn(Builder::new(), || format!("{:?}", SignalMask::current())).unwrap();
        let inside = thread.join().unwrap();
        for (signal, blocked) in [
            (libc::SIGINT, true),
            (libc::SIGTERM, true),
            (libc::SIGSEGV, false),
        ] {
            let listed = inside
                .trim_matches(['{', '}'])
                .split(", ")
                .any(|n| n == signal.to_string());
            assert_eq!(listed, blocked, "signal {signal} in {inside}");
        }
        assert_eq!(format!("{:?}", SignalMask::current()), before);
    }
}
