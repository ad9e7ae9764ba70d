//! How many threads of this process are inside a task.
//!
//! A thread cannot be killed: where one goes on after its pool was given up, only the end of the program ends it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use pyo3::prelude::*;

static TASKS: AtomicUsize = AtomicUsize::new(0);

/// Marks the calling thread as running a task until it is dropped.
pub(crate) struct Running;

/// A task begins.
pub(crate) fn enter() -> Running {
    TASKS.fetch_add(1, Ordering::SeqCst);
    Running
}

impl Drop for Running {
    fn drop(&mut self) {
        TASKS.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Whether any thread runs a task.
pub(crate) fn any() -> bool {
    TASKS.load(Ordering::SeqCst) > 0
}

/// Waits until no thread runs a task, at most for `patience`.
pub(crate) fn wait_until_idle(py: Python<'_>, patience: Duration) {
    let patient_until = Instant::now() + patience;
    while any() && Instant::now() < patient_until {
        py.detach(|| std::thread::sleep(Duration::from_millis(5)));
    }
}
