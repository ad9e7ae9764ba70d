//! The pool as its owner uses it.

use std::borrow::Cow;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::launch::StartMethod;
use super::leader;
use super::lifecycle::Seat;
use super::limit::{self, Limited, Terms};
use super::policy::{CrashPolicy, Kept, Retriable};
use super::pump;
use super::records::SeatBook;
use super::window::Window;
use crate::atomics::{AtomicU32, Ordering};
use crate::backlog::{Backlog, Rank};
use crate::error::{Breakage, SubmitError};
use crate::exit::{Crash, TimedOut};
use crate::generation::generation;
use crate::os::{self, Wait};
use crate::shm::arena::Arena;
use crate::shm::block;
use crate::shm::idle;
use crate::shm::message::{self, Message};
use crate::shm::segment::{INLINE, MAX_WORKERS, SLOTS, Segment, seat};
use crate::shm::state::{Phase, State};

/// Address space for the payloads of one process. Sparse: it costs memory only where it is used.
const REGION: usize = 32 << 30;

/// How long the number of a worker's process may take to get here; a server may die meanwhile.
const PIDS_WAIT: Duration = Duration::from_millis(500);

/// What a pool asks of the thing that waits for a task's result.
pub trait Task: Send + Sync {
    /// The task is about to be offered to the workers at `place`; `false` when it has been
    /// cancelled and shall be dropped. Called with the pool's lock held: do not call the pool.
    fn publish(&self, place: Place) -> bool;
    /// The task shall wait once more: calls `take_back`, and if that says `true` the place is not
    /// the task's any more. Nobody may take it back by that place meanwhile. Called with the pool's
    /// lock held: do not call the pool.
    fn withdraw(&self, take_back: &dyn Fn() -> bool) -> bool;
    /// The task has ended, once and for all.
    fn finish(&self, outcome: Outcome);
    /// How long the task may run, if that is not what the pool says; callers' tasks do not.
    #[doc(hidden)]
    fn limit(&self) -> Option<Duration> {
        None
    }
    /// What the engine kept to run the task again; callers' tasks have nothing of the kind.
    #[doc(hidden)]
    fn again(&self) -> Option<&Kept> {
        None
    }
}

/// How a task ended.
#[derive(Debug)]
pub enum Outcome {
    /// The worker's answer.
    Finished(Message),
    /// The worker died while running it.
    Crashed(Crash),
    /// It ran too long, and its worker was killed.
    TimedOut(TimedOut),
    /// The pool was shut down before a worker took it.
    Cancelled,
    /// The pool broke before a worker could run it.
    Broken(Arc<Breakage>),
    /// The worker's answer was not readable: its memory is corrupted.
    Garbled,
}

/// Where a published task is, to take it back or to ask about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub(crate) slot: u32,
    pub(crate) ticket: u64,
}

/// A pool of worker processes. Dropping it lets the accepted tasks finish, then ends the workers.
pub struct ProcessPool {
    pub(super) shared: Arc<Shared>,
}

/// How a pool shall be.
pub struct Options {
    /// The most worker processes, 1 to [`MAX_WORKERS`]; each is started when there is work for it.
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

pub(crate) struct Shared {
    pub(crate) segment: Arc<Segment>,
    pub(crate) method: StartMethod,
    pub(crate) max_workers: u32,
    pub(crate) on_crash: CrashPolicy,
    pub(crate) task_limit: Option<Duration>,
    /// The parent's part of the segment's memory.
    pub(crate) arena: Mutex<Arena>,
    pub(crate) state: Mutex<Book>,
    /// Held by whoever takes finished tasks; the scratch list inside.
    pub(crate) draining: Mutex<Vec<u32>>,
    /// Counts changes of `Book::phase` and of the seats; a futex for those who wait for them.
    pub(crate) changes: AtomicU32,
    /// Batches of tasks that have left the books and are being told of their end.
    telling: AtomicU32,
    /// Whether a thread that waits for a result leads; see `leader.rs`.
    pub(super) leading: AtomicU32,
    /// The process that made the pool; its forked children must not touch it.
    generation: u64,
}

/// The pool's books.
pub(crate) struct Book {
    pub(crate) phase: Stage,
    /// Why the pool cannot run anything any more, if it cannot.
    pub(crate) broken: Option<Arc<Breakage>>,
    /// Slots that hold no task.
    pub(crate) free: Vec<u32>,
    /// The task in each slot.
    pub(crate) tasks: Vec<Option<Arc<dyn Task>>>,
    /// Accepted, but not yet in a slot.
    pub(crate) pending: Backlog<(Payload, Arc<dyn Task>)>,
    /// What is published, as long as the pool goes by priorities.
    pub(crate) window: Option<Box<Window>>,
    /// When the watchdog must look for tasks whose time is over, in nanoseconds of
    /// `CLOCK_MONOTONIC`.
    pub(crate) next_look: Option<u64>,
    /// Whether there is a watchdog.
    pub(crate) watched: bool,
    /// Accepted and not ended.
    pub(crate) outstanding: usize,
    pub(crate) seats: Vec<Seat>,
    /// Workers that ended before they were ready, since the last one that got ready.
    pub(crate) failed_starts: u32,
    pub(crate) incarnations: u64,
    pub(crate) seat_books: Vec<SeatBook>,
    /// Runs begun anew because a worker had died.
    pub(crate) retried: u64,
    pub(crate) pumping: bool,
    /// The machine refused a worker: no more are asked for until one has ended.
    pub(crate) refused: bool,
    /// Workers that are still being started shall be killed, too.
    pub(crate) killing: Option<Signal>,
    /// What workers that are yet to be started get; empty once there will be none.
    pub(crate) descriptors: Arc<Vec<OwnedFd>>,
}

/// How far a pool's life has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Open,
    /// No new tasks; the accepted ones are finished.
    Closing,
    /// No worker is left.
    Closed,
}

/// What closing a pool does to tasks that no worker has.
#[derive(Clone, Copy)]
enum Unbegun {
    Finish,
    /// Drops them, but for those that workers are being started for.
    Drop,
    DropAll,
}

/// A payload on its way to a slot.
pub(crate) enum Payload {
    Inline(Box<[u8]>),
    Block(usize),
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
        let Options {
            max_workers,
            method,
            on_crash,
            task_limit,
            descriptors,
        } = options;
        assert!(
            (1..=MAX_WORKERS).contains(&max_workers),
            "1 to {MAX_WORKERS} workers, not {max_workers}"
        );
        let segment = Arc::new(Segment::create(max_workers, REGION)?);
        let mut arena = Arena::new(Arc::clone(&segment), 0, [0, 0]);
        let offset = arena
            .store(&[setup], &[])
            .map_err(|error| io::Error::other(SubmitError::from(error)))?;
        segment
            .header()
            .setup
            .store(offset as u64, Ordering::Release);
        let book = Book {
            phase: Stage::Open,
            broken: None,
            free: (0..SLOTS).rev().collect(),
            tasks: std::iter::repeat_with(|| None)
                .take(SLOTS as usize)
                .collect(),
            pending: Backlog::default(),
            window: None,
            next_look: None,
            watched: false,
            outstanding: 0,
            seats: std::iter::repeat_with(|| Seat::Empty)
                .take(max_workers as usize)
                .collect(),
            failed_starts: 0,
            incarnations: 0,
            seat_books: vec![SeatBook::default(); max_workers as usize],
            retried: 0,
            pumping: false,
            refused: false,
            killing: None,
            descriptors: Arc::new(descriptors),
        };
        Ok(Self {
            shared: Arc::new(Shared {
                segment,
                method,
                max_workers,
                on_crash,
                task_limit,
                arena: Mutex::new(arena),
                state: Mutex::new(book),
                draining: Mutex::new(Vec::new()),
                changes: AtomicU32::new(0),
                telling: AtomicU32::new(0),
                leading: AtomicU32::new(leader::NOBODY),
                generation: generation(),
            }),
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
        let task = match self.shared.on_crash {
            CrashPolicy::Retry(_) => Retriable::new(task, head, buffers)
                .map(Arc::new)
                .map_err(|error| SubmitError::Memory(io::Error::other(error)))?,
            CrashPolicy::Isolate | CrashPolicy::Break => task,
        };
        let block = if buffers.is_empty() && block::length(head) <= INLINE {
            None
        } else {
            Some(self.shared.store(head, buffers)?)
        };
        let task = match terms.limit {
            Some(limit) => Arc::new(Limited { task, limit }),
            None => task,
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

impl Shared {
    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        // A panic while the books are open is a bug of ours; the books are still the best we have.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the threads that the pool needs for its next task and does not have yet.
    fn start_threads(self: &Arc<Self>, book: &mut Book, limited: bool) -> io::Result<()> {
        if !book.pumping {
            pump::start(self)?;
            book.pumping = true;
        }
        if limited && !book.watched {
            limit::start_watchdog(self)?;
            book.watched = true;
        }
        Ok(())
    }

    fn wait(&self, timeout: Option<Duration>) -> bool {
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        loop {
            let seen = self.changes.load(Ordering::Acquire);
            if self.check_process().is_err() || self.is_over() {
                return true;
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO)
                || os::futex_wait(&self.changes, seen, left, true) != Wait::Ready
            {
                return self.is_over();
            }
        }
    }

    /// Whether no worker is left and every task has been told of its end.
    fn is_over(&self) -> bool {
        matches!(self.book().phase, Stage::Closed) && self.telling.load(Ordering::Acquire) == 0
    }

    /// To be called before the books are released by whoever takes tasks out of them, and held
    /// until those have been told: the pool is not over before that.
    pub(crate) fn telling(&self) -> Telling<'_> {
        self.telling.fetch_add(1, Ordering::AcqRel);
        Telling(self)
    }

    /// Fails in a process that was forked off the pool's owner.
    fn check_process(&self) -> Result<(), SubmitError> {
        if self.generation == generation() {
            Ok(())
        } else {
            Err(SubmitError::Forked)
        }
    }

    /// Copies a payload into the parent's region.
    pub(crate) fn store(&self, head: &[&[u8]], buffers: &[&[u8]]) -> Result<usize, SubmitError> {
        let (offset, space) = {
            let mut arena = self.arena.lock().unwrap_or_else(PoisonError::into_inner);
            arena.lend(block::length(head), buffers)?
        };
        block::write(&self.segment, offset, space, head, buffers);
        Ok(offset)
    }

    /// Gives a block back that no worker will read.
    pub(crate) fn give_back(&self, offset: usize) {
        drop(Message::open(&self.segment, offset as u64));
    }

    /// Puts a small task into a free slot and publishes it; `false` when it was cancelled.
    fn place(&self, book: &mut Book, head: &[u8], task: Arc<dyn Task>) -> bool {
        let Some(slot) = book.free.pop() else {
            book.pending.push((Payload::Inline(head.into()), task), 0);
            return false;
        };
        message::write_inline(&self.segment, slot, &[head]);
        let rank = Rank::default();
        match self.publish(book, slot, rank, task) {
            Ok(()) => true,
            Err(task) => {
                let waiting = (Payload::Inline(head.into()), task);
                book.pending.put_back(rank, waiting);
                false
            }
        }
    }

    /// Publishes a written slot. `Err` gives the task back when the ring is full; a cancelled
    /// task counts as published, with nothing to do for the workers.
    fn publish(
        &self,
        book: &mut Book,
        slot: u32,
        rank: Rank,
        task: Arc<dyn Task>,
    ) -> Result<(), Arc<dyn Task>> {
        let ring = self.segment.ring();
        // The task may be told its place only when it is sure to get it.
        if !ring.has_room() {
            book.free.push(slot);
            return Err(task);
        }
        let ticket = ring.tail.load(Ordering::Relaxed);
        if !task.publish(Place { slot, ticket }) {
            self.discard(book, slot);
            return Ok(());
        }
        let limit = self.limit_of(&*task);
        book.tasks[slot as usize] = Some(task);
        self.segment.slot(slot).unclaimed();
        ring.publish(slot);
        if let Some(window) = &mut book.window {
            window.publish(slot, ticket, rank);
        }
        if let Some(limit) = limit {
            self.watch(book, limit);
        }
        Ok(())
    }

    /// Drops the payload in a slot that no worker has seen.
    fn discard(&self, book: &mut Book, slot: u32) {
        let block = self.segment.slot(slot).block.load(Ordering::Relaxed);
        if block != 0 {
            self.give_back(block as usize);
        }
        book.free.push(slot);
        book.outstanding -= 1;
    }

    /// Moves pending tasks into free slots; gives how many.
    pub(crate) fn refill(&self, book: &mut Book) -> u32 {
        let mut published = 0;
        let room = self.room(book);
        while !book.free.is_empty() && (published as usize) < room {
            let Some((rank, (payload, task))) = book.pending.pop() else {
                break;
            };
            let Some(slot) = book.free.pop() else { break };
            match &payload {
                Payload::Inline(head) => message::write_inline(&self.segment, slot, &[head]),
                Payload::Block(offset) => message::write_block(&self.segment, slot, *offset),
            }
            match self.publish(book, slot, rank, task) {
                Ok(()) => published += 1,
                Err(task) => {
                    book.pending.put_back(rank, (payload, task));
                    break;
                }
            }
        }
        published
    }

    /// Wakes parked workers for `published` new tasks.
    pub(crate) fn wake_workers(&self, published: u32) {
        for _ in 0..published {
            let Some(worker) = idle::pick(&self.segment.header().idle.0) else {
                return;
            };
            if worker < self.max_workers {
                self.wake_worker(worker);
            }
        }
    }

    pub(crate) fn wake_worker(&self, worker: u32) {
        let word = &self.segment.worker(worker).wake;
        word.store(1, Ordering::SeqCst);
        os::futex_wake(word, 1, false);
    }

    fn close(self: &Arc<Self>, unbegun: Unbegun) {
        let mut dropped = Vec::new();
        let mut book = self.book();
        if book.phase == Stage::Open {
            book.phase = Stage::Closing;
        }
        match unbegun {
            Unbegun::Finish => {}
            Unbegun::Drop => {
                let starting = self.workers_starting(&book);
                dropped = self.drop_unclaimed(&mut book, starting);
            }
            Unbegun::DropAll => dropped = self.drop_unclaimed(&mut book, 0),
        }
        self.end_if_finished(&mut book);
        let _telling = self.telling();
        drop(book);
        self.changed();
        for task in dropped {
            task.finish(Outcome::Cancelled);
        }
    }

    /// How many workers have not taken their first task yet: each was started for one.
    fn workers_starting(&self, book: &Book) -> usize {
        let starting = |index: usize| {
            let seat = &self.segment.worker(index as u32).seat;
            seat.load(Ordering::Acquire) == seat::STARTING
        };
        let seats = book.seats.iter().enumerate();
        seats
            .filter(|(index, seat)| !matches!(seat, Seat::Empty) && starting(*index))
            .count()
    }

    /// Takes every task back that no worker has, but for the `keep` oldest that are published.
    pub(crate) fn drop_unclaimed(&self, book: &mut Book, keep: usize) -> Vec<Arc<dyn Task>> {
        let mut dropped = Vec::new();
        for (payload, task) in book.pending.take_all() {
            if let Payload::Block(offset) = payload {
                self.give_back(offset);
            }
            book.outstanding -= 1;
            dropped.push(task);
        }
        let ring = self.segment.ring();
        let mut ready: Vec<(u64, u32)> = (0..SLOTS)
            .map(|slot| {
                let state = &self.segment.slot(slot).state;
                (State(state.load(Ordering::Acquire)), slot)
            })
            .filter(|(state, _)| state.phase() == Phase::Ready)
            .map(|(state, slot)| (state.ticket(), slot))
            .collect();
        ready.sort_unstable();
        for (ticket, slot) in ready.into_iter().skip(keep) {
            if ring.take_back(slot, ticket) {
                dropped.extend(book.tasks[slot as usize].take());
                self.discard(book, slot);
            }
        }
        dropped
    }

    /// Tells those who wait that something about the pool's life has changed.
    pub(crate) fn changed(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
        os::futex_wake(&self.changes, u32::MAX, true);
        // Pump and leader may have nothing left to wait for; and a worker that was killed in the
        // middle of ringing has left the bell looking rung.
        self.call_everybody();
    }
}

impl Book {
    /// Where the task in `slot` was in the order.
    pub(crate) fn rank_in(&self, slot: u32) -> Rank {
        self.window
            .as_ref()
            .map_or_else(Rank::default, |window| window.rank(slot))
    }

    /// Goes by the order of arrival again; for when nothing is left to be done.
    pub(crate) fn forget_ranks(&mut self) {
        if self.window.take().is_some() {
            self.pending.forget_ranks();
        }
    }
}

/// See [`Shared::telling`].
pub(crate) struct Telling<'a>(&'a Shared);

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        self.0.call_leader();
        let last = self.0.telling.fetch_sub(1, Ordering::AcqRel) == 1;
        // Only a pool that is closing has anybody waiting for this.
        if last && self.0.segment.header().closing.0.load(Ordering::SeqCst) != 0 {
            self.0.changed();
        }
    }
}
