//! A block: one payload in a region of the segment, readable by every process of the pool.
//!
//! ```text
//! | BlockHeader, 64 bytes | length of each buffer: u64 x n | head | pad to 64 | buffer 0 | pad | buffer 1 ...
//! ```
//! The head may come in pieces (large bytes where their objects have them), laid end to end.
//! Whoever allocated a block reuses it once its state says that the last reader let go.

use std::sync::Arc;

use crate::atomics::{AtomicU32, Ordering};
use crate::generation::generation;
use crate::os;
use crate::shm::segment::Segment;

pub(crate) const BLOCK_HEADER: usize = 64;
const BUFFER_ALIGN: usize = 64;

/// The life of a block, seen from all processes.
pub(crate) mod life {
    /// Nobody reads it: its allocator may use it again.
    pub(crate) const FREE: u32 = 0;
    /// On its way, or being read.
    pub(crate) const LIVE: u32 = 1;
    /// Being read, and its allocator is dead: the reader gives the pages back itself.
    pub(crate) const ORPHAN: u32 = 2;
    /// Being written: nobody else knows of it yet, and if its writer dies nobody ever will.
    pub(crate) const DRAFT: u32 = 3;
}

#[repr(C, align(64))]
pub(crate) struct BlockHeader {
    pub(crate) life: AtomicU32,
    /// The worker that reads it, plus 1; 0 while nobody does.
    pub(crate) holder: AtomicU32,
    /// Bytes from the header's start to the end of the space: a power of two.
    pub(crate) space: u64,
    head_len: u64,
    buffers: u64,
}

/// The header of a block at an offset that lies in a region.
pub(crate) fn header(segment: &Segment, offset: usize) -> *mut BlockHeader {
    segment.mapping().at_aligned(offset)
}

/// Marks a space that has just been lent: whoever walks the region finds its end, and nobody
/// takes it for a block that a dead worker was reading.
///
/// # Safety
/// The space must be the caller's, with memory for a header.
pub(crate) unsafe fn prepare(segment: &Segment, offset: usize, space: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        let h = header(segment, offset);
        (&raw mut (*h).space).write(space as u64);
        (*h).holder.store(0, Ordering::Relaxed);
        (*h).life.store(life::DRAFT, Ordering::Relaxed);
    }
}

/// A block that has been written is known by a slot, or by whoever else will read it.
pub(crate) fn publish(segment: &Segment, offset: usize) {
    // SAFETY: a block that was lent has a header.
    let header = unsafe { &*header(segment, offset) };
    // Not one that its reader has let go of: a task that comes back to a slot has a new block.
    let _ = header.life.compare_exchange(
        life::DRAFT,
        life::LIVE,
        Ordering::Release,
        Ordering::Relaxed,
    );
}

/// How many bytes a block for this payload needs.
pub(crate) fn space_for(head: usize, buffers: &[&[u8]]) -> Option<usize> {
    let table = BLOCK_HEADER + buffers.len() * 8;
    buffers
        .iter()
        .try_fold(table.checked_add(head)?, |at, buffer| {
            at.checked_next_multiple_of(BUFFER_ALIGN)?
                .checked_add(buffer.len())
        })
}

/// Writes a payload, the pieces of whose head are laid end to end, into space that was lent for
/// it. The state word of the slot, stored with
/// Release after this, publishes all of it.
pub(crate) fn write(
    segment: &Segment,
    offset: usize,
    space: usize,
    head: &[&[u8]],
    buffers: &[&[u8]],
) {
    let head_len = length(head);
    let needed = space_for(head_len, buffers).unwrap_or(usize::MAX);
    assert!(
        needed <= space,
        "a payload of {needed} bytes does not fit into {space}"
    );
    segment.populate(offset, needed);
    let base = segment.mapping().at(offset);
    // SAFETY: the allocator gave `[offset, offset + space)` to this caller alone, and the
    // assertion keeps every write inside; sources are other memory.
    unsafe {
        let h = header(segment, offset);
        (&raw mut (*h).head_len).write(head_len as u64);
        (&raw mut (*h).buffers).write(buffers.len() as u64);
        let table = segment.mapping().at_aligned::<u64>(offset + BLOCK_HEADER);
        for (i, buffer) in buffers.iter().enumerate() {
            table.add(i).write(buffer.len() as u64);
        }
        let mut at = BLOCK_HEADER + buffers.len() * 8;
        for piece in head {
            copy(base.add(at), piece);
            at += piece.len();
        }
        for buffer in buffers {
            at = at.next_multiple_of(BUFFER_ALIGN);
            copy(base.add(at), buffer);
            at += buffer.len();
        }
    }
}

/// # Safety
/// `target` must have room for `source`, which must be other memory.
unsafe fn copy(target: *mut u8, source: &[u8]) {
    // SAFETY: the caller's promise.
    unsafe { target.copy_from_nonoverlapping(source.as_ptr(), source.len()) }
}

/// The length of a head that comes in pieces.
pub(crate) fn length(head: &[&[u8]]) -> usize {
    head.iter().map(|piece| piece.len()).sum()
}

/// A received block: its parts stay readable while this lives, and its space is given back after.
#[derive(Debug)]
pub(crate) struct Block {
    segment: Arc<Segment>,
    offset: usize,
    head: std::ops::Range<usize>,
    buffers: Vec<std::ops::Range<usize>>,
    /// The process that opened it.
    generation: u64,
}

impl Block {
    /// Opens the block at `offset`, checking every length against its space: the writer is
    /// another process and may have gone wild.
    pub(crate) fn open(segment: &Arc<Segment>, offset: usize) -> Option<Self> {
        let region = segment.region(segment.region_of(offset)?);
        if !offset.is_multiple_of(64) || region.end - offset <= BLOCK_HEADER {
            return None;
        }
        // SAFETY: a header fits between `offset` and the region's end; any bytes are valid.
        let (space, head_len, count) = unsafe {
            let h = header(segment, offset);
            (
                (*h).space as usize,
                (*h).head_len as usize,
                (*h).buffers as usize,
            )
        };
        if space > region.end - offset || count > space / 8 {
            return None;
        }
        let table = BLOCK_HEADER + count * 8;
        let mut at = table.checked_add(head_len)?;
        let head = offset + table..offset + at;
        let mut buffers = Vec::with_capacity(count);
        let table_at = segment.mapping().at_aligned::<u64>(offset + BLOCK_HEADER);
        for i in 0..count {
            at = at.checked_next_multiple_of(BUFFER_ALIGN)?;
            if table > space {
                return None;
            }
            // SAFETY: the table ends inside the block.
            let len = unsafe { table_at.add(i).read() } as usize;
            buffers.push(offset + at..offset + at.checked_add(len)?);
            at += len;
        }
        if at > space {
            return None;
        }
        segment.populate(offset, at);
        Some(Self {
            segment: Arc::clone(segment),
            offset,
            head,
            buffers,
            generation: generation(),
        })
    }

    /// Says that `worker` reads it now, so that its death gives the block back.
    pub(crate) fn hold(&self, worker: u32) {
        // SAFETY: `open` checked the header.
        unsafe {
            (*header(&self.segment, self.offset))
                .holder
                .store(worker + 1, Ordering::Release);
        }
    }

    pub(crate) fn head(&self) -> &[u8] {
        // SAFETY: `open` checked the range; nobody writes a live block's head.
        unsafe {
            std::slice::from_raw_parts(self.segment.mapping().at(self.head.start), self.head.len())
        }
    }

    pub(crate) fn buffers(&self) -> usize {
        self.buffers.len()
    }

    /// Address and length of a buffer. The reader is its only user, so it may also write.
    pub(crate) fn buffer(&self, i: usize) -> (*mut u8, usize) {
        let range = &self.buffers[i];
        (self.segment.mapping().at(range.start), range.len())
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if self.generation != generation() {
            // A forked child's copy: the parent still reads the block.
            return;
        }
        // SAFETY: `open` checked the header.
        let (h, space) = unsafe {
            let h = header(&self.segment, self.offset);
            (&*h, (*h).space as usize)
        };
        // Release: our last reads come before the allocator's next writes.
        if h.life.swap(life::FREE, Ordering::AcqRel) == life::ORPHAN {
            // All but the header: the walk of `arena::reclaim` needs it.
            let page = os::page_size();
            if space > page {
                self.segment.punch(self.offset + page, space - page);
            }
        }
    }
}
