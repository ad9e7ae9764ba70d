//! The one atomic type that a thread can sleep on: 64 bits, of which the low 32 are the futex.
//!
//! Everything above this file is written against `Word`, [`fence`] and [`Cell64`] only;
//! `tests/model` compiles the very same sources against a loom version of this file.
#![allow(unsafe_code)]

use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;
pub use std::sync::atomic::{AtomicU64 as Cell64, Ordering, fence};
use std::time::Duration;

/// So many wake-ups may a waiter lose to threads that never slept; then it closes the door to them.
pub const LOST_WAKEUPS: u32 = 4;
/// Turns of the spin before the second look at a lock that is held and for which nobody waits.
pub const FIRST_SPIN: u32 = 64;
/// Turns between two looks grow to this many.
pub const LAST_SPIN: u32 = 256;
/// Turns of a spin together; then the thread sleeps. As long as falling asleep and being woken
/// takes (20 us), so that spinning costs at most twice what sleeping at once would have cost.
const SPINS: u32 = 800;

/// Turns of a spin together, on this machine: with one processor nobody could release meanwhile.
pub fn spins() -> u32 {
    static TURNS: OnceLock<u32> = OnceLock::new();
    *TURNS.get_or_init(|| {
        // SAFETY: only reads how many processors run.
        let processors = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) };
        if processors == 1 { 0 } else { SPINS }
    })
}

/// Why [`Word::sleep`] returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Woke {
    /// Another thread called [`Word::wake`] (or, rarely, for no reason at all).
    Called,
    /// The word no longer had the expected low half.
    Changed,
    /// The time was up, or a signal handler ran: look around, then sleep again.
    Slice,
}

/// A 64-bit atomic in memory that may be shared between processes; its low half is a futex.
#[derive(Debug)]
#[repr(transparent)]
pub struct Word(AtomicU64);

impl Word {
    /// A word with this value.
    #[must_use]
    pub fn new(value: u64) -> Self {
        Self(AtomicU64::new(value))
    }

    /// Atomic load.
    #[inline]
    pub fn load(&self, order: Ordering) -> u64 {
        self.0.load(order)
    }

    /// Atomic compare and exchange; on failure the value found, read with `Relaxed`.
    #[inline]
    pub fn swap_if(&self, old: u64, new: u64, success: Ordering) -> Result<(), u64> {
        self.0
            .compare_exchange(old, new, success, Ordering::Relaxed)
            .map(|_| ())
    }

    /// Atomic or; returns the value before.
    #[inline]
    pub fn set_bits(&self, bits: u64, order: Ordering) -> u64 {
        self.0.fetch_or(bits, order)
    }

    /// Atomic and-not; returns the value before.
    #[inline]
    pub fn clear_bits(&self, bits: u64, order: Ordering) -> u64 {
        self.0.fetch_and(!bits, order)
    }

    /// Atomic addition, wrapping; returns the value before.
    #[inline]
    pub fn add(&self, delta: u64, order: Ordering) -> u64 {
        self.0.fetch_add(delta, order)
    }

    /// Sleeps while the low half equals that of `expected`, for at most `slice`.
    ///
    /// The kernel compares and goes to sleep in one step with respect to [`Word::wake`].
    pub fn sleep(&self, expected: u64, slice: Duration) -> Woke {
        let timeout = libc::timespec {
            tv_sec: libc::time_t::try_from(slice.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: libc::c_long::from(slice.subsec_nanos()),
        };
        // SAFETY: the address is that of a live, aligned 32-bit half; the kernel only reads it. No
        // FUTEX_PRIVATE_FLAG, because the word may be in memory shared with another process.
        let outcome = unsafe {
            libc::syscall(
                libc::SYS_futex,
                self.futex(),
                libc::FUTEX_WAIT,
                expected as u32,
                &raw const timeout,
            )
        };
        if outcome == 0 {
            return Woke::Called;
        }
        match std::io::Error::last_os_error().raw_os_error() {
            Some(libc::EAGAIN) => Woke::Changed,
            _ => Woke::Slice,
        }
    }

    /// Wakes at most `count` sleepers, the longest-sleeping first; returns how many it woke.
    pub fn wake(&self, count: u32) -> u32 {
        // SAFETY: as in `sleep`; a wake does not touch the memory at all.
        let woken = unsafe {
            libc::syscall(
                libc::SYS_futex,
                self.futex(),
                libc::FUTEX_WAKE,
                count.min(i32::MAX as u32),
            )
        };
        u32::try_from(woken).unwrap_or(0)
    }

    fn futex(&self) -> *const u32 {
        let halves = self.0.as_ptr().cast::<u32>().cast_const();
        // SAFETY: the offset stays inside the 64-bit word.
        unsafe { halves.add(usize::from(cfg!(target_endian = "big"))) }
    }
}

/// Tells the processor that this is a spin loop.
#[inline]
pub fn relax() {
    std::hint::spin_loop();
}
