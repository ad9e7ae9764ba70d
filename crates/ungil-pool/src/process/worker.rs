//! The worker's end of the segment.

use std::mem::ManuallyDrop;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::Duration;

use super::launch::WorkerSeat;
use crate::atomics::Ordering;
use crate::os;
use crate::shm::arena::{Arena, NoSpace};
use crate::shm::bell::{Bell, Call};
use crate::shm::message::{self, Message};
use crate::shm::segment::{INLINE, Segment, seat};
use crate::shm::{block, done, idle, state};

/// Looks at an empty queue this often before parking. A look costs some 10 ns; a park and a
/// wake cost two system calls and a trip through the scheduler.
const LOOKS: u32 = 200;

/// A worker process's connection to its pool.
#[derive(Debug)]
pub struct Worker {
    segment: Arc<Segment>,
    index: u32,
    arena: Arena,
    /// The process whose death ends this one.
    parent: u32,
}

/// A task this worker has claimed; it must be answered by [`Worker::reply`].
#[derive(Debug)]
#[must_use]
pub struct Claimed {
    slot: u32,
}

/// Why a result could not be sent.
#[derive(Debug, thiserror::Error)]
pub enum ReplyError {
    /// It does not fit into this worker's part of the shared memory.
    #[error(
        "a result of {needed} bytes does not fit into the worker's shared memory ({left} bytes left)"
    )]
    TooLarge {
        /// Bytes needed.
        needed: usize,
        /// Bytes left in one piece.
        left: usize,
    },
    /// The machine has no memory for it.
    #[error("no shared memory for the result: {0}")]
    Memory(std::io::Error),
}

impl From<NoSpace> for ReplyError {
    fn from(error: NoSpace) -> Self {
        match error {
            NoSpace::Region { needed, left } => Self::TooLarge { needed, left },
            NoSpace::Memory(error) => Self::Memory(error),
        }
    }
}

impl Worker {
    /// Joins the pool.
    pub fn join(seat: WorkerSeat) -> std::io::Result<Self> {
        let segment = Arc::new(Segment::attach(seat.segment)?);
        let used = segment
            .worker(seat.index)
            .used
            .each_ref()
            .map(|used| used.load(Ordering::Acquire) as usize);
        let arena = Arena::new(Arc::clone(&segment), seat.index + 1, used);
        Ok(Self {
            segment,
            index: seat.index,
            arena,
            parent: seat.parent,
        })
    }

    /// What the pool's maker left for its workers to set themselves up with.
    pub fn setup(&self) -> Option<ManuallyDrop<Message>> {
        let offset = self.segment.header().setup.load(Ordering::Acquire);
        // Never dropped: the block serves every worker, so no worker may give it back.
        (offset != 0)
            .then(|| Message::open(&self.segment, offset))?
            .map(ManuallyDrop::new)
    }

    /// Says that the worker is set up and will now take tasks.
    pub fn ready(&self) {
        let words = self.segment.worker(self.index);
        words.ready_at.store(os::monotonic_ns(), Ordering::Relaxed);
        words.seat.store(seat::READY, Ordering::Release);
    }

    /// Says that the worker ends of its own accord, though the pool goes on.
    pub fn retire(&self) {
        self.segment
            .worker(self.index)
            .seat
            .store(seat::RETIRED, Ordering::Release);
    }

    /// Says that the set-up failed, and why; the process should end now.
    pub fn failed(&mut self, why: &[u8]) {
        if let Ok(offset) = self.store(&[why], &[]) {
            block::publish(&self.segment, offset);
            self.segment
                .worker(self.index)
                .failure
                .store(offset as u64, Ordering::Relaxed);
        }
        self.segment
            .worker(self.index)
            .seat
            .store(seat::FAILED, Ordering::Release);
    }

    /// The next task, if there is one now. Looks a few times before it says no.
    pub fn poll(&self) -> Option<Claimed> {
        for _ in 0..LOOKS {
            if let Some(slot) = self.segment.ring().claim(self.index) {
                self.segment.slot(slot).claimed(os::monotonic_ns());
                return Some(Claimed { slot });
            }
            os::relax();
        }
        None
    }

    /// Parks until there may be a task, the pool closes, a signal arrives, or the time is over. Ends
    /// the process when its parent has died.
    pub fn park(&self, limit: Option<Duration>) {
        // The kernel forgets this when a task changes the process' user or group.
        if !os::die_with_parent(self.parent) {
            os::kill_self();
        }
        let header = self.segment.header();
        let wake = &self.segment.worker(self.index).wake;
        idle::announce(&header.idle.0, wake, self.index);
        if !self.segment.ring().is_empty() || self.closing() {
            idle::retract(&header.idle.0, self.index);
            return;
        }
        os::futex_wait(wake, 0, limit, false);
        idle::retract(&header.idle.0, self.index);
    }

    /// Whether the pool has said that no more tasks come.
    pub fn closing(&self) -> bool {
        self.segment.header().closing.0.load(Ordering::SeqCst) != 0
    }

    /// The task's payload.
    pub fn payload(&self, task: &Claimed) -> Option<Message> {
        let message = Message::receive(&self.segment, task.slot, Some(self.index))?;
        // From here on the block names its holder: the slot must not name the block as well, or
        // it would be given back twice should this process die.
        message::forget_block(&self.segment, task.slot);
        Some(message)
    }

    /// Answers a task; on an error nothing was sent and it must be answered otherwise. Does not
    /// return when the pool has stopped the task meanwhile: then this process is being killed.
    pub fn reply(
        &mut self,
        task: &Claimed,
        head: &[&[u8]],
        buffers: &[&[u8]],
    ) -> Result<(), ReplyError> {
        if buffers.is_empty() && block::length(head) <= INLINE {
            message::write_inline(&self.segment, task.slot, head);
        } else {
            let offset = self.store(head, buffers)?;
            message::write_block(&self.segment, task.slot, offset);
        }
        let slot = self.segment.slot(task.slot);
        let now = os::monotonic_ns();
        slot.answered_at.store(now, Ordering::Relaxed);
        let words = self.segment.worker(self.index);
        let busy = now.saturating_sub(slot.claimed_at.load(Ordering::Relaxed));
        for (word, more) in [(&words.tasks, 1), (&words.busy, busy)] {
            // Nobody else writes them.
            word.store(word.load(Ordering::Relaxed) + more, Ordering::Relaxed);
        }
        if !state::answer(&slot.state) {
            end_doomed();
        }
        done::push(&self.segment.header().done.0, &*self.segment, task.slot);
        ring(&self.segment.header().bell.0);
        Ok(())
    }

    fn store(&mut self, head: &[&[u8]], buffers: &[&[u8]]) -> Result<usize, NoSpace> {
        let (offset, space) = self.arena.lend(block::length(head), buffers)?;
        let used = self.arena.used(self.index + 1);
        for (word, used) in self.segment.worker(self.index).used.iter().zip(used) {
            word.store(used as u64, Ordering::Release);
        }
        block::write(&self.segment, offset, space, head, buffers);
        Ok(offset)
    }

    /// The descriptor of the segment, to be closed in processes this worker forks.
    pub fn segment_fd(&self) -> BorrowedFd<'_> {
        self.segment.fd()
    }
}

/// The parent has stopped this worker's task, and its signal is on the way.
fn end_doomed() -> ! {
    loop {
        os::kill_self();
    }
}

/// Wakes whoever takes finished tasks in the parent, if it sleeps. The task was pushed before.
pub(super) fn ring(bell: &Bell) {
    match bell.ring() {
        Call::Nobody => {}
        Call::Pump => os::futex_wake(&bell.word, 1, false),
        Call::Leader => os::futex_wake(&bell.leader, 1, false),
    }
}
