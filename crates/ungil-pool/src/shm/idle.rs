//! Which workers are parked: a bit each, and a wake word each.
//!
//! The parent wakes exactly the worker whose bit it cleared, so there is no shared count that
//! a killed worker could leave wrong.

use crate::atomics::{AtomicU32, AtomicU64, Ordering, fence};

/// Announces that `worker` is about to park. The caller looks at the queue once more after
/// this, and calls [`retract`] if there is work.
pub(crate) fn announce(bits: &[AtomicU64], wake: &AtomicU32, worker: u32) {
    wake.store(0, Ordering::Relaxed);
    bits[worker as usize / 64].fetch_or(bit(worker), Ordering::SeqCst);
    // Orders the bit before the coming look at the queue (Dekker's pattern with `pick`).
    fence(Ordering::SeqCst);
}

/// Takes the announcement back.
pub(crate) fn retract(bits: &[AtomicU64], worker: u32) {
    bits[worker as usize / 64].fetch_and(!bit(worker), Ordering::SeqCst);
}

/// Picks a parked worker to wake, the lowest first: it is the one whose caches are warm.
/// The caller has published the work before.
pub(crate) fn pick(bits: &[AtomicU64]) -> Option<u32> {
    // Orders the published work before the look at the bits.
    fence(Ordering::SeqCst);
    for (word_index, word) in bits.iter().enumerate() {
        let mut seen = word.load(Ordering::SeqCst);
        while seen != 0 {
            let lowest = seen & seen.wrapping_neg();
            if word.fetch_and(!lowest, Ordering::SeqCst) & lowest != 0 {
                return Some(word_index as u32 * 64 + lowest.trailing_zeros());
            }
            seen = word.load(Ordering::SeqCst);
        }
    }
    None
}

fn bit(worker: u32) -> u64 {
    1 << (worker % 64)
}
