//! Priorities: what is published goes to the workers in the order of publication, so a pool that
//! uses priorities publishes little ahead, and takes that back when something better comes.

use std::collections::VecDeque;

use super::book::{Book, Payload};
use super::shared::Shared;
use crate::atomics::Ordering;
use crate::backlog::Rank;
use crate::shm::message;
use crate::shm::segment::SLOTS;
use crate::shm::state::{Phase, State};

/// So many published tasks per worker keep it busy until the pump has refilled.
const AHEAD: usize = 2;

/// What a pool with priorities has published.
pub(crate) struct Window {
    size: usize,
    /// Those that no worker had at the last look, in the order of publication: best rank first.
    unclaimed: VecDeque<Published>,
    /// The rank of the task in each slot, for when it has to wait once more.
    ranks: Box<[Rank]>,
}

struct Published {
    slot: u32,
    ticket: u64,
    rank: Rank,
}

impl Window {
    pub(crate) fn publish(&mut self, slot: u32, ticket: u64, rank: Rank) {
        self.ranks[slot as usize] = rank;
        self.unclaimed.push_back(Published { slot, ticket, rank });
    }

    /// Where a task that had been published was in the order.
    pub(crate) fn rank(&self, slot: u32) -> Rank {
        self.ranks[slot as usize]
    }
}

impl Shared {
    /// Has a pool go by priorities from its next task on.
    pub(crate) fn open_window(&self, book: &mut Book) {
        let mut ready: Vec<(u64, u32)> = (0..SLOTS)
            .map(|slot| (self.state_of(slot), slot))
            .filter(|(state, _)| state.phase() == Phase::Ready)
            .map(|(state, slot)| (state.ticket(), slot))
            .collect();
        ready.sort_unstable();
        let mut window = Window {
            size: AHEAD * self.max_workers as usize,
            unclaimed: VecDeque::new(),
            ranks: vec![Rank::default(); SLOTS as usize].into(),
        };
        for (arrival, &(ticket, slot)) in ready.iter().enumerate() {
            window.publish(slot, ticket, Rank::ordinary(arrival as u64));
        }
        book.pending.rank(ready.len() as u64);
        book.window = Some(Box::new(window));
    }

    /// How many of the waiting tasks may be published now.
    pub(crate) fn room(&self, book: &mut Book) -> usize {
        if book.window.is_some() {
            self.make_way(book);
        }
        let Some(window) = &mut book.window else {
            return usize::MAX;
        };
        let head = self.segment.ring().head.load(Ordering::Acquire);
        while (window.unclaimed.front()).is_some_and(|first| first.ticket < head) {
            window.unclaimed.pop_front();
        }
        if window.unclaimed.len() >= window.size {
            // Some may have been cancelled.
            let is_ready = |one: &Published| self.state_of(one.slot) == State::ready(one.ticket);
            window.unclaimed.retain(is_ready);
        }
        window.size.saturating_sub(window.unclaimed.len())
    }

    /// Takes back what is published and ranks below the first of those that wait.
    fn make_way(&self, book: &mut Book) {
        let Some(first) = book.pending.first_rank() else {
            return;
        };
        while let Some(window) = &mut book.window
            && let Some(last) = window.unclaimed.pop_back_if(|last| last.rank > first)
        {
            self.withdraw(book, &last);
        }
    }

    /// Has a published task wait again, unless a worker has it or it has been cancelled.
    fn withdraw(&self, book: &mut Book, published: &Published) {
        let &Published { slot, ticket, rank } = published;
        let Some(task) = book.tasks[slot as usize].take() else {
            return;
        };
        if !task.withdraw(&|| self.segment.ring().take_back(slot, ticket)) {
            book.tasks[slot as usize] = Some(task);
            return;
        }
        let payload = match self.segment.slot(slot).block.load(Ordering::Relaxed) {
            0 => Payload::Inline(message::read_inline(&self.segment, slot).into()),
            block => Payload::Block(block as usize),
        };
        book.free.push(slot);
        book.pending.put_back(rank, (payload, task));
    }
}
