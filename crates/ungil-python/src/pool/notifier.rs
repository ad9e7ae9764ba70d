//! The notifier: a thread that tells listeners of completed futures, with the GIL.
//!
//! One per process pool, started when the first listened-to future completes, so that the
//! pump never waits for the GIL and a callback that blocks holds up only its own pool.

use std::sync::Arc;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pyo3::prelude::*;

use super::future::complete;

/// A completed future and whether it was cancelled.
type News = (Py<PyAny>, bool);

#[derive(Default)]
pub(crate) struct Notifier {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Default)]
struct Inner {
    news: Vec<News>,
    running: bool,
    busy: bool,
    closed: bool,
}

impl Notifier {
    /// Has the future's listeners told.
    pub(crate) fn tell(self: &Arc<Self>, future: Py<PyAny>, cancelled: bool) {
        let mut inner = self.lock();
        inner.news.push((future, cancelled));
        if !std::mem::replace(&mut inner.running, true) {
            let notifier = Arc::clone(self);
            let thread = std::thread::Builder::new().name("ungil-notifier".into());
            thread
                .spawn(move || notifier.run())
                .expect("the operating system refused a thread for callbacks");
        }
        self.changed.notify_all();
    }

    /// Waits until everybody has been told; `false` when the time ran out.
    pub(crate) fn flush(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut inner = self.lock();
        while inner.busy || !inner.news.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            inner = self
                .changed
                .wait_timeout(inner, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        true
    }

    /// Lets the thread end once everybody has been told.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    fn run(&self) {
        while let Some(batch) = self.next_batch() {
            let told = Python::try_attach(|py| {
                for (future, cancelled) in batch {
                    complete(py, &future, cancelled);
                }
            });
            let mut inner = self.lock();
            inner.busy = false;
            // The interpreter has gone: nobody is left to tell.
            inner.closed |= told.is_none();
            self.changed.notify_all();
        }
    }

    fn next_batch(&self) -> Option<Vec<News>> {
        let mut inner = self.lock();
        loop {
            if !inner.news.is_empty() {
                inner.busy = true;
                return Some(std::mem::take(&mut inner.news));
            }
            if inner.closed {
                inner.running = false;
                return None;
            }
            inner = self
                .changed
                .wait(inner)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
