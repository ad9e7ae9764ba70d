//! A range of units in one word: its owner takes from the front, others steal half from the back.

use std::sync::atomic::{AtomicU64, Ordering};

/// Of what is left, the owner takes this part at a time: the rest can be stolen meanwhile.
const PART: u32 = 32;

/// Units that one thread is to do. On a cache line of its own: everybody writes to it.
#[repr(align(128))]
#[derive(Debug, Default)]
pub(super) struct Share(AtomicU64);

fn packed(from: u32, to: u32) -> u64 {
    u64::from(from) << 32 | u64::from(to)
}

fn unpacked(word: u64) -> (u32, u32) {
    ((word >> 32) as u32, word as u32)
}

impl Share {
    pub(super) fn put(&self, (from, to): (u32, u32)) {
        // Units carry no data: what threads tell each other goes through the pool's lock.
        self.0.store(packed(from, to), Ordering::Relaxed);
    }

    pub(super) fn len(&self) -> u32 {
        let (from, to) = unpacked(self.0.load(Ordering::Relaxed));
        to.saturating_sub(from)
    }

    /// Some units from the front: one, or a part of what is left.
    pub(super) fn take(&self, single: bool) -> Option<(u32, u32)> {
        self.change(|from, to| {
            let count = if single {
                1
            } else {
                ((to - from) / PART).max(1)
            };
            ((from, from + count), (from + count, to))
        })
    }

    /// Half of the units, from the back.
    pub(super) fn steal(&self) -> Option<(u32, u32)> {
        self.change(|from, to| {
            let middle = from + (to - from) / 2;
            ((middle, to), (from, middle))
        })
    }

    /// Splits what is there into what is given away and what is left.
    fn change(&self, split: impl Fn(u32, u32) -> ((u32, u32), (u32, u32))) -> Option<(u32, u32)> {
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            let (from, to) = unpacked(word);
            if from >= to {
                return None;
            }
            let (given, left) = split(from, to);
            // A word that comes back says the same as before: nobody else has these units.
            match self.0.compare_exchange_weak(
                word,
                packed(left.0, left.1),
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Some(given),
                Err(other) => word = other,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;

    #[test]
    fn every_unit_is_given_away_once() {
        const UNITS: u32 = 20_000;
        let shares: [Share; 3] = Default::default();
        let times: Vec<AtomicU32> = (0..UNITS).map(|_| AtomicU32::new(0)).collect();
        shares[0].put((0, UNITS));
        std::thread::scope(|scope| {
            for me in 0..shares.len() {
                let (shares, times) = (&shares, &times);
                scope.spawn(move || {
                    while times.iter().any(|times| times.load(Ordering::Relaxed) == 0) {
                        while let Some((from, to)) = shares[me].take(me == 1) {
                            for unit in from..to {
                                times[unit as usize].fetch_add(1, Ordering::Relaxed);
                            }
                        }
                        if let Some(stolen) = shares[(me + 1) % 3].steal() {
                            shares[me].put(stolen);
                        }
                    }
                });
            }
        });
        assert!(times.iter().all(|times| times.load(Ordering::Relaxed) == 1));
    }
}
