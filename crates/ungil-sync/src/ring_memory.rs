//! The bytes of a queue in shared memory.
#![allow(unsafe_code)]

use crate::error::Error;
use crate::handle::Handle;
use crate::ring::{Bytes, RawQueue};

/// The largest ring: positions wrap at 2^32 and a ring is a power of two.
pub const LARGEST_RING: usize = 1 << 31;

impl Handle<RawQueue> {
    /// An empty queue of at most `most` records (0: as many as fit), whose records may have
    /// `longest` bytes.
    pub fn queue(most: u32, longest: usize) -> Result<Self, Error> {
        let too_large = Error::TooLarge {
            bytes: longest as u64,
            limit: (LARGEST_RING / 2 - 8) as u64,
        };
        if longest > LARGEST_RING / 2 - 8 {
            return Err(too_large);
        }
        let size = ((longest + 8) * 2).next_power_of_two().max(4096);
        Self::create(RawQueue::new(most), size)
    }

    /// The longest record that it takes, in bytes.
    pub fn longest_record(&self) -> usize {
        RawQueue::longest(self.size()) as usize
    }
}

impl Bytes for Handle<RawQueue> {
    fn size(&self) -> u32 {
        self.extra() as u32
    }

    fn write(&self, position: u32, bytes: &[u8]) {
        assert!(
            position as usize + bytes.len() <= self.extra(),
            "write outside of the ring"
        );
        // SAFETY: inside the ring (asserted); the producers' lock is held and these bytes lie
        // between tail and head, so nobody else reads or writes them.
        unsafe {
            let target = self.extra_memory().add(position as usize);
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), target.as_ptr(), bytes.len());
        }
    }

    fn read(&self, position: u32, bytes: &mut [u8]) {
        assert!(
            position as usize + bytes.len() <= self.extra(),
            "read outside of the ring"
        );
        // SAFETY: inside the ring (asserted); the consumers' lock is held and these bytes lie
        // between head and tail, so nobody writes them.
        unsafe {
            let source = self.extra_memory().add(position as usize);
            std::ptr::copy_nonoverlapping(source.as_ptr(), bytes.as_mut_ptr(), bytes.len());
        }
    }

    fn discard(&self, position: u32, length: u32) {
        self.discard_extra(position as usize, length as usize);
    }
}
