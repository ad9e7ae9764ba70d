//! The workers' lives, as the pool's books have them.

use std::sync::{Arc, PoisonError};

use rustix::process::Signal;

use super::book::{Book, Payload, Stage};
use super::policy::CrashPolicy;
use super::shared::Shared;
use super::supervisor::{self, Launch};
use super::task::{Outcome, Task};
use crate::atomics::Ordering;
use crate::error::Breakage;
use crate::exit::{Crash, ExitStatus, TimedOut};
use crate::os::{self, ProcessHandle};
use crate::shm::message::Message;
use crate::shm::segment::{INLINE, SLOTS, seat};
use crate::shm::state::{Phase, State};
use crate::shm::{arena, idle};

/// So many workers in a row that end before they are ready break the pool.
const FAILED_STARTS: u32 = 3;

/// A worker's place in the pool.
pub(crate) enum Seat {
    Empty,
    /// Asked for.
    Starting {
        /// Tells this one from earlier ones.
        incarnation: u64,
        /// It works already, and on a task that has been stopped: it shall be killed.
        doomed: bool,
    },
    Taken {
        incarnation: u64,
        handle: Arc<ProcessHandle>,
        /// The pool has killed it.
        killed: bool,
    },
}

impl Seat {
    pub(crate) fn pid(&self) -> Option<u32> {
        match self {
            Self::Taken { handle, .. } => Some(handle.pid),
            _ => None,
        }
    }

    fn incarnation(&self) -> Option<u64> {
        match self {
            Self::Empty => None,
            Self::Starting { incarnation, .. } | Self::Taken { incarnation, .. } => {
                Some(*incarnation)
            }
        }
    }
}

impl Shared {
    /// Marks as many empty seats as there is work for, and says which.
    pub(crate) fn seats_to_fill(book: &mut Book) -> Vec<(u32, u64)> {
        if book.refused || book.broken.is_some() || book.phase == Stage::Closed {
            return Vec::new();
        }
        let taken = book
            .seats
            .iter()
            .filter(|seat| !matches!(seat, Seat::Empty))
            .count();
        if taken == book.seats.len() || taken >= book.outstanding {
            return Vec::new();
        }
        let mut wanted = book.outstanding.min(book.seats.len()) - taken;
        let mut launches = Vec::with_capacity(wanted);
        for (index, seat) in book.seats.iter_mut().enumerate() {
            if wanted > 0 && matches!(seat, Seat::Empty) {
                wanted -= 1;
                book.incarnations += 1;
                *seat = Seat::Starting {
                    incarnation: book.incarnations,
                    doomed: false,
                };
                book.seat_books[index].asked();
                launches.push((index as u32, book.incarnations));
            }
        }
        launches
    }

    /// Asks for the processes of seats that were marked.
    pub(crate) fn launch(self: &Arc<Self>, seats: Vec<(u32, u64)>) {
        for (index, incarnation) in seats {
            let seat = self.segment.worker(index);
            seat.seat.store(seat::STARTING, Ordering::Relaxed);
            seat.failure.store(0, Ordering::Relaxed);
            supervisor::launch(Launch {
                pool: Arc::clone(self),
                index,
                incarnation,
            });
        }
    }

    /// The process of a seat lives.
    pub(crate) fn worker_started(&self, index: u32, incarnation: u64, handle: &Arc<ProcessHandle>) {
        let mut book = self.book();
        let killing = book.killing;
        if book.seats[index as usize].incarnation() == Some(incarnation) {
            book.seat_books[index as usize].started(handle.pid);
            let seat = &mut book.seats[index as usize];
            let doomed = matches!(seat, Seat::Starting { doomed: true, .. });
            let killed = if doomed { Some(Signal::KILL) } else { killing };
            if let Some(signal) = killed {
                handle.signal(signal);
            }
            *seat = Seat::Taken {
                incarnation,
                handle: Arc::clone(handle),
                killed: killed.is_some(),
            };
        }
        drop(book);
        self.changed();
    }

    /// No process could be started for a seat.
    pub(crate) fn worker_refused(self: &Arc<Self>, index: u32, incarnation: u64, why: &str) {
        let mut book = self.book();
        if book.seats[index as usize].incarnation() != Some(incarnation) {
            return;
        }
        book.seats[index as usize] = Seat::Empty;
        book.seat_books[index as usize].refused();
        // With at least one worker alive the pool can go on, only slower.
        let alone = book.seats.iter().all(|seat| matches!(seat, Seat::Empty));
        if alone {
            let reason = format!("no worker process could be started: {why}");
            self.break_pool(
                book,
                Breakage {
                    reason,
                    detail: None,
                },
            );
        } else {
            book.refused = true;
            drop(book);
            self.changed();
        }
    }

    /// The process of a seat has ended: its task is lost, its seat is free, its memory is
    /// collected; everything else goes on.
    pub(crate) fn worker_ended(self: &Arc<Self>, index: u32, incarnation: u64, status: ExitStatus) {
        // What it finished before its death counts.
        while self.drain() {}
        // The pump may be in the middle of a batch with an answer of this worker in it: only
        // one of us may receive it.
        let draining = self.draining.lock().unwrap_or_else(PoisonError::into_inner);
        let mut book = self.book();
        book.refused = false;
        let seat = std::mem::replace(&mut book.seats[index as usize], Seat::Empty);
        if seat.incarnation() != Some(incarnation) {
            book.seats[index as usize] = seat;
            return;
        }
        book.seat_books[index as usize].ended(self.segment.worker(index));
        let (pid, deliberate) = match &seat {
            Seat::Taken { handle, killed, .. } => (handle.pid, *killed),
            _ => (0, false),
        };
        let breakage = self
            .judge_start(&mut book, index, pid, status, deliberate)
            .or_else(|| self.judge_end(index, pid, status, deliberate));
        let crash = Crash {
            pid,
            status,
            deliberate,
            breaks: breakage.is_some() || book.broken.is_some(),
            runs: 1,
        };
        let lost = self.tasks_of(&mut book, index, &crash);
        drop(draining);
        idle::retract(&self.segment.header().idle.0, index);
        self.reclaim_memory(index);
        let _telling = self.telling();
        if let Some(breakage) = breakage {
            self.break_pool(book, breakage);
        } else {
            // A call to work may have gone to this worker when it was dead already.
            let unclaimed = u32::try_from(self.segment.ring().len()).unwrap_or(u32::MAX);
            let published = unclaimed.saturating_add(self.refill(&mut book));
            let launches = Self::seats_to_fill(&mut book);
            self.end_if_finished(&mut book);
            drop(book);
            self.wake_workers(published);
            self.launch(launches);
            self.changed();
        }
        for (task, outcome) in lost {
            task.finish(outcome);
        }
    }

    pub(crate) fn kill_workers(&self, signal: Signal) {
        let mut book = self.book();
        book.killing = Some(signal);
        kill_seats(&mut book.seats, signal);
    }

    /// What the dead worker had: answers it wrote but did not announce, and the task it was
    /// running, unless that is to be run again.
    fn tasks_of(
        &self,
        book: &mut Book,
        worker: u32,
        crash: &Crash,
    ) -> Vec<(Arc<dyn Task>, Outcome)> {
        let mut lost = Vec::new();
        for slot in 0..SLOTS {
            let word = &self.segment.slot(slot).state;
            let state = State(word.load(Ordering::Acquire));
            if state.worker() != worker {
                continue;
            }
            let outcome = match state.phase() {
                Phase::Running => {
                    self.drop_untouched(slot, worker);
                    None
                }
                Phase::Done => Some(self.receive(slot, os::monotonic_ns())),
                Phase::Doomed => {
                    self.drop_untouched(slot, worker);
                    Some(Outcome::TimedOut(TimedOut {
                        pid: crash.pid,
                        limit: self.limit_in(book, slot),
                    }))
                }
                Phase::Free | Phase::Ready => continue,
            };
            word.store(State::FREE.0, Ordering::Release);
            book.free.push(slot);
            let Some(task) = book.tasks[slot as usize].take() else {
                // It was stopped for its owner, who knows.
                book.outstanding -= 1;
                continue;
            };
            let outcome = match outcome {
                Some(outcome) => outcome,
                None => match self.payload_to_retry(&*task, crash) {
                    Ok(payload) => {
                        let rank = book.rank_in(slot);
                        book.retried += 1;
                        book.pending.put_back(rank, (payload, task));
                        continue;
                    }
                    Err(crash) => match &book.broken {
                        // It was well until the pool broke around it.
                        Some(breakage) => Outcome::Broken(Arc::clone(breakage)),
                        None => Outcome::Crashed(crash),
                    },
                },
            };
            book.outstanding -= 1;
            lost.push((task, outcome));
        }
        lost
    }

    /// Gives the block of a lost task back that nobody else will: the arguments that the dead
    /// worker had not opened yet, or an answer that it had not announced.
    fn drop_untouched(&self, slot: u32, worker: u32) {
        let offset = self.segment.slot(slot).block.load(Ordering::Relaxed) as usize;
        let region = (offset != 0)
            .then(|| self.segment.region_of(offset))
            .flatten();
        if region == Some(0) || region == Some(worker + 1) {
            self.give_back(offset);
        }
    }

    /// The payload to run a task again with, or the crash that ends it.
    fn payload_to_retry(&self, task: &dyn Task, crash: &Crash) -> Result<Payload, Crash> {
        let (CrashPolicy::Retry(retries), Some(kept)) = (self.on_crash, task.again()) else {
            return Err(crash.clone());
        };
        let over = || Crash {
            runs: kept.runs(),
            ..crash.clone()
        };
        if crash.deliberate || crash.breaks || kept.runs() > retries {
            return Err(over());
        }
        let payload = if kept.buffers.is_empty() && kept.head.len() <= INLINE {
            Payload::Inline(kept.head.clone())
        } else {
            let buffers: Vec<&[u8]> = kept.buffers.iter().map(|buffer| &**buffer).collect();
            Payload::Block(self.store(&[&kept.head], &buffers).map_err(|_| over())?)
        };
        kept.run_again();
        Ok(payload)
    }

    /// Whether a worker's end means that workers cannot start here at all.
    fn judge_start(
        &self,
        book: &mut Book,
        index: u32,
        pid: u32,
        status: ExitStatus,
        deliberate: bool,
    ) -> Option<Breakage> {
        let words = self.segment.worker(index);
        match words.seat.load(Ordering::Acquire) {
            seat::READY | seat::RETIRED => {
                book.failed_starts = 0;
                None
            }
            seat::FAILED => {
                let failure = words.failure.load(Ordering::Relaxed);
                let detail = (failure != 0)
                    .then(|| Message::open(&self.segment, failure))
                    .flatten();
                Some(Breakage {
                    reason: "a worker process could not be set up".into(),
                    detail,
                })
            }
            _ if deliberate => None,
            // Others could be set up, and work.
            _ if self.any_ready(book) => None,
            _ => {
                book.failed_starts += 1;
                let told = book.failed_starts >= self.failed_starts_allowed()
                    || matches!(status, ExitStatus::Code(_));
                // Of one that died with its server the number may not be known.
                let who = match pid {
                    0 => "a worker process".into(),
                    pid => format!("worker process {pid}"),
                };
                told.then(|| Breakage {
                    reason: format!("{who} {status} before it was ready for its first task"),
                    detail: None,
                })
            }
        }
    }

    /// How many workers in a row may be killed before they are ready. Whoever has tasks run again
    /// expects killed workers, and a worker that is starting is one.
    fn failed_starts_allowed(&self) -> u32 {
        match self.on_crash {
            CrashPolicy::Retry(retries) => FAILED_STARTS.max(retries),
            CrashPolicy::Isolate | CrashPolicy::Break => FAILED_STARTS,
        }
    }

    /// Whether any worker has got as far as taking tasks.
    fn any_ready(&self, book: &Book) -> bool {
        book.seats.iter().zip(0..).any(|(seat, index)| {
            let words = self.segment.worker(index);
            seat.pid().is_some() && words.seat.load(Ordering::Acquire) == seat::READY
        })
    }

    /// Whether a worker takes tasks already of whose process nothing is known yet.
    pub(crate) fn any_unheard(&self, book: &Book) -> bool {
        book.seats.iter().zip(0..).any(|(seat, index)| {
            let words = self.segment.worker(index);
            matches!(seat, Seat::Starting { .. })
                && words.seat.load(Ordering::Acquire) == seat::READY
        })
    }

    /// Whether the end of a worker that had started well breaks the pool.
    fn judge_end(
        &self,
        index: u32,
        pid: u32,
        status: ExitStatus,
        deliberate: bool,
    ) -> Option<Breakage> {
        let words = self.segment.worker(index);
        let told_to = self.segment.header().closing.0.load(Ordering::SeqCst) != 0
            || words.seat.load(Ordering::Acquire) == seat::RETIRED;
        (self.on_crash == CrashPolicy::Break && !deliberate && !told_to).then(|| Breakage {
            reason: format!(
                "the process pool is broken and not usable anymore: worker process {pid} {status}"
            ),
            detail: None,
        })
    }

    /// Frees what the dead worker was reading, and what it had written and nobody reads.
    fn reclaim_memory(&self, index: u32) {
        self.arena
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .release_held_by(index);
        let words = self.segment.worker(index);
        let used = words
            .used
            .each_ref()
            .map(|used| used.load(Ordering::Acquire) as usize);
        let kept = arena::reclaim(&self.segment, index + 1, used);
        for (word, kept) in words.used.iter().zip(kept) {
            word.store(kept as u64, Ordering::Release);
        }
    }

    /// Ends every task that no worker has, and takes no more.
    pub(crate) fn break_pool(
        self: &Arc<Self>,
        mut book: std::sync::MutexGuard<'_, Book>,
        breakage: Breakage,
    ) {
        let breakage = Arc::clone(book.broken.get_or_insert_with(|| Arc::new(breakage)));
        if book.phase == Stage::Open {
            book.phase = Stage::Closing;
        }
        if self.on_crash == CrashPolicy::Break {
            book.killing = Some(Signal::KILL);
            kill_seats(&mut book.seats, Signal::KILL);
        }
        let dropped = self.drop_unclaimed(&mut book, 0);
        self.end_if_finished(&mut book);
        let _telling = self.telling();
        drop(book);
        self.changed();
        for task in dropped {
            task.finish(Outcome::Broken(Arc::clone(&breakage)));
        }
    }
}

fn kill_seats(seats: &mut [Seat], signal: Signal) {
    for seat in seats {
        if let Seat::Taken { handle, killed, .. } = seat {
            *killed = true;
            handle.signal(signal);
        }
    }
}
