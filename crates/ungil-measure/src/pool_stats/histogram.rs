//! Times by size: bounded memory, a stated error.

/// Buckets per doubling of the value.
const STEPS: u64 = 32;
/// Longer times count as this one, in nanoseconds: about a day.
const LONGEST: u64 = 1 << 47;
const BUCKETS: usize = 44 * STEPS as usize;

/// How many times of each size there were, in nanoseconds.
///
/// Log-linear buckets as `HdrHistogram` has them (Gil Tene, <https://hdrhistogram.github.io>): each
/// doubling is cut into 32 equal steps, so a quantile is within 1.6 % (half a step) of the true
/// one. 11 KB, whatever the number of times; the longest is kept exactly.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Box<[u64]>,
    count: u64,
    longest: u64,
}

/// What is shown of a histogram, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quantiles {
    /// The median.
    pub p50: f64,
    /// 95 of 100 were not longer.
    pub p95: f64,
    /// 99 of 100 were not longer.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: vec![0; BUCKETS].into(),
            count: 0,
            longest: 0,
        }
    }
}

impl Histogram {
    /// Counts one time.
    pub fn record(&mut self, nanoseconds: u64) {
        self.counts[bucket(nanoseconds)] += 1;
        self.count += 1;
        self.longest = self.longest.max(nanoseconds);
    }

    /// The time that a share of all was not longer than (nearest rank), in seconds; `None` when
    /// there were none.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let rank = ((share * self.count as f64).ceil() as u64).clamp(1, self.count.max(1));
        let mut seen = 0;
        let at = self.counts.iter().position(|count| {
            seen += count;
            seen >= rank
        })?;
        Some(middle(at).min(self.longest as f64) / 1e9)
    }

    /// The figures to show; `None` when there were no times.
    pub fn quantiles(&self) -> Option<Quantiles> {
        Some(Quantiles {
            p50: self.quantile(0.5)?,
            p95: self.quantile(0.95)?,
            p99: self.quantile(0.99)?,
            max: self.longest as f64 / 1e9,
        })
    }
}

fn bucket(value: u64) -> usize {
    let value = value.min(LONGEST - 1);
    // Up to two times STEPS a step is one nanosecond.
    let doublings = (value | STEPS).ilog2() - STEPS.ilog2();
    (u64::from(doublings) * STEPS + (value >> doublings)) as usize
}

/// The middle of a bucket's values.
fn middle(bucket: usize) -> f64 {
    let bucket = bucket as u64;
    let doublings = (bucket / STEPS).saturating_sub(1);
    let lowest = (bucket - doublings * STEPS) << doublings;
    lowest as f64 + ((1_u64 << doublings) - 1) as f64 / 2.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_quantile_is_within_its_error_of_the_true_one(
            times in prop::collection::vec((0_u32..40, 1.0..2.0_f64), 1..300), share in 0.0..=1.0_f64
        ) {
            let mut times: Vec<u64> = times
                .into_iter()
                .map(|(power, factor)| (factor * f64::from(power).exp2()) as u64)
                .collect();
            let mut histogram = Histogram::default();
            times.iter().for_each(|&time| histogram.record(time));
            times.sort_unstable();
            let rank = (share * times.len() as f64).ceil().max(1.0) as usize;
            let exact = times[rank - 1] as f64;
            let got = histogram.quantile(share).unwrap() * 1e9;
            prop_assert!((got - exact).abs() <= exact / 64.0 + 1e-3, "{got} for {exact}");
        }

        #[test]
        fn buckets_go_up_with_the_values(value in 0_u64..LONGEST * 2) {
            prop_assert!(bucket(value) <= bucket(value + 1));
            prop_assert!(bucket(value + 1) - bucket(value) <= 1);
        }
    }

    #[test]
    fn there_is_no_quantile_of_nothing() {
        assert_eq!(Histogram::default().quantiles(), None);
    }

    #[test]
    fn the_longest_is_exact_however_long() {
        let mut histogram = Histogram::default();
        histogram.record(u64::MAX);
        histogram.record(1_234_567);
        assert!((histogram.quantiles().unwrap().max - u64::MAX as f64 / 1e9).abs() < 1e-9);
        assert!(bucket(u64::MAX) < BUCKETS);
    }
}
