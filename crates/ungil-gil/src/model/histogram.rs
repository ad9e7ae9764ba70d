//! Durations by size, in buckets that grow with them.

use serde::{Deserialize, Serialize};

/// Buckets per doubling: a duration is known to 1/32 of itself.
const PER_OCTAVE: u64 = 16;

/// A histogram of durations in nanoseconds, exact in its maximum.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    max: u64,
}

/// A few figures of a histogram, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quantiles {
    /// Half of them are no longer than this.
    pub p50: u64,
    /// 99 of 100 are no longer than this.
    pub p99: u64,
    /// The longest.
    pub max: u64,
}

impl Histogram {
    /// Counts `times` durations of this length.
    pub fn add(&mut self, duration: u64, times: u64) {
        let bucket = bucket(duration);
        if self.buckets.len() <= bucket {
            self.buckets.resize(bucket + 1, 0);
        }
        self.buckets[bucket] += times;
        self.count += times;
        self.max = self.max.max(duration);
    }

    /// Counts another's.
    pub fn merge(&mut self, other: &Self) {
        if self.buckets.len() < other.buckets.len() {
            self.buckets.resize(other.buckets.len(), 0);
        }
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine += theirs;
        }
        self.count += other.count;
        self.max = self.max.max(other.max);
    }

    /// Median, 99th percentile (nearest rank) and maximum; zeros where nothing was counted.
    pub fn quantiles(&self) -> Quantiles {
        Quantiles {
            p50: self.at_rank(0.5),
            p99: self.at_rank(0.99),
            max: self.max,
        }
    }

    fn at_rank(&self, share: f64) -> u64 {
        let rank = ((self.count as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return middle(bucket).min(self.max);
            }
        }
        0
    }
}

fn bucket(duration: u64) -> usize {
    if duration < PER_OCTAVE {
        return duration as usize;
    }
    let octave = u64::from(duration.ilog2() - PER_OCTAVE.ilog2());
    ((octave + 1) * PER_OCTAVE + (duration >> octave) - PER_OCTAVE) as usize
}

fn middle(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < PER_OCTAVE {
        return bucket;
    }
    let octave = bucket / PER_OCTAVE - 1;
    let low = (bucket % PER_OCTAVE + PER_OCTAVE) << octave;
    low + (1 << octave) / 2
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn quantiles_are_close_to_those_of_the_durations_themselves(
            mut durations in prop::collection::vec(0..10_000_000_000_u64, 1..300)
        ) {
            let mut histogram = Histogram::default();
            for &duration in &durations {
                histogram.add(duration, 1);
            }
            durations.sort_unstable();
            let got = histogram.quantiles();
            prop_assert_eq!(got.max, *durations.last().unwrap());
            for (share, got) in [(0.5, got.p50), (0.99, got.p99)] {
                let rank = (durations.len() as f64 * share).ceil() as usize;
                let exact = durations[rank - 1] as f64;
                prop_assert!((got as f64 - exact).abs() <= exact / 16.0, "{got} for {exact}");
            }
        }
    }
}
