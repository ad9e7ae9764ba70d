//! Who owns a lock: a thread's number together with the time from which that number is known to be
//! this thread's.

/// Bits of a Linux thread number: the kernel's `PID_MAX_LIMIT` is 2^22.
const TID_BITS: u32 = 22;
const TID_MASK: u64 = (1 << TID_BITS) - 1;
const SINCE_SHIFT: u32 = 32;

/// A thread, of whatever process; never mistaken for a later thread that got the same number.
///
/// `since` is when the thread first presented itself, in tenths of a second since boot, modulo 2^32
/// (13.6 years). A thread with that number which started later is another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Owner(u64);

impl Owner {
    /// The thread with this number, seen at this time.
    #[must_use]
    pub fn new(tid: u32, since: u32) -> Self {
        debug_assert!(tid > 0 && u64::from(tid) <= TID_MASK);
        Self((u64::from(since) << SINCE_SHIFT) | u64::from(tid))
    }

    /// Its representation in a lock's word. The bits 22 to 31 are zero: locks keep flags there.
    #[inline]
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The inverse of [`Owner::bits`]; `None` when there is no thread number in it.
    #[inline]
    #[must_use]
    pub const fn from_bits(bits: u64) -> Option<Self> {
        if bits & TID_MASK == 0 {
            None
        } else {
            Some(Self(bits))
        }
    }

    /// The thread's number (`gettid`).
    #[must_use]
    pub const fn tid(self) -> u32 {
        (self.0 & TID_MASK) as u32
    }

    /// When it first presented itself: tenths of a second since boot.
    #[must_use]
    pub const fn since(self) -> u32 {
        (self.0 >> SINCE_SHIFT) as u32
    }
}
