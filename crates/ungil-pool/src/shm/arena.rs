//! The memory of one region, handed out by the process that owns the region.
//!
//! All bookkeeping is private to the owner; readers give a block back by one atomic store in
//! its header, which the owner notices when it next needs space. So no lock is shared between
//! processes and a killed one leaves none locked. Spaces are powers of two: in a sparse file
//! the unused end of a space costs no memory.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use crate::atomics::Ordering;
use crate::os;
use crate::shm::block::{self, life};
use crate::shm::segment::Segment;

const SMALLEST: usize = 1 << 10;
/// Spaces from this size on lie in the region's second part and are backed one by one.
const LARGE: usize = 256 << 10;
/// Small spaces are backed by memory in steps of this many bytes.
const STEP: usize = 1 << 20;
/// Free blocks keep at most this much memory for reuse.
const CACHE: usize = 256 << 20;

/// A space in the region.
#[derive(Clone, Copy, Debug)]
struct Space {
    offset: usize,
    /// Bytes from `offset` on that have memory.
    backed: usize,
}

/// Spaces of one size.
#[derive(Debug, Default)]
struct Class {
    free: Vec<Space>,
    lent: Vec<Space>,
    /// Lent out since the last sweep.
    fresh: usize,
}

/// One of the two parts of a region: spaces are cut from its front.
#[derive(Debug)]
struct Part {
    next: usize,
    end: usize,
    backed: usize,
}

#[derive(Debug)]
pub(crate) struct Arena {
    segment: Arc<Segment>,
    classes: Vec<Class>,
    small: Part,
    large: Part,
    /// Memory in free large spaces.
    cached: usize,
}

/// Why there is no space.
#[derive(Debug)]
pub(crate) enum NoSpace {
    /// The payload is larger than what is left of the region.
    Region { needed: usize, left: usize },
    /// The machine has no memory for it.
    Memory(io::Error),
}

impl Arena {
    /// The arena of region `n`, of which `used` has been handed out by a predecessor.
    pub(crate) fn new(segment: Arc<Segment>, n: u32, used: [usize; 2]) -> Self {
        let [small, large] = parts(&segment, n);
        let from = |part: Range<usize>, used: usize| {
            let next = (part.start + used).min(part.end);
            Part {
                next,
                end: part.end,
                backed: next,
            }
        };
        Self {
            segment,
            classes: Vec::new(),
            small: from(small, used[0]),
            large: from(large, used[1]),
            cached: 0,
        }
    }

    /// Writes a payload into a block and gives its offset.
    pub(crate) fn store(&mut self, head: &[&[u8]], buffers: &[&[u8]]) -> Result<usize, NoSpace> {
        let (offset, space) = self.lend(block::length(head), buffers)?;
        block::write(&self.segment, offset, space, head, buffers);
        Ok(offset)
    }

    /// Space for a payload: its offset and size. The caller writes it with [`block::write`].
    pub(crate) fn lend(
        &mut self,
        head: usize,
        buffers: &[&[u8]],
    ) -> Result<(usize, usize), NoSpace> {
        let no_region = |needed| NoSpace::Region {
            needed,
            left: self.large.end - self.large.next,
        };
        let needed = block::space_for(head, buffers).ok_or_else(|| no_region(usize::MAX))?;
        let space = needed
            .max(SMALLEST)
            .checked_next_power_of_two()
            .ok_or_else(|| no_region(needed))?;
        let class = (space / SMALLEST).trailing_zeros() as usize;
        if self.classes.len() <= class {
            self.classes.resize_with(class + 1, Class::default);
        }
        if self.classes[class].free.is_empty() {
            self.sweep(class, space);
        }
        let mut found = match self.classes[class].free.pop() {
            Some(found) => {
                if space >= LARGE {
                    self.cached -= found.backed;
                }
                found
            }
            None => self.cut(needed, space)?,
        };
        if needed > found.backed {
            self.segment
                .mapping()
                .reserve(found.offset, needed)
                .map_err(|error| {
                    self.classes[class].free.push(Space { backed: 0, ..found });
                    NoSpace::Memory(error)
                })?;
            found.backed = needed;
        }
        // SAFETY: the space is ours and holds a header.
        unsafe { block::prepare(&self.segment, found.offset, space) };
        let class = &mut self.classes[class];
        class.lent.push(found);
        class.fresh += 1;
        Ok((found.offset, space))
    }

    /// Gives back what a dead worker was reading.
    pub(crate) fn release_held_by(&mut self, worker: u32) {
        for class in &self.classes {
            for space in &class.lent {
                // SAFETY: every lent space holds a header.
                let header = unsafe { &*block::header(&self.segment, space.offset) };
                if header.holder.load(Ordering::Acquire) == worker + 1 {
                    header.life.store(life::FREE, Ordering::Release);
                }
            }
        }
    }

    /// How far the two parts are used, for the worker's successor.
    pub(crate) fn used(&self, n: u32) -> [usize; 2] {
        let [small, large] = parts(&self.segment, n);
        [self.small.next - small.start, self.large.next - large.start]
    }

    /// Collects the spaces of a class that their readers have given back.
    fn sweep(&mut self, class: usize, space: usize) {
        let large = space >= LARGE;
        let list = &mut self.classes[class];
        // Looking at each lent space each time would be quadratic for a long queue of them.
        if !large && list.fresh * 2 < list.lent.len() && list.lent.len() > 64 {
            return;
        }
        list.fresh = 0;
        let segment = &self.segment;
        let (mut free, lent): (Vec<_>, Vec<_>) = std::mem::take(&mut list.lent)
            .into_iter()
            .partition(|space| {
                // SAFETY: every lent space holds a header.
                unsafe {
                    (*block::header(segment, space.offset))
                        .life
                        .load(Ordering::Acquire)
                        == life::FREE
                }
            });
        list.lent = lent;
        for space in &mut free {
            if large && self.cached + space.backed > CACHE {
                segment.punch(space.offset, space.backed);
                space.backed = 0;
            }
            self.cached += if large { space.backed } else { 0 };
        }
        list.free.append(&mut free);
    }

    /// Cuts a new space from the front of its part of the region.
    fn cut(&mut self, needed: usize, space: usize) -> Result<Space, NoSpace> {
        let large = space >= LARGE;
        let part = if large {
            &mut self.large
        } else {
            &mut self.small
        };
        // Large spaces may be shorter than their class at the very end of the region.
        if part.end - part.next < space {
            return Err(NoSpace::Region {
                needed,
                left: part.end - part.next,
            });
        }
        let offset = part.next;
        let backed = if large {
            self.segment
                .mapping()
                .reserve(offset, needed)
                .map_err(NoSpace::Memory)?;
            needed
        } else {
            while part.backed < offset + space {
                let step = STEP.min(part.end - part.backed);
                self.segment
                    .mapping()
                    .reserve(part.backed, step)
                    .map_err(NoSpace::Memory)?;
                part.backed += step;
            }
            space
        };
        part.next += space;
        Ok(Space { offset, backed })
    }
}

/// The parts of a region for small and for large spaces.
fn parts(segment: &Segment, n: u32) -> [Range<usize>; 2] {
    let region = segment.region(n);
    let middle = region.start + region.len() / 8 / LARGE * LARGE;
    [region.start..middle, middle..region.end]
}

/// Gives back the memory of a dead worker's region, but for blocks that somebody still reads:
/// those give theirs back when the reader lets go. Gives how far the region stays in use.
pub(crate) fn reclaim(segment: &Segment, n: u32, used: [usize; 2]) -> [usize; 2] {
    let mut kept = used;
    for (part, kept) in parts(segment, n).into_iter().zip(&mut kept) {
        let end = part.start + (*kept).min(part.len());
        let mut live = false;
        let mut at = part.start;
        while at + block::BLOCK_HEADER <= end {
            // SAFETY: the walk stays inside the region; any bytes are a valid header.
            let (header, space) = unsafe {
                let h = block::header(segment, at);
                (&*h, (*h).space as usize)
            };
            if space < SMALLEST || space > end - at {
                // Overwritten: what lies behind cannot be found, and somebody may read it.
                live = true;
                break;
            }
            let orphaned = header.life.compare_exchange(
                life::LIVE,
                life::ORPHAN,
                Ordering::AcqRel,
                Ordering::Relaxed,
            );
            // An orphan of an earlier worker may still be read.
            if matches!(orphaned, Ok(_) | Err(life::ORPHAN)) {
                live = true;
            } else if space >= os::page_size() {
                // The header goes with the pages; `space` must survive for the next walk.
                segment.punch(at + os::page_size(), space - os::page_size());
            }
            at += space;
        }
        // What lies behind had memory already, perhaps, but no block yet that anybody knows.
        let unused = if live { end } else { part.start };
        segment.punch(unused, part.end - unused);
        if !live {
            *kept = 0;
        }
    }
    kept
}
