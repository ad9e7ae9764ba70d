//! Waiting for futures without holding the GIL and without missing Ctrl-C.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use pyo3::prelude::*;

use crate::clock;
use crate::waiting::without_gil;

/// How long a wait may last before it looks for signals: Ctrl-C is noticed within this time.
const SIGNAL_PERIOD: Duration = Duration::from_millis(50);

/// A future that has ended.
pub(crate) struct Done {
    /// The number it was watched under.
    pub(crate) index: usize,
    /// The future.
    pub(crate) future: Py<PyAny>,
    /// `CLOCK_MONOTONIC` when the pool said so, nanoseconds.
    pub(crate) at: i64,
}

#[derive(Default)]
struct Shared {
    done: Mutex<VecDeque<Done>>,
    more: Condvar,
}

/// The futures being watched; the ended ones come out of [`Completions::next`] in the order of ending.
#[derive(Clone, Default)]
pub(crate) struct Completions(Arc<Shared>);

/// The done callback of one future.
#[pyclass(module = "ungil._ungil", frozen)]
struct Completion {
    shared: Arc<Shared>,
    index: usize,
}

#[pymethods]
impl Completion {
    fn __call__(&self, future: Py<PyAny>) {
        let done = Done {
            index: self.index,
            future,
            at: clock::monotonic_ns(),
        };
        self.shared
            .done
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(done);
        self.shared.more.notify_one();
    }
}

impl Completions {
    /// Has this future come out of [`Completions::next`] under `index` when it has ended.
    pub(crate) fn watch(&self, future: &Bound<'_, PyAny>, index: usize) -> PyResult<()> {
        let callback = Completion {
            shared: Arc::clone(&self.0),
            index,
        };
        future.call_method1("add_done_callback", (callback,))?;
        Ok(())
    }

    /// The next future to end, or `None` at the deadline. Raises what a signal handler raises.
    pub(crate) fn next(&self, py: Python<'_>, deadline: Option<Instant>) -> PyResult<Option<Done>> {
        loop {
            let now = Instant::now();
            let until = deadline.map_or(now + SIGNAL_PERIOD, |end| end.min(now + SIGNAL_PERIOD));
            let done = without_gil(py, || self.0.wait(until));
            py.check_signals()?;
            if done.is_some() || deadline.is_some_and(|end| Instant::now() >= end) {
                return Ok(done);
            }
        }
    }
}

impl Shared {
    fn wait(&self, until: Instant) -> Option<Done> {
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        let left = until.saturating_duration_since(Instant::now());
        let (mut done, _) = self
            .more
            .wait_timeout_while(done, left, |done| done.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        done.pop_front()
    }
}
