//! The notifier: a thread that tells listeners of completed futures, with the GIL.
//!
//! One per process pool, started when the first listened-to future completes, so that the
//! pump never waits for the GIL and a callback that blocks holds up only its own pool.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use ungil_pool::{SignalMask, quiet};

use super::future::complete;

thread_local! {
    /// The notifier whose news the calling thread is telling, by its address.
    static TELLING: Cell<*const Notifier> = const { Cell::new(std::ptr::null()) };
}

/// A completed future and whether it was cancelled.
type News = (Py<PyAny>, bool);

pub(crate) struct Notifier {
    /// What callbacks shall see: what they start inherits it.
    mask: SignalMask,
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Default)]
struct Inner {
    news: Vec<News>,
    running: bool,
    /// The thread that is telling somebody.
    busy: Option<ThreadId>,
    closed: bool,
}

impl Notifier {
    /// Callbacks will see the calling thread's signal mask.
    pub(crate) fn new() -> Self {
        Self {
            mask: SignalMask::current(),
            inner: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Has the future's listeners told.
    pub(crate) fn tell(self: &Arc<Self>, future: Py<PyAny>, cancelled: bool) {
        let mut inner = self.lock();
        inner.news.push((future, cancelled));
        if !std::mem::replace(&mut inner.running, true) {
            let notifier = Arc::clone(self);
            let thread = std::thread::Builder::new().name("ungil-notifier".into());
            if quiet::spawn(thread, move || notifier.run()).is_err() {
                // The machine is out of threads: late and here is better than never.
                inner.closed = true;
                drop(inner);
                self.run();
                return;
            }
        }
        self.changed.notify_all();
    }

    /// Waits until everybody has been told; `false` when the time ran out. In a callback, which
    /// would wait for itself, it does not wait.
    pub(crate) fn flush(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut inner = self.lock();
        let me = std::thread::current().id();
        while inner.busy != Some(me) && (inner.busy.is_some() || !inner.news.is_empty()) {
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

    /// Whether the calling thread is in one of this pool's callbacks.
    pub(crate) fn is_telling(&self) -> bool {
        std::ptr::eq(TELLING.get(), self)
    }

    /// Lets the thread end once everybody has been told.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    fn run(&self) {
        while let Some(batch) = self.next_batch() {
            let outer = TELLING.replace(self);
            let told = Python::try_attach(|py| {
                let _held = self.mask.hold();
                for (future, cancelled) in batch {
                    complete(py, &future, cancelled);
                }
            });
            TELLING.set(outer);
            let mut inner = self.lock();
            inner.busy = None;
            // The interpreter has gone: nobody is left to tell.
            inner.closed |= told.is_none();
            self.changed.notify_all();
        }
    }

    fn next_batch(&self) -> Option<Vec<News>> {
        let mut inner = self.lock();
        loop {
            if !inner.news.is_empty() {
                inner.busy = Some(std::thread::current().id());
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
