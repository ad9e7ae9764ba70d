//! The state of a future, shared between the Python object and whoever completes it.
//!
//! ```text
//! Pending ──► Running ──► Finished
//!    └─────► Cancelled ──► CancelledAndNotified
//! ```
//! A process pool's result arrives as bytes, on a thread that never holds the GIL, and is
//! unpickled by the first thread that asks for it. Only futures that somebody listens to
//! (a callback, `wait`, `as_completed`) need the interpreter when they complete; the
//! `notifier` does those.
//!
//! Lock order: the pool's books, then `Core::inner`. Python code never runs, and the GIL is
//! never waited for, while `inner` is held.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use pyo3::types::PyList;
use ungil_measure::pool_stats::{End, Times};
use ungil_pool::gate::Pass;
use ungil_pool::process::{Outcome, Place, ProcessPool, Task};

use super::ledger::Ledger;
use super::notifier::Notifier;
use super::oom::OomWatch;
use super::outcome;

/// Where a future is; the numbers are the futex word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum State {
    Pending = 0,
    Running = 1,
    Cancelled = 2,
    CancelledAndNotified = 3,
    Finished = 4,
}

impl State {
    /// The name that `concurrent.futures` gives it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Cancelled => "CANCELLED",
            Self::CancelledAndNotified => "CANCELLED_AND_NOTIFIED",
            Self::Finished => "FINISHED",
        }
    }

    pub(crate) fn is_cancelled(self) -> bool {
        matches!(self, Self::Cancelled | Self::CancelledAndNotified)
    }

    pub(crate) fn is_done(self) -> bool {
        self.is_cancelled() || self == Self::Finished
    }

    fn from_word(word: u32) -> Self {
        match word {
            0 => Self::Pending,
            1 => Self::Running,
            2 => Self::Cancelled,
            3 => Self::CancelledAndNotified,
            _ => Self::Finished,
        }
    }
}

/// What a finished future holds.
pub(crate) enum Content {
    Nothing,
    Value(Py<PyAny>),
    Error(Py<PyAny>),
    /// Not looked at yet.
    Raw(Arc<Raw>),
}

/// An outcome as the process pool gave it, with what is needed to tell of it.
pub(crate) struct Raw {
    pub(crate) outcome: Outcome,
    pub(crate) label: Arc<str>,
    /// Whether the kernel killed for want of memory since the last crash in this pool.
    pub(crate) out_of_memory: bool,
    /// The pool that breaks if this cannot be read.
    pub(crate) breaks: Option<Weak<ProcessPool>>,
    /// Whether its buffers shall be read-only.
    pub(crate) readonly: bool,
}

/// The process pool a future belongs to.
pub(crate) struct Link {
    pub(crate) home: Arc<Home>,
    pub(crate) label: Arc<str>,
    /// In nanoseconds of the monotonic clock.
    pub(crate) submitted_at: u64,
    pub(crate) place: Option<Place>,
    /// Shared memory that the task was given. It goes when the task has ended.
    pub(crate) _held: Vec<Py<PyAny>>,
}

/// What all futures of a process pool share, behind one counter: submitting counts it up and the
/// pump counts it down, and each such counter travels between their cores.
pub(crate) struct Home {
    pub(crate) pool: Weak<ProcessPool>,
    pub(crate) notifier: Arc<Notifier>,
    pub(crate) oom: OomWatch,
    /// Only where figures are wanted.
    pub(crate) ledger: Option<Ledger>,
    /// Whether one bad worker, or one bad answer, breaks the pool.
    pub(crate) breaks: bool,
    /// Whether the buffers of results are read-only.
    pub(crate) readonly: bool,
}

impl Home {
    /// Counts a task that could not be sent, and so has failed.
    pub(crate) fn refused(&self) {
        if let Some(ledger) = &self.ledger {
            ledger.submitted(0);
            ledger.ended(End::Failed);
        }
    }
}

impl Link {
    /// Counts how the task has ended.
    fn book(&self, outcome: &Outcome) {
        let Some(ledger) = &self.home.ledger else {
            return;
        };
        let Outcome::Finished(answer) = outcome else {
            return ledger.ended(match outcome {
                Outcome::Cancelled => End::Cancelled,
                Outcome::TimedOut(_) => End::TimedOut,
                _ => End::Crashed,
            });
        };
        let end = if outcome::is_error(outcome) {
            End::Failed
        } else {
            End::Finished
        };
        let times = Times {
            submitted: self.submitted_at,
            begun: answer.times().claimed,
            ended: answer.times().answered,
            back: answer.times().received,
        };
        let label = || Arc::clone(&self.label);
        ledger.ran(end, &times, answer.size(), label);
    }
}

pub(crate) struct Inner {
    pub(crate) content: Content,
    pub(crate) link: Option<Link>,
    /// Its place among the unfinished tasks of a pool that bounds them.
    pub(crate) pass: Option<Pass>,
    /// Present once anybody listens.
    pub(crate) ears: Option<Box<Ears>>,
}

impl Inner {
    /// Leaves the pool, which will not complete the future: gives what is to be dropped out of the
    /// lock, the future's own reference to itself among it.
    pub(crate) fn let_go(&mut self) -> (Option<Link>, Option<Py<PyAny>>) {
        let future = self.ears.as_mut().and_then(|ears| ears.future.take());
        if let Some(ledger) = self
            .link
            .as_ref()
            .and_then(|link| link.home.ledger.as_ref())
        {
            ledger.ended(End::Cancelled);
        }
        (self.link.take(), future)
    }
}

/// Those who want to be told.
#[derive(Default)]
pub(crate) struct Ears {
    /// A `threading.Condition`, for `concurrent.futures.wait` and `as_completed`.
    pub(crate) condition: Option<Py<PyAny>>,
    /// The waiters that those two install.
    pub(crate) waiters: Option<Py<PyList>>,
    pub(crate) callbacks: Vec<Py<PyAny>>,
    /// The future itself, kept alive until they have been told.
    pub(crate) future: Option<Py<PyAny>>,
}

pub(crate) struct Core {
    state: AtomicU32,
    sleepers: AtomicU32,
    inner: Mutex<Inner>,
}

impl Default for Core {
    fn default() -> Self {
        Self {
            state: AtomicU32::new(State::Pending as u32),
            sleepers: AtomicU32::new(0),
            inner: Mutex::new(Inner {
                content: Content::Nothing,
                link: None,
                pass: None,
                ears: None,
            }),
        }
    }
}

impl Core {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a garbage collector's visit may look inside now.
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, Inner>> {
        self.inner.try_lock().ok()
    }

    pub(crate) fn state(&self) -> State {
        State::from_word(self.state.load(Ordering::Acquire))
    }

    /// Changes the state; the caller holds `inner`. Wakes sleepers in [`Core::wait`].
    pub(crate) fn set_state(&self, inner: &mut Inner, state: State) {
        self.state.store(state as u32, Ordering::SeqCst);
        if state.is_done() {
            inner.pass = None;
        }
        if self.sleepers.load(Ordering::SeqCst) > 0 {
            ungil_pool::park::wake_all(&self.state);
        }
    }

    /// Sleeps until the future is done; `false` when the time ran out or a signal came.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> bool {
        // A signal for this thread may be handled in another: look at least this often.
        let latest = Instant::now() + Duration::from_millis(50);
        let until = deadline.map_or(latest, |deadline| deadline.min(latest));
        if self.lead(until) == Some(false) {
            return self.state().is_done();
        }
        self.sleepers.fetch_add(1, Ordering::SeqCst);
        let done = self.wait_counted(until);
        self.sleepers.fetch_sub(1, Ordering::SeqCst);
        done
    }

    /// Takes a process pool's finished tasks until ours is among them. With listeners it is the
    /// notifier that then makes the future done, so that has still to be waited for.
    fn lead(&self, until: Instant) -> Option<bool> {
        let pool = self.lock().link.as_ref()?.home.pool.upgrade()?;
        pool.lead(|| self.lock().link.is_none(), until)
    }

    fn wait_counted(&self, until: Instant) -> bool {
        loop {
            let word = self.state.load(Ordering::SeqCst);
            if State::from_word(word).is_done() {
                return true;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || !ungil_pool::park::sleep(&self.state, word, left) {
                return self.state().is_done();
            }
        }
    }
}

impl Task for Core {
    fn publish(&self, place: Place) -> bool {
        let mut inner = self.lock();
        if let Some(link) = &mut inner.link {
            link.place = Some(place);
        }
        !self.state().is_done()
    }

    fn withdraw(&self, take_back: &dyn Fn() -> bool) -> bool {
        // Locked over both: whoever cancels has either the place or the knowledge that there is none.
        let mut inner = self.lock();
        let withdrawn = take_back();
        if withdrawn && let Some(link) = &mut inner.link {
            link.place = None;
        }
        withdrawn
    }

    fn finish(&self, outcome: Outcome) {
        let mut inner = self.lock();
        if self.state().is_done() {
            return;
        }
        let Some(link) = inner.link.take() else {
            return;
        };
        link.book(&outcome);
        let cancelled = matches!(outcome, Outcome::Cancelled);
        if !cancelled {
            let out_of_memory =
                matches!(outcome, Outcome::Crashed(_)) && link.home.oom.has_killed();
            inner.content = Content::Raw(Arc::new(Raw {
                outcome,
                label: link.label,
                out_of_memory,
                breaks: link.home.breaks.then(|| Weak::clone(&link.home.pool)),
                readonly: link.home.readonly,
            }));
        }
        let future = inner.ears.as_mut().and_then(|ears| ears.future.take());
        if let Some(future) = future {
            // The notifier sets the state, under the condition of those who listen. That may take
            // its time, and the next task shall not wait for it.
            inner.pass = None;
            drop(inner);
            link.home.notifier.tell(future, cancelled);
        } else if cancelled {
            self.set_state(&mut inner, State::CancelledAndNotified);
        } else {
            self.set_state(&mut inner, State::Finished);
        }
    }
}
