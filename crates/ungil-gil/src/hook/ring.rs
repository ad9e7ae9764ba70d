//! The ring of one thread: it writes, the collector reads, nobody waits.

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::model::Record;

const CAPACITY: u32 = 4096;
/// From this many unread records on, new ones are merged instead of added; the rest is for these.
const CROWDED: u32 = CAPACITY - 64;

/// A bounded queue with one producer and one consumer; the README has its protocol.
pub(crate) struct Ring {
    /// Records written so far; only the producer writes it.
    head: OwnLine,
    /// Records read so far; only the consumer writes it.
    tail: OwnLine,
    records: Box<[UnsafeCell<MaybeUninit<Record>>]>,
}

/// A counter that does not share its cache line: its reader must not slow its writer down.
#[repr(align(128))]
struct OwnLine(AtomicU32);

// SAFETY: a cell is written only by the producer while it lies outside of tail..head, and read only
// by the consumer while it lies inside.
unsafe impl Sync for Ring {}

impl Ring {
    pub(crate) fn new() -> Self {
        let records = (0..CAPACITY).map(|_| UnsafeCell::new(MaybeUninit::uninit()));
        Self {
            head: OwnLine(AtomicU32::new(0)),
            tail: OwnLine(AtomicU32::new(0)),
            records: records.collect(),
        }
    }

    /// Whether the producer should merge rather than push.
    pub(crate) fn is_crowded(&self) -> bool {
        self.head
            .0
            .load(Ordering::Relaxed)
            .wrapping_sub(self.tail.0.load(Ordering::Relaxed))
            >= CROWDED
    }

    /// Producer: adds a record; `false` where there is no room at all.
    pub(crate) fn push(&self, record: Record) -> bool {
        let head = self.head.0.load(Ordering::Relaxed);
        // Acquire: the consumer has read the cell before it gave it back.
        if head.wrapping_sub(self.tail.0.load(Ordering::Acquire)) >= CAPACITY {
            return false;
        }
        let cell = &self.records[(head % CAPACITY) as usize];
        // SAFETY: the cell is outside of tail..head, thus the producer's.
        unsafe { (*cell.get()).write(record) };
        // Release: whoever sees the new head sees the record.
        self.head.0.store(head.wrapping_add(1), Ordering::Release);
        true
    }

    /// Consumer: takes the oldest record.
    pub(crate) fn pop(&self) -> Option<Record> {
        let tail = self.tail.0.load(Ordering::Relaxed);
        if tail == self.head.0.load(Ordering::Acquire) {
            return None;
        }
        let cell = &self.records[(tail % CAPACITY) as usize];
        // SAFETY: the cell is inside of tail..head: written, and the consumer's.
        let record = unsafe { (*cell.get()).assume_init() };
        self.tail.0.store(tail.wrapping_add(1), Ordering::Release);
        Some(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Kind;

    fn record(number: u64) -> Record {
        Record::new(Kind::Held, 0, 0, number, number + 1)
    }

    #[test]
    fn what_goes_in_comes_out_in_order_from_another_thread() {
        const TOTAL: u64 = 200_000;
        let ring = Ring::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0..TOTAL {
                    while !ring.push(record(number)) {
                        std::thread::yield_now();
                    }
                }
            });
            for number in 0..TOTAL {
                let got = loop {
                    match ring.pop() {
                        Some(record) => break record,
                        None => std::thread::yield_now(),
                    }
                };
                assert_eq!(got, record(number));
            }
        });
        assert_eq!(ring.pop(), None);
    }

    #[test]
    fn a_full_ring_refuses() {
        let ring = Ring::new();
        for number in 0..u64::from(CAPACITY) {
            assert_eq!(ring.is_crowded(), number >= u64::from(CROWDED));
            assert!(ring.push(record(number)));
        }
        assert!(!ring.push(record(0)));
        assert_eq!(ring.pop(), Some(record(0)));
        assert!(ring.push(record(1)));
    }
}
