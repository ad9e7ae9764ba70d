//! From the books into slots, and back: payloads are stored, published, taken back.

use std::sync::{Arc, PoisonError};

use super::book::{Book, Payload};
use super::shared::Shared;
use super::task::{Place, Task};
use crate::atomics::Ordering;
use crate::backlog::Rank;
use crate::error::SubmitError;
use crate::os;
use crate::shm::message::{self, Message};
use crate::shm::segment::SLOTS;
use crate::shm::state::{Phase, State};
use crate::shm::{block, idle};

impl Shared {
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
    pub(super) fn place(&self, book: &mut Book, head: &[u8], task: Arc<dyn Task>) -> bool {
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
}
