//! The pool as its owner uses it.

use std::borrow::Cow;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::book::{Payload, Stage};
use super::launch::StartMethod;
use super::lifecycle::Seat;
use super::limit::Terms;
use super::policy::{CrashPolicy, Kept};
use super::shared::{Shared, Unbegun};
use super::task::{Particular, Place, Task};
use crate::atomics::Ordering;
use crate::error::{Breakage, SubmitError};
use crate::os;
use crate::shm::block;
use crate::shm::segment::INLINE;
use crate::shm::state::{Phase, State};

/// How long the number of a worker's process may take to get here; a server may die meanwhile.
const PIDS_WAIT: Duration = Duration::from_millis(500);

/// A pool of worker processes. Dropping it lets the accepted tasks finish, then ends the workers.
pub struct ProcessPool {
    pub(super) shared: Arc<Shared>,
}

/// How a pool shall be.
pub struct Options {
    /// The most worker processes, 1 to [`crate::MAX_WORKERS`]; each is started when there is work for it.
    pub max_workers: u32,
    /// How they come to life.
    pub method: StartMethod,
    /// What the death of one means.
    pub on_crash: CrashPolicy,
    /// How long a task may run that has no limit of its own ([`Terms::limit`]).
    pub task_limit: Option<Duration>,
    /// Descriptors that every worker gets ([`super::WorkerSeat::descriptors`]), at most
    /// [`super::MAX_DESCRIPTORS`]; the pool keeps them for the workers it may have to start.
    pub descriptors: Vec<OwnedFd>,
}

/// A head of one piece as it is; of several, a copy.
fn whole<'a>(head: &[&'a [u8]]) -> Cow<'a, [u8]> {
    match head {
        [piece] => Cow::Borrowed(piece),
        pieces => Cow::Owned(pieces.concat()),
    }
}

impl ProcessPool {
    /// Makes a pool. `setup` is what every worker reads before its first task.
    pub fn new(options: Options, setup: &[u8]) -> io::Result<Self> {
        Ok(Self {
            shared: Arc::new(Shared::new(options, setup)?),
        })
    }

    /// Accepts a task: its payload is copied into shared memory before this returns. The head may
    /// come in pieces; the worker sees it whole.
    pub fn submit(
        &self,
        head: &[&[u8]],
        buffers: &[&[u8]],
        task: Arc<dyn Task>,
    ) -> Result<(), SubmitError> {
        self.submit_with(head, buffers, task, Terms::default())
    }

    /// Accepts a task on terms of its own.
    pub fn submit_with(
        &self,
        head: &[&[u8]],
        buffers: &[&[u8]],
        task: Arc<dyn Task>,
        terms: Terms,
    ) -> Result<(), SubmitError> {
        self.shared.check_process()?;
        let kept = match self.shared.on_crash {
            CrashPolicy::Retry(_) => Some(
                Kept::new(head, buffers)
                    .map_err(|error| SubmitError::Memory(io::Error::other(error)))?,
            ),
            CrashPolicy::Isolate | CrashPolicy::Break => None,
        };
        let block = if buffers.is_empty() && block::length(head) <= INLINE {
            None
        } else {
            Some(self.shared.store(head, buffers)?)
        };
        let limit = terms.limit;
        let task = if limit.is_some() || kept.is_some() {
            Arc::new(Particular { task, limit, kept })
        } else {
            task
        };
        let limited = self.shared.is_limited(terms);
        let mut book = self.shared.book();
        if book.phase != Stage::Open {
            let error = book
                .broken
                .clone()
                .map_or(SubmitError::Closed, SubmitError::Broken);
            drop(book);
            if let Some(block) = block {
                self.shared.give_back(block);
            }
            return Err(error);
        }
        if let Err(error) = self.shared.start_threads(&mut book, limited) {
            drop(book);
            if let Some(block) = block {
                self.shared.give_back(block);
            }
            return Err(SubmitError::Thread(error));
        }
        book.outstanding += 1;
        let mut published = 0;
        let priority = terms.priority;
        let in_order = priority == 0 && book.window.is_none() && book.pending.is_empty();
        if in_order && block.is_none() && !book.free.is_empty() {
            // The common case: straight into a slot, without an allocation.
            published = u32::from(self.shared.place(&mut book, &whole(head), task));
        } else {
            if priority != 0 && book.window.is_none() {
                self.shared.open_window(&mut book);
            }
            let payload = block.map_or_else(|| Payload::Inline(whole(head).into()), Payload::Block);
            book.pending.push((payload, task), priority);
            published += self.shared.refill(&mut book);
        }
        let launches = Shared::seats_to_fill(&mut book);
        drop(book);
        self.shared.wake_workers(published);
        self.shared.launch(launches);
        Ok(())
    }

    /// Takes a published task back before a worker has it. When this says `true` the task is
    /// out of the workers' reach, and [`ProcessPool::taken_back`] must follow.
    pub fn take_back(&self, place: Place) -> bool {
        self.shared.check_process().is_ok()
            && self
                .shared
                .segment
                .ring()
                .take_back(place.slot, place.ticket)
    }

    /// Books a task that was taken back as ended.
    pub fn taken_back(&self, place: Place) {
        let block = self
            .shared
            .segment
            .slot(place.slot)
            .block
            .load(Ordering::Relaxed);
        if block != 0 {
            self.shared.give_back(block as usize);
        }
        let mut book = self.shared.book();
        book.tasks[place.slot as usize] = None;
        book.free.push(place.slot);
        book.outstanding -= 1;
        let published = self.shared.refill(&mut book);
        self.shared.end_if_finished(&mut book);
        let closed = book.phase == Stage::Closed;
        drop(book);
        self.shared.wake_workers(published);
        self.shared.call_leader();
        if closed {
            self.shared.changed();
        }
    }

    /// Waits until `done()` or `until`, taking finished tasks in the pump's place: a result then
    /// costs one wake-up instead of two. `None`, at once, when another thread does that already;
    /// else whether `done()`. Also ends on a signal. `done` has to change with a task's end.
    pub fn lead(&self, done: impl Fn() -> bool, until: Instant) -> Option<bool> {
        self.shared.lead(done, until)
    }

    /// Whether a worker is running the task that was published at `place`.
    pub fn is_running(&self, place: Place) -> bool {
        let state = State(
            self.shared
                .segment
                .slot(place.slot)
                .state
                .load(Ordering::Acquire),
        );
        let begun = matches!(state.phase(), Phase::Running | Phase::Done | Phase::Doomed);
        state.ticket() == place.ticket && begun
    }

    /// When a worker claimed the task at `place`, in nanoseconds of `CLOCK_MONOTONIC`; `None`
    /// unless it is running now and the worker has said so.
    pub fn running_since(&self, place: Place) -> Option<u64> {
        let slot = self.shared.segment.slot(place.slot);
        let state = State(slot.state.load(Ordering::Acquire));
        let running = state.ticket() == place.ticket && state.phase() == Phase::Running;
        running.then(|| slot.running_since(state)).flatten()
    }

    /// Accepts no more tasks. Those accepted are finished, or, with `cancel`, dropped unless a
    /// worker has them already or is just being started for them. Returns at once.
    pub fn close(&self, cancel: bool) {
        if self.shared.check_process().is_ok() {
            self.shared.close(if cancel {
                Unbegun::Drop
            } else {
                Unbegun::Finish
            });
        }
    }

    /// Kills the workers and drops every task. Returns at once.
    pub fn kill(&self) {
        if self.shared.check_process().is_ok() {
            self.shared.close(Unbegun::DropAll);
            self.shared.kill_workers(Signal::KILL);
        }
    }

    /// Whether the pool was made before a fork, and this is the child.
    pub fn is_inherited(&self) -> bool {
        self.shared.check_process().is_err()
    }

    /// The pool's coming end, to be waited for when the pool itself has been dropped.
    pub fn ending(&self) -> Ending {
        Ending(Arc::downgrade(&self.shared))
    }

    /// Like [`ProcessPool::kill`], but asks with `SIGTERM`, which a task may handle: then that
    /// worker ends after its task.
    pub fn terminate(&self) {
        if self.shared.check_process().is_ok() {
            self.shared.close(Unbegun::DropAll);
            self.shared.kill_workers(Signal::TERM);
        }
    }

    /// Breaks the pool: it takes no more tasks, and those that no worker has fail.
    pub fn break_off(&self, reason: &str) {
        let breakage = Breakage {
            reason: reason.into(),
            detail: None,
        };
        if self.shared.check_process().is_ok() {
            self.shared.break_pool(self.shared.book(), breakage);
        }
    }

    /// Why the pool cannot run anything any more, if it cannot.
    pub fn breakage(&self) -> Option<Arc<Breakage>> {
        self.shared.book().broken.clone()
    }

    /// Waits until every worker has ended; `false` when the time ran out first or a signal
    /// came. The pool must have been closed.
    pub fn wait(&self, timeout: Option<Duration>) -> bool {
        self.shared.wait(timeout)
    }

    /// Whether a worker has been asked for of whose process nothing is known yet.
    pub fn is_starting(&self) -> bool {
        self.shared.check_process().is_ok()
            && (self.shared.book().seats.iter()).any(|seat| matches!(seat, Seat::Starting { .. }))
    }

    /// The process ids of the workers that are alive. Waits for those of workers that are at work
    /// and of whose start the supervisor has not yet heard.
    pub fn pids(&self) -> Vec<u32> {
        let deadline = Instant::now() + PIDS_WAIT;
        loop {
            let seen = self.shared.changes.load(Ordering::Acquire);
            if self.shared.check_process().is_err() {
                return Vec::new();
            }
            let book = self.shared.book();
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || !self.shared.any_unheard(&book) {
                return book.seats.iter().filter_map(Seat::pid).collect();
            }
            drop(book);
            os::futex_wait(&self.shared.changes, seen, Some(left), true);
        }
    }
}

/// The end of a pool that may have been dropped already; see [`ProcessPool::ending`].
#[derive(Clone)]
pub struct Ending(Weak<Shared>);

impl Ending {
    /// Whether the last worker has ended.
    pub fn is_over(&self) -> bool {
        self.wait(Some(Duration::ZERO))
    }

    /// Like [`ProcessPool::wait`].
    pub fn wait(&self, timeout: Option<Duration>) -> bool {
        self.0.upgrade().is_none_or(|shared| shared.wait(timeout))
    }

    /// Like [`ProcessPool::kill`].
    pub fn kill(&self) {
        if let Some(shared) = self.0.upgrade()
            && shared.check_process().is_ok()
        {
            shared.close(Unbegun::DropAll);
            shared.kill_workers(Signal::KILL);
        }
    }
}

impl Drop for ProcessPool {
    fn drop(&mut self) {
        self.close(false);
    }
}
