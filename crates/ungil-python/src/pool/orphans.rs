//! Process pools whose executor is gone while tasks are still to be done.
//!
//! `concurrent.futures` finishes them at exit; so do we.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use ungil_pool::process::Ending;

use super::executor::{TICK, wait_with_signals};
use super::notifier::Notifier;
use crate::waiting::without_gil;

/// A pool that ends without an owner.
#[derive(Clone)]
pub(super) struct Orphan {
    pub(super) ending: Ending,
    pub(super) notifier: Arc<Notifier>,
}

/// The orphans of the process of this generation.
static ORPHANS: Mutex<(u64, Vec<Orphan>)> = Mutex::new((0, Vec::new()));

/// Remembers a pool until it has ended.
pub(super) fn adopt(orphan: Orphan) {
    let mut orphans = list();
    orphans.1.retain(|orphan| !orphan.ending.is_over());
    orphans.1.push(orphan);
}

fn list() -> MutexGuard<'static, (u64, Vec<Orphan>)> {
    let mut orphans = ORPHANS.lock().unwrap_or_else(PoisonError::into_inner);
    if orphans.0 != ungil_pool::generation() {
        // A forked child: they are its parent's.
        *orphans = (ungil_pool::generation(), Vec::new());
    }
    orphans
}

/// Waits until the pools whose executors are gone have finished their tasks.
#[pyfunction]
pub(crate) fn wait_for_orphans(py: Python<'_>) -> PyResult<()> {
    loop {
        let Some(orphan) = list().1.pop() else {
            return Ok(());
        };
        let waited = wait_with_signals(py, || orphan.ending.wait(Some(TICK)))
            .and_then(|()| wait_with_signals(py, || orphan.notifier.flush(TICK)));
        if waited.is_err() {
            list().1.push(orphan);
            return waited;
        }
    }
}

/// Kills the workers of the pools whose executors are gone.
#[pyfunction]
pub(crate) fn kill_orphans(py: Python<'_>) {
    let orphans = list().1.clone();
    without_gil(py, || {
        for orphan in &orphans {
            orphan.ending.kill();
        }
    });
}
