//! Bootstrap intervals: Efron and Tibshirani, "An Introduction to the Bootstrap" (1993).
//!
//! The percentile method (their chapter 13) rather than `BCa` (chapter 14): the acceleration of
//! `BCa` comes from the jackknife, which is inconsistent for the median.

use super::random::SplitMix64;
use super::sample::{Sample, quantile_of_sorted};
use crate::comparison::{AnalysisOptions, Interval};

/// Below this many samples there is no interval: resampling one or two values says nothing.
pub const MIN_SAMPLES: usize = 3;

/// Percentile interval of the median; `None` below [`MIN_SAMPLES`] samples.
///
/// With n samples it cannot reach beyond the least and the greatest of them, which enclose the true
/// median with probability 1 - 2^(1-n): 75 % for 3 runs, 94 % for 5, 99.8 % for 10.
pub fn median_interval(
    sample: &Sample,
    options: &AnalysisOptions,
    random: &mut SplitMix64,
) -> Option<Interval> {
    let enough = sample.values().len() >= MIN_SAMPLES;
    enough.then(|| {
        percentiles(
            resampled_medians(sample, options.resamples, random),
            options,
        )
    })
}

/// Percentile interval of the ratio of medians, numerator and denominator resampled independently;
/// `None` below [`MIN_SAMPLES`] samples on either side or with a denominator that reaches 0.
pub fn ratio_interval(
    numerator: &Sample,
    denominator: &Sample,
    options: &AnalysisOptions,
    random: &mut SplitMix64,
) -> Option<Interval> {
    let fewest = numerator.values().len().min(denominator.values().len());
    if fewest < MIN_SAMPLES || denominator.min() <= 0.0 {
        return None;
    }
    let above = resampled_medians(numerator, options.resamples, random);
    let below = resampled_medians(denominator, options.resamples, random);
    Some(percentiles(
        above.iter().zip(&below).map(|(a, b)| a / b).collect(),
        options,
    ))
}

fn resampled_medians(sample: &Sample, resamples: usize, random: &mut SplitMix64) -> Vec<f64> {
    let values = sample.values();
    let mut drawn = vec![0; values.len()];
    (0..resamples.max(1))
        .map(|_| {
            // Drawing indices and sorting those keeps the values themselves in order.
            for index in &mut drawn {
                *index = random.below(values.len());
            }
            drawn.sort_unstable();
            let middle = drawn.len() / 2;
            if drawn.len() % 2 == 1 {
                values[drawn[middle]]
            } else {
                f64::midpoint(values[drawn[middle - 1]], values[drawn[middle]])
            }
        })
        .collect()
}

fn percentiles(mut statistics: Vec<f64>, options: &AnalysisOptions) -> Interval {
    statistics.sort_by(f64::total_cmp);
    let tail = (1.0 - options.confidence.clamp(0.0, 1.0)) / 2.0;
    Interval {
        low: quantile_of_sorted(&statistics, tail),
        high: quantile_of_sorted(&statistics, 1.0 - tail),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)] // exact by construction
    use proptest::prelude::*;

    use super::*;

    fn sample(numbers: &[f64]) -> Sample {
        Sample::new(numbers.iter().copied()).expect("finite numbers")
    }

    /// Survival of the treated mice in Efron and Tibshirani (1993).
    const MICE: [f64; 7] = [94.0, 197.0, 16.0, 38.0, 99.0, 141.0, 23.0];

    /// The book gives the bootstrap standard error of the median of these mice for infinitely
    /// many resamples: 37.83.
    #[test]
    fn standard_error_of_the_mice_is_efrons() {
        let medians = resampled_medians(&sample(&MICE), 40_000, &mut SplitMix64::new(7));
        let mean = medians.iter().sum::<f64>() / medians.len() as f64;
        let variance = medians.iter().map(|m| (m - mean).powi(2)).sum::<f64>();
        let error = (variance / (medians.len() - 1) as f64).sqrt();
        assert!((error - 37.83).abs() < 0.5, "{error}");
    }

    /// The exact distribution of a bootstrap median of n = 2m - 1 values: it exceeds the k-th
    /// smallest with probability sum_{j<m} C(n, j) (k/n)^j (1 - k/n)^(n-j) (Efron, "The Jackknife,
    /// the Bootstrap and Other Resampling Plans", 1982).
    #[test]
    fn resampled_medians_follow_the_exact_distribution() {
        let mice = sample(&MICE);
        let medians = resampled_medians(&mice, 40_000, &mut SplitMix64::new(11));
        let choose = [1.0, 7.0, 21.0, 35.0];
        for k in 1..7_u32 {
            let share = f64::from(k) / 7.0;
            let exact: f64 = (0..4_i32)
                .map(|j| choose[j as usize] * share.powi(j) * (1.0 - share).powi(7 - j))
                .sum();
            let bound = mice.values()[k as usize - 1];
            let seen = medians.iter().filter(|m| **m > bound).count() as f64 / 40_000.0;
            assert!(
                (seen - exact).abs() < 0.0125,
                "k = {k}: {seen} against {exact}"
            );
        }
    }

    #[test]
    fn too_few_samples_have_no_interval() {
        let options = AnalysisOptions::default();
        let mut random = SplitMix64::new(1);
        let (two, three) = (sample(&[1.0, 2.0]), sample(&[1.0, 2.0, 3.0]));
        assert_eq!(median_interval(&two, &options, &mut random), None);
        assert_eq!(ratio_interval(&three, &two, &options, &mut random), None);
        assert!(median_interval(&three, &options, &mut random).is_some());
    }

    #[test]
    fn interval_covers_the_true_median_about_as_often_as_it_says() {
        let options = AnalysisOptions {
            resamples: 400,
            ..AnalysisOptions::default()
        };
        let mut random = SplitMix64::new(5);
        let trials = 600;
        let covered = (0..trials)
            .filter(|_| {
                let draws = sample(
                    &(0..15)
                        .map(|_| random.below(1001) as f64)
                        .collect::<Vec<_>>(),
                );
                let interval = median_interval(&draws, &options, &mut random).expect("15 draws");
                interval.low <= 500.0 && 500.0 <= interval.high
            })
            .count() as f64
            / f64::from(trials);
        assert!((0.90..=0.99).contains(&covered), "{covered}");
    }

    proptest! {
        #[test]
        fn interval_holds_the_median_and_stays_in_the_range(
            numbers in prop::collection::vec(0.1..1e3_f64, 3..20), seed: u64,
        ) {
            let s = sample(&numbers);
            let options = AnalysisOptions { resamples: 300, ..AnalysisOptions::default() };
            let i = median_interval(&s, &options, &mut SplitMix64::new(seed)).expect("3 or more");
            prop_assert!(s.min() <= i.low && i.low <= i.high && i.high <= s.max());
            prop_assert!(i.low <= s.median() && s.median() <= i.high);
        }

        #[test]
        fn ratio_of_a_sample_to_its_double_is_about_a_half(
            numbers in prop::collection::vec(1.0..2.0_f64, 5..20),
        ) {
            let single = sample(&numbers);
            let double = sample(&numbers.iter().map(|x| 2.0 * x).collect::<Vec<_>>());
            let options = AnalysisOptions::default();
            let i = ratio_interval(&single, &double, &options, &mut SplitMix64::new(3)).unwrap();
            prop_assert!(i.low <= 0.5 && 0.5 <= i.high);
        }
    }
}
