//! The slices of one thread, of one kind: where it held, or where it waited.

use serde::{Deserialize, Serialize};

use super::record::Record;

/// Slices in the order of time, which do not overlap.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Track(Vec<Record>);

impl Track {
    /// Adds a slice behind the others.
    pub fn push(&mut self, slice: Record) {
        self.0.push(slice);
    }

    /// The slices.
    pub fn slices(&self) -> &[Record] {
        &self.0
    }

    /// Of each of so many equal stretches of the time from `start` on, the share that the slices are busy.
    pub fn shares(&self, start: u64, duration: u64, stretches: usize) -> Vec<f64> {
        let mut shares = vec![0.0; stretches];
        let step = duration as f64 / stretches.max(1) as f64;
        if step <= 0.0 {
            return shares;
        }
        for slice in &self.0 {
            let place = |time: u64| time.saturating_sub(start) as f64 / step;
            let (begin, end) = (place(slice.start), place(slice.end).min(stretches as f64));
            let density = slice.busy as f64 / (slice.end - slice.start).max(1) as f64;
            let touched = shares.iter_mut().enumerate().skip(begin as usize);
            for (stretch, share) in touched.take_while(|(at, _)| (*at as f64) < end) {
                let inside = end.min(stretch as f64 + 1.0) - begin.max(stretch as f64);
                *share += inside * density;
            }
        }
        shares
    }

    /// Merges neighbours that together take no longer than this, nanoseconds. What they add up to
    /// and how many they were stays.
    pub fn coarsen(&mut self, resolution: u64) {
        self.0.dedup_by(|later, kept| {
            later.end.saturating_sub(kept.start) <= resolution && kept.absorb(later)
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Kind;

    #[test]
    fn shares_are_of_each_stretch() {
        let mut track = Track::default();
        for (start, end) in [(100, 150), (250, 400), (480, 900)] {
            track.push(Record::new(Kind::Held, 0, 0, start, end));
        }
        let shares = track.shares(100, 400, 4);
        let expected = [0.5, 0.5, 1.0, 0.2];
        assert!(
            shares
                .iter()
                .zip(expected)
                .all(|(a, b)| (a - b).abs() < 1e-9),
            "{shares:?}"
        );
        assert_eq!(track.shares(100, 0, 2), [0.0, 0.0]);
    }

    proptest! {
        #[test]
        fn a_coarser_track_adds_up_to_the_same(
            steps in prop::collection::vec((0..1000_u64, 0..1000_u64, 0..3_u32), 0..200),
            resolution in 0..5000_u64,
        ) {
            let mut track = Track::default();
            let mut time = 0;
            for (gap, length, subject) in steps {
                track.push(Record::new(Kind::Held, 0, subject, time + gap, time + gap + length));
                time += gap + length;
            }
            let sums = |track: &Track| {
                let of = |slice: &Record| (slice.busy, slice.count);
                track.slices().iter().map(of).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
            };
            let before = sums(&track);
            track.coarsen(resolution);
            prop_assert_eq!(sums(&track), before);
            for pair in track.slices().windows(2) {
                prop_assert!(pair[0].end <= pair[1].start);
                prop_assert!(pair[1].end - pair[0].start > resolution);
            }
            prop_assert!(track.slices().iter().all(|slice| slice.busy <= slice.end - slice.start));
        }
    }
}
