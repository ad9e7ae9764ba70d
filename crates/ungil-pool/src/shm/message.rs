//! A payload as its receiver sees it: a head of bytes and any number of large buffers.

use std::sync::Arc;

use crate::atomics::Ordering;
use crate::shm::block::{self, Block};
use crate::shm::segment::{INLINE, Segment, Slot};

/// A received payload. Small ones are a copy; large ones are read where the sender wrote them,
/// in shared memory that stays as long as this value does.
#[derive(Debug)]
pub struct Message(Storage);

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
        if block == 0 {
            return Some(Self(Storage::Copied(inline(segment, slot)?.into())));
        }
        let block = Block::open(segment, usize::try_from(block).ok()?)?;
        if let Some(worker) = holder {
            block.hold(worker);
        }
        Some(Self(Storage::Shared(block)))
    }

    /// The message in a block that belongs to no slot.
    pub(crate) fn open(segment: &Arc<Segment>, offset: u64) -> Option<Self> {
        Some(Self(Storage::Shared(Block::open(
            segment,
            usize::try_from(offset).ok()?,
        )?)))
    }

    /// The bytes before the buffers.
    pub fn head(&self) -> &[u8] {
        match &self.0 {
            Storage::Copied(bytes) => bytes,
            Storage::Shared(block) => block.head(),
        }
    }

    /// The number of buffers.
    pub fn buffers(&self) -> usize {
        match &self.0 {
            Storage::Copied(_) => 0,
            Storage::Shared(block) => block.buffers(),
        }
    }

    /// Address and length in bytes of buffer `i`, aligned to 64 bytes. Valid while the
    /// message lives; this process is its only user and may also write.
    pub fn buffer(&self, i: usize) -> (*mut u8, usize) {
        match &self.0 {
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
}
