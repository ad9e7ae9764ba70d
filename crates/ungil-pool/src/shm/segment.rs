//! The segment's layout: header, workers' blocks, ring, slots, and a region of memory for
//! the parent and for each worker.
//!
//! ```text
//! | Header | WorkerBlock x workers | ring: u64 x RING | Slot x SLOTS | region 0 | region 1 | ...
//!                                                                      parent     worker 0
//! ```
//! The file is sparse: a region takes memory only where something was written.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr;
use std::sync::{Mutex, PoisonError};

use crate::atomics::{AtomicU32, AtomicU64, Ordering};
use crate::os::{self, Mapping};
use crate::shm::bell::Bell;
use crate::shm::done::Links;
use crate::shm::message::Times;
use crate::shm::ring::{Ring, Slots};
use crate::shm::state::State;

/// Task slots: how many tasks can be published or running at once. The rest waits in the parent.
pub(crate) const SLOTS: u32 = 1024;
/// Entries of the ring; more than slots because entries of tasks taken back linger.
const RING: usize = 4096;
/// The most workers of one pool: the width of the idle bitmap.
pub const MAX_WORKERS: u32 = 1024;
/// A payload up to this many bytes travels in the slot itself.
pub(crate) const INLINE: usize = 512 - 64;

/// From this size on a block's pages are mapped in one call.
const POPULATE_FROM: usize = 256 << 10;

/// Says that a segment is a pool's, and which version's: a program may go on while the package
/// under it is replaced, and then start workers of the new one.
const MAGIC: u64 = fingerprint(concat!("ungil pool ", env!("CARGO_PKG_VERSION")).as_bytes());
const ALIGN: usize = 2 << 20;
/// What a region has at least: under it a pool cannot work.
const SMALLEST_REGION: usize = 16 << 20;

/// FNV-1a (Fowler, Noll, Vo, 1991) of a text and of the sizes of what lies in a segment.
const fn fingerprint(text: &[u8]) -> u64 {
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut at = 0;
    while at < text.len() {
        hash = (hash ^ text[at] as u64).wrapping_mul(PRIME);
        at += 1;
    }
    let sizes = [
        size_of::<Header>(),
        size_of::<WorkerBlock>(),
        size_of::<Slot>(),
    ];
    let mut at = 0;
    while at < sizes.len() {
        hash = (hash ^ sizes[at] as u64).wrapping_mul(PRIME);
        at += 1;
    }
    hash
}

#[repr(C, align(64))]
pub(crate) struct Line<T>(pub(crate) T);

#[repr(C)]
pub(crate) struct Header {
    magic: u64,
    workers: u32,
    region_len: u64,
    /// Offset of the set-up block in region 0, or 0.
    pub(crate) setup: AtomicU64,
    /// 1 when the workers shall end once the queue is empty.
    pub(crate) closing: Line<AtomicU32>,
    pub(crate) head: Line<AtomicU64>,
    pub(crate) tail: Line<AtomicU64>,
    pub(crate) done: Line<AtomicU32>,
    pub(crate) bell: Line<Bell>,
    pub(crate) idle: Line<[AtomicU64; MAX_WORKERS as usize / 64]>,
}

/// What a worker tells the parent about itself.
#[repr(C, align(64))]
pub(crate) struct WorkerBlock {
    /// 1 wakes the parked worker.
    pub(crate) wake: AtomicU32,
    /// One of [`seat`]'s values.
    pub(crate) seat: AtomicU32,
    /// Why the set-up failed: offset of a block in the worker's region, or 0.
    pub(crate) failure: AtomicU64,
    /// How far the worker's region is used, for small blocks and for large ones.
    pub(crate) used: [AtomicU64; 2],
    /// When it was ready for tasks, in nanoseconds of `CLOCK_MONOTONIC`; 0 before, and once the
    /// parent knows of its end.
    pub(crate) ready_at: AtomicU64,
    /// Tasks answered by all that had this block, and nanoseconds from their claims to their answers.
    pub(crate) tasks: AtomicU64,
    pub(crate) busy: AtomicU64,
}

/// How far a worker has come.
pub(crate) mod seat {
    pub(crate) const STARTING: u32 = 0;
    pub(crate) const READY: u32 = 1;
    pub(crate) const FAILED: u32 = 2;
    /// It has run as many tasks as it should and ends.
    pub(crate) const RETIRED: u32 = 3;
}

/// A task on its way to a worker, its result on the way back.
#[repr(C, align(64))]
pub(crate) struct Slot {
    pub(crate) state: AtomicU64,
    pub(crate) next_done: AtomicU32,
    /// Bytes in `inline`, when `block` is 0.
    pub(crate) inline_len: AtomicU32,
    /// Offset in the segment of the block with the payload, or 0.
    pub(crate) block: AtomicU64,
    /// When the worker claimed the task, in nanoseconds of `CLOCK_MONOTONIC`; 0 until it has
    /// said so (`README.md`, "Times").
    pub(crate) claimed_at: AtomicU64,
    /// When it answered; valid once the state says `Done`.
    pub(crate) answered_at: AtomicU64,
    reserved: [u64; 3],
    pub(crate) inline: [u8; INLINE],
}

impl Slot {
    /// When the task ran whose answer is in the slot, which belongs to the caller.
    pub(crate) fn times(&self) -> Times {
        Times {
            claimed: self.claimed_at.load(Ordering::Relaxed),
            answered: self.answered_at.load(Ordering::Relaxed),
            received: 0,
        }
    }

    /// The parent, before it publishes the slot: forgets the times of its last task.
    pub(crate) fn unclaimed(&self) {
        // Relaxed: publishing is a Release, and nobody looks before it.
        self.claimed_at.store(0, Ordering::Relaxed);
    }

    /// The worker, right after its claim.
    pub(crate) fn claimed(&self, now: u64) {
        self.claimed_at.store(now, Ordering::Release);
    }

    /// When the task was claimed that the slot's state was just `running` for; `None` when its
    /// worker has not said so yet, or the task has meanwhile ended.
    pub(crate) fn running_since(&self, running: State) -> Option<u64> {
        // Acquire: a time of a later task in this slot brings that task's state with it, and then
        // the state is not the same any more.
        let since = self.claimed_at.load(Ordering::Acquire);
        let still = self.state.load(Ordering::Relaxed) == running.0;
        (still && since != 0).then_some(since)
    }
}

/// Where the parts of a segment lie; a function of its number of workers and region length.
#[derive(Clone, Copy, Debug)]
struct Geometry {
    workers: u32,
    workers_at: usize,
    ring_at: usize,
    slots_at: usize,
    regions_at: usize,
    region_len: usize,
}

impl Geometry {
    fn new(workers: u32, region_len: usize) -> Self {
        let workers_at = size_of::<Header>().next_multiple_of(64);
        let ring_at = workers_at + workers as usize * size_of::<WorkerBlock>();
        let slots_at = (ring_at + RING * 8).next_multiple_of(4096);
        let regions_at = (slots_at + SLOTS as usize * size_of::<Slot>()).next_multiple_of(ALIGN);
        Self {
            workers,
            workers_at,
            ring_at,
            slots_at,
            regions_at,
            region_len,
        }
    }

    fn len(&self) -> Option<usize> {
        self.region_len
            .checked_mul(self.workers as usize + 1)?
            .checked_add(self.regions_at)
    }
}

/// A mapped segment.
#[derive(Debug)]
pub(crate) struct Segment {
    mapping: Mapping,
    fd: OwnedFd,
    geometry: Geometry,
    /// Large blocks whose pages this process has mapped: offset to length.
    populated: Mutex<HashMap<usize, usize>>,
}

impl Segment {
    /// Makes the segment of a pool with `workers` workers, each with a region of at most
    /// `region_len` bytes; less where the address space is limited.
    pub(crate) fn create(workers: u32, region_len: usize) -> io::Result<Self> {
        let mut region_len = region_len.next_multiple_of(ALIGN);
        if let Some(limit) = os::address_space_limit() {
            // Leave most of a limited address space to the program.
            let share = (limit / 4) as usize / (workers as usize + 1) / ALIGN * ALIGN;
            region_len = region_len.min(share.max(SMALLEST_REGION));
        }
        loop {
            let geometry = Geometry::new(workers, region_len);
            match geometry
                .len()
                .ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))
                .and_then(|len| {
                    let fd = os::create_segment(len)?;
                    Ok((Mapping::new(fd.as_fd(), len)?, fd))
                }) {
                Ok((mapping, fd)) => {
                    let segment = Self {
                        mapping,
                        fd,
                        geometry,
                        populated: Mutex::default(),
                    };
                    segment.write_header();
                    return Ok(segment);
                }
                Err(_) if region_len / 2 >= SMALLEST_REGION => {
                    region_len = region_len / 2 / ALIGN * ALIGN;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Maps a segment that another process made.
    pub(crate) fn attach(fd: OwnedFd) -> io::Result<Self> {
        let bad = || {
            io::Error::new(
                io::ErrorKind::InvalidData,
                "its memory is not as this version of ungil has it. Was ungil replaced while the \
                 program ran? Then restart the program",
            )
        };
        let len = usize::try_from(rustix::fs::fstat(&fd)?.st_size).map_err(|_| bad())?;
        if len < ALIGN {
            return Err(bad());
        }
        let mapping = Mapping::new(fd.as_fd(), len)?;
        // SAFETY: the mapping is longer than a header, aligned to a page, and any bytes are a
        // valid header.
        let header = unsafe { &*mapping.at_aligned::<Header>(0) };
        let geometry = Geometry::new(header.workers, header.region_len as usize);
        if header.magic != MAGIC || geometry.len() != Some(len) {
            return Err(bad());
        }
        Ok(Self {
            mapping,
            fd,
            geometry,
            populated: Mutex::default(),
        })
    }

    fn write_header(&self) {
        let header = self.mapping.at_aligned::<Header>(0);
        // SAFETY: nobody else has the segment yet; the fresh file is all zeros, which is a
        // valid header with an empty queue.
        unsafe {
            ptr::addr_of_mut!((*header).magic).write(MAGIC);
            ptr::addr_of_mut!((*header).workers).write(self.geometry.workers);
            ptr::addr_of_mut!((*header).region_len).write(self.geometry.region_len as u64);
        }
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    pub(crate) fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    pub(crate) fn header(&self) -> &Header {
        // SAFETY: the header is at offset 0; its plain fields are written once, before the
        // segment is shared, and the rest is atomics.
        unsafe { &*self.mapping.at_aligned::<Header>(0) }
    }

    pub(crate) fn worker(&self, index: u32) -> &WorkerBlock {
        assert!(index < self.geometry.workers);
        // SAFETY: inside the array by the assertion; all its fields are atomics.
        unsafe {
            &*self
                .mapping
                .at_aligned::<WorkerBlock>(self.geometry.workers_at)
                .add(index as usize)
        }
    }

    pub(crate) fn slot(&self, slot: u32) -> &Slot {
        // SAFETY: `slot_ptr` is in bounds. `inline` is read and written only by the slot's
        // owner as told by `state`, through `slot_ptr`, never through this reference.
        unsafe { &*self.slot_ptr(slot) }
    }

    pub(crate) fn slot_ptr(&self, slot: u32) -> *mut Slot {
        assert!(slot < SLOTS);
        // SAFETY: inside the array by the assertion.
        unsafe {
            self.mapping
                .at_aligned::<Slot>(self.geometry.slots_at)
                .add(slot as usize)
        }
    }

    pub(crate) fn ring(&self) -> Ring<'_, Self> {
        let header = self.header();
        // SAFETY: the ring lies inside the mapping, is aligned to 64 and is all atomics.
        let entries = unsafe {
            std::slice::from_raw_parts(
                self.mapping.at_aligned::<AtomicU64>(self.geometry.ring_at),
                RING,
            )
        };
        Ring {
            head: &header.head.0,
            tail: &header.tail.0,
            entries,
            slots: self,
        }
    }

    /// Maps the pages of a large block in one call, the first time this process uses it: faulting
    /// them in one by one costs more than the copy. Blocks are reused, so mostly it is done already.
    pub(crate) fn populate(&self, offset: usize, len: usize) {
        if len < POPULATE_FROM {
            return;
        }
        let mut populated = self
            .populated
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let so_far = populated.entry(offset).or_default();
        if *so_far < len {
            self.mapping.populate(offset, len);
            *so_far = len;
        }
    }

    /// Gives the memory of a space back to the system.
    pub(crate) fn punch(&self, offset: usize, len: usize) {
        let end = offset + len;
        self.populated
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|&start, &mut len| start + len <= offset || start >= end);
        self.mapping.punch(offset, len);
    }

    /// Start and end of the region of the parent (0) or of worker `n - 1`.
    pub(crate) fn region(&self, n: u32) -> std::ops::Range<usize> {
        assert!(n <= self.geometry.workers);
        let start = self.geometry.regions_at + n as usize * self.geometry.region_len;
        start..start + self.geometry.region_len
    }

    /// The region in which an offset lies.
    pub(crate) fn region_of(&self, offset: usize) -> Option<u32> {
        let n = offset.checked_sub(self.geometry.regions_at)? / self.geometry.region_len;
        (n <= self.geometry.workers as usize).then_some(n as u32)
    }
}

impl Slots for Segment {
    fn state(&self, slot: u32) -> &AtomicU64 {
        &self.slot(slot).state
    }
}

impl Links for Segment {
    fn next(&self, slot: u32) -> &AtomicU32 {
        &self.slot(slot).next_done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_of_another_version_is_refused() {
        let segment = Segment::create(1, SMALLEST_REGION).unwrap();
        let other = || segment.fd.try_clone().unwrap();
        assert!(Segment::attach(other()).is_ok());
        let header = segment.mapping.at_aligned::<Header>(0);
        // SAFETY: nobody else has the segment.
        unsafe { ptr::addr_of_mut!((*header).magic).write(MAGIC + 1) };
        let refused = Segment::attach(other()).unwrap_err();
        assert!(refused.to_string().contains("restart the program"));
    }
}
