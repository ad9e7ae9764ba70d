//! A bound on the tasks that a pool has accepted and not finished.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Lets so many in at once; who comes later waits until somebody leaves.
#[derive(Debug)]
pub struct Gate {
    limit: usize,
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Debug)]
struct Inner {
    inside: usize,
    /// Nobody waits any more.
    open: bool,
}

/// Somebody's place inside, until it is dropped.
#[derive(Debug)]
pub struct Pass(Arc<Gate>);

impl Gate {
    /// A gate for `limit` at once.
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            inner: Mutex::new(Inner {
                inside: 0,
                open: false,
            }),
            changed: Condvar::new(),
        })
    }

    /// Waits for a place, for `timeout` at most; `None` when there was none.
    pub fn enter(self: &Arc<Self>, timeout: Duration) -> Option<Pass> {
        let deadline = Instant::now() + timeout;
        let mut inner = self.lock();
        while inner.inside >= self.limit && !inner.open {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            inner = self
                .changed
                .wait_timeout(inner, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        inner.inside += 1;
        Some(Pass(Arc::clone(self)))
    }

    /// A place at once, beyond the limit if need be: for those whom others wait for.
    pub fn squeeze_in(self: &Arc<Self>) -> Pass {
        self.lock().inside += 1;
        Pass(Arc::clone(self))
    }

    /// From now on nobody waits.
    pub fn open(&self) {
        self.lock().open = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.0.lock().inside -= 1;
        self.0.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn a_full_gate_lets_the_next_in_when_somebody_leaves() {
        let gate = Gate::new(1);
        let first = gate.enter(Duration::ZERO).expect("room");
        assert!(gate.enter(Duration::ZERO).is_none());
        let waiting = {
            let gate = Arc::clone(&gate);
            std::thread::spawn(move || gate.enter(LONG).is_some())
        };
        drop(first);
        assert!(waiting.join().unwrap());
    }

    #[test]
    fn who_squeezes_in_counts() {
        let gate = Gate::new(1);
        let passes = (gate.squeeze_in(), gate.squeeze_in());
        drop(passes.0);
        assert!(gate.enter(Duration::ZERO).is_none());
        drop(passes.1);
        assert!(gate.enter(Duration::ZERO).is_some());
    }

    #[test]
    fn an_open_gate_lets_all_in() {
        let gate = Gate::new(1);
        let _first = gate.enter(Duration::ZERO);
        let waiting = {
            let gate = Arc::clone(&gate);
            std::thread::spawn(move || gate.enter(LONG).is_some())
        };
        gate.open();
        assert!(waiting.join().unwrap());
    }
}
