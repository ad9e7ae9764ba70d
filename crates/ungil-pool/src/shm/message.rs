//! A payload as its receiver sees it: a head of bytes and any number of large buffers.

use std::sync::Arc;

use crate::atomics::Ordering;
use crate::shm::block::{self, Block};
use crate::shm::segment::{INLINE, Segment, Slot};

/// A received payload. Small ones are a copy; large ones are read where the sender wrote them,
/// in shared memory that stays as long as this value does.
#[derive(Debug)]
pub struct Message {
    storage: Storage,
    times: Times,
}

/// When the task of an answer was run, in nanoseconds of `CLOCK_MONOTONIC`, by its worker's
/// account; zeros for what is no answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Times {
    /// A worker claimed it.
    pub claimed: u64,
    /// The worker answered.
    pub answered: u64,
    /// The parent took the answer.
    pub received: u64,
}

#[derive(Debug)]
enum Storage {
    Copied(Box<[u8]>),
    Shared(Block),
}

impl Message {
    /// The message in a slot that belongs to the caller, for the worker `holder` if it is one.
    /// `None` when the other side wrote nonsense.
    pub(crate) fn receive(segment: &Arc<Segment>, slot: u32, holder: Option<u32>) -> Option<Self> {
        let block = segment.slot(slot).block.load(Ordering::Relaxed);
        let times = segment.slot(slot).times();
        if block == 0 {
            let storage = Storage::Copied(inline(segment, slot)?.into());
            return Some(Self { storage, times });
        }
        let block = Block::open(segment, usize::try_from(block).ok()?)?;
        if let Some(worker) = holder {
            block.hold(worker);
        }
        let storage = Storage::Shared(block);
        Some(Self { storage, times })
    }

    /// The message in a block that belongs to no slot.
    pub(crate) fn open(segment: &Arc<Segment>, offset: u64) -> Option<Self> {
        let block = Block::open(segment, usize::try_from(offset).ok()?)?;
        Some(Self {
            storage: Storage::Shared(block),
            times: Times::default(),
        })
    }

    /// The same, as an answer that is taken now.
    pub(crate) fn received_at(mut self, now: u64) -> Self {
        self.times.received = now;
        self
    }

    /// When the task was run whose answer this is.
    pub fn times(&self) -> Times {
        self.times
    }

    /// The bytes before the buffers.
    pub fn head(&self) -> &[u8] {
        match &self.storage {
            Storage::Copied(bytes) => bytes,
            Storage::Shared(block) => block.head(),
        }
    }

    /// The number of buffers.
    pub fn buffers(&self) -> usize {
        match &self.storage {
            Storage::Copied(_) => 0,
            Storage::Shared(block) => block.buffers(),
        }
    }

    /// Address and length in bytes of buffer `i`, aligned to 64 bytes. Valid while the
    /// message lives; this process is its only user and may also write.
    pub fn buffer(&self, i: usize) -> (*mut u8, usize) {
        match &self.storage {
            Storage::Copied(_) => (std::ptr::NonNull::dangling().as_ptr(), 0),
            Storage::Shared(block) => block.buffer(i),
        }
    }

    /// Bytes of the head and all buffers.
    pub fn size(&self) -> usize {
        self.head().len() + (0..self.buffers()).map(|i| self.buffer(i).1).sum::<usize>()
    }
}

/// The inline bytes of a slot that belongs to the caller.
fn inline(segment: &Segment, slot: u32) -> Option<&[u8]> {
    let len = segment.slot(slot).inline_len.load(Ordering::Relaxed) as usize;
    let slot: *const Slot = segment.slot_ptr(slot);
    // SAFETY: the state word gave the slot to the caller, so nobody writes it meanwhile.
    (len <= INLINE).then(|| unsafe {
        std::slice::from_raw_parts((&raw const (*slot).inline).cast::<u8>(), len)
    })
}

/// The small payload in a slot that belongs to the caller; nothing when the other side wrote nonsense.
pub(crate) fn read_inline(segment: &Segment, slot: u32) -> &[u8] {
    inline(segment, slot).unwrap_or_default()
}

/// Writes a small payload, in pieces, into a slot that belongs to the caller.
pub(crate) fn write_inline(segment: &Segment, slot: u32, head: &[&[u8]]) {
    let len = block::length(head);
    assert!(len <= INLINE);
    let fields = segment.slot(slot);
    fields.block.store(0, Ordering::Relaxed);
    fields.inline_len.store(len as u32, Ordering::Relaxed);
    let slot = segment.slot_ptr(slot);
    // SAFETY: the slot belongs to the caller, and the assertion keeps the copies inside.
    unsafe {
        let mut target = (&raw mut (*slot).inline).cast::<u8>();
        for piece in head {
            target.copy_from_nonoverlapping(piece.as_ptr(), piece.len());
            target = target.add(piece.len());
        }
    }
}

/// Has a slot that belongs to the caller point at no block.
pub(crate) fn forget_block(segment: &Segment, slot: u32) {
    segment.slot(slot).block.store(0, Ordering::Release);
}

/// Points a slot that belongs to the caller at a block.
pub(crate) fn write_block(segment: &Segment, slot: u32, offset: usize) {
    segment
        .slot(slot)
        .block
        .store(offset as u64, Ordering::Relaxed);
    // In this order: at each moment either the slot leads to the block, or it counts for nothing.
    block::publish(segment, offset);
}
