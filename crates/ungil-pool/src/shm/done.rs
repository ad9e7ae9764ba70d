//! The list of finished tasks: any worker pushes, the parent takes all at once.
//!
//! A Treiber stack whose only removal is "take everything" (one swap), so it has no ABA
//! problem and a batch costs the parent one atomic operation. Slots are numbered from 1 in
//! the links; 0 ends the list.
//! R. K. Treiber, "Systems Programming: Coping with Parallelism", IBM RJ 5118, 1986.

use crate::atomics::{AtomicU32, Ordering};

/// The link word of each slot.
pub(crate) trait Links {
    fn next(&self, slot: u32) -> &AtomicU32;
}

/// Pushes a slot that is `Done`. Its state word was stored before, with Release.
pub(crate) fn push(list: &AtomicU32, links: &impl Links, slot: u32) {
    let mut top = list.load(Ordering::Relaxed);
    loop {
        links.next(slot).store(top, Ordering::Relaxed);
        // Release publishes the link and the result; SeqCst orders it before the look at
        // the parent's bell (see `README.md`, "The bell").
        match list.compare_exchange(top, slot + 1, Ordering::SeqCst, Ordering::Relaxed) {
            Ok(_) => return,
            Err(now) => top = now,
        }
    }
}

/// Takes the whole list, oldest first, into `into`. `slots` bounds the walk: a worker gone
/// wild must not send the parent round for ever.
pub(crate) fn take_all(list: &AtomicU32, links: &impl Links, slots: u32, into: &mut Vec<u32>) {
    let mut link = list.swap(0, Ordering::SeqCst);
    let start = into.len();
    while link != 0 && link <= slots && into.len() - start < slots as usize {
        into.push(link - 1);
        link = links.next(link - 1).load(Ordering::Relaxed);
    }
    into[start..].reverse();
}
