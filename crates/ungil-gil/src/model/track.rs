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
