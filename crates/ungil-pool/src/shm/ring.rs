//! The task queue: one publisher (the parent, under its lock), any number of claiming workers.
//!
//! A ring of tickets points into the slots. The claim is one compare-exchange on the slot's
//! state word, so a worker that is killed has either not claimed the task or is named in the
//! word. `head` is only a hint that claimants push forward for one another: a claimant that
//! dies between its claim and the push leaves work for the next, never a lost task.

use crate::atomics::{AtomicU64, Ordering};
use crate::shm::state::{Phase, State};

const SLOT_BITS: u32 = 20;

/// The state word of each slot.
pub(crate) trait Slots {
    fn state(&self, slot: u32) -> &AtomicU64;
}

/// A view of the ring in the segment.
pub(crate) struct Ring<'a, S> {
    pub(crate) head: &'a AtomicU64,
    pub(crate) tail: &'a AtomicU64,
    pub(crate) entries: &'a [AtomicU64],
    pub(crate) slots: &'a S,
}

impl<S: Slots> Ring<'_, S> {
    /// Whether a task can be published now; if not, the ring is full of entries that nobody
    /// has passed yet. The publisher's question: what it says holds until the next task.
    pub(crate) fn has_room(&self) -> bool {
        // Relaxed: only the publisher writes the tail.
        let ticket = self.tail.load(Ordering::Relaxed);
        while ticket - self.head.load(Ordering::Acquire) >= self.entries.len() as u64 {
            // Entries of tasks that were taken back stay until somebody passes them.
            if !self.pass_dead_head() {
                return false;
            }
        }
        true
    }

    /// Publishes the task written in `slot`, or gives `None` when there is no room. Only one
    /// thread may publish at a time.
    pub(crate) fn publish(&self, slot: u32) -> Option<u64> {
        if !self.has_room() {
            return None;
        }
        let ticket = self.tail.load(Ordering::Relaxed);
        // Release, here and below: whoever reads the later word sees the earlier ones and the
        // payload in the slot.
        self.slots
            .state(slot)
            .store(State::ready(ticket).0, Ordering::Release);
        self.entry(ticket)
            .store(ticket << SLOT_BITS | u64::from(slot), Ordering::Release);
        self.tail.store(ticket + 1, Ordering::Release);
        Some(ticket)
    }

    /// Claims the oldest published task for `worker`.
    pub(crate) fn claim(&self, worker: u32) -> Option<u32> {
        loop {
            let head = self.head.load(Ordering::Acquire);
            if head >= self.tail.load(Ordering::Acquire) {
                return None;
            }
            let entry = self.entry(head).load(Ordering::Acquire);
            if entry >> SLOT_BITS != head {
                // The ring has gone round since `head` was read.
                continue;
            }
            let slot = slot_of(entry);
            let claimed = self
                .slots
                .state(slot)
                .compare_exchange(
                    State::ready(head).0,
                    State::running(head, worker).0,
                    Ordering::AcqRel,
                    Ordering::Relaxed,
                )
                .is_ok();
            self.push_head(head);
            if claimed {
                return Some(slot);
            }
        }
    }

    /// Takes a published task back; `false` when a worker has it already.
    pub(crate) fn take_back(&self, slot: u32, ticket: u64) -> bool {
        self.slots
            .state(slot)
            .compare_exchange(
                State::ready(ticket).0,
                State::FREE.0,
                Ordering::AcqRel,
                Ordering::Relaxed,
            )
            .is_ok()
    }

    /// How many entries nobody has passed yet.
    pub(crate) fn len(&self) -> u64 {
        let head = self.head.load(Ordering::SeqCst);
        self.tail.load(Ordering::SeqCst).saturating_sub(head)
    }

    /// Whether nothing is published that nobody has claimed.
    pub(crate) fn is_empty(&self) -> bool {
        self.head.load(Ordering::SeqCst) >= self.tail.load(Ordering::SeqCst)
    }

    /// Passes the head over an entry that cannot be claimed any more.
    fn pass_dead_head(&self) -> bool {
        let head = self.head.load(Ordering::Acquire);
        let entry = self.entry(head).load(Ordering::Acquire);
        if entry >> SLOT_BITS == head {
            let state = State(self.slots.state(slot_of(entry)).load(Ordering::Acquire));
            if state.phase() == Phase::Ready && state.ticket() == head {
                return false;
            }
            self.push_head(head);
        }
        true
    }

    fn push_head(&self, from: u64) {
        // Losing the race is as good: then somebody else has pushed it.
        let _ = self
            .head
            .compare_exchange(from, from + 1, Ordering::AcqRel, Ordering::Relaxed);
    }

    fn entry(&self, ticket: u64) -> &AtomicU64 {
        &self.entries[(ticket % self.entries.len() as u64) as usize]
    }
}

fn slot_of(entry: u64) -> u32 {
    (entry & ((1 << SLOT_BITS) - 1)) as u32
}
