//! What of ours goes on in this process: threads inside a task, pools that did not end.
//!
//! A thread cannot be killed: where one goes on after its pool was given up, only the end of the program ends it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::waiting::without_gil;
use pyo3::prelude::*;

static TASKS: AtomicUsize = AtomicUsize::new(0);

/// Whether something else goes on that only the end of the program ends: an interpreter, a cluster.
static LEFT_BEHIND: AtomicBool = AtomicBool::new(false);

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

/// Whether anything goes on: a thread in a task, or what was left behind.
pub(crate) fn any() -> bool {
    TASKS.load(Ordering::SeqCst) > 0 || LEFT_BEHIND.load(Ordering::SeqCst)
}

/// Notes whether a pool that was given up has ended.
pub(crate) fn left_behind_unless(ended: bool) {
    LEFT_BEHIND.fetch_or(!ended, Ordering::SeqCst);
}

/// Waits until no thread runs a task, at most for `patience`.
pub(crate) fn wait_until_idle(py: Python<'_>, patience: Duration) {
    let patient_until = Instant::now() + patience;
    while TASKS.load(Ordering::SeqCst) > 0 && Instant::now() < patient_until {
        without_gil(py, || std::thread::sleep(Duration::from_millis(5)));
    }
}
