//! Outliers by modified Z-scores.

use super::Sample;

/// Distance from the median, in median absolute deviations, beyond which a value is an outlier:
/// ten standard deviations of a normal distribution, whose standard deviation is 1.4826 MAD. The
/// score is that of Iglewicz and Hoaglin, "How to Detect and Handle Outliers" (1993); the threshold
/// is hyperfine's, far higher than their 3.5, because run times have long tails by nature.
pub const OUTLIER_THRESHOLD: f64 = 14.826;

/// `(x - median) / MAD` of every value, in the order given; all 0 without a sample.
///
/// When more than half of the values are equal the MAD is 0; then the smallest distinguishable
/// step of the median takes its place, so that anything else stands out.
pub fn modified_z_scores(values: &[f64]) -> Vec<f64> {
    let Some(sample) = Sample::new(values.iter().copied()) else {
        return vec![0.0; values.len()];
    };
    let median = sample.median();
    let scale = sample
        .mad()
        .max(median.abs() * f64::EPSILON)
        .max(f64::MIN_POSITIVE);
    values.iter().map(|x| (x - median) / scale).collect()
}

/// Indices of the values whose modified Z-score exceeds [`OUTLIER_THRESHOLD`] either way.
pub fn outliers(values: &[f64]) -> Vec<usize> {
    let scores = modified_z_scores(values);
    (0..values.len())
        .filter(|i| scores[*i].abs() > OUTLIER_THRESHOLD)
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)] // exact by construction
    use proptest::prelude::*;

    use super::outliers;

    #[test]
    fn small_samples_have_none() {
        assert!(outliers(&[]).is_empty());
        assert!(outliers(&[50.0]).is_empty());
        assert!(outliers(&[1000.0, 0.0]).is_empty());
        assert!(outliers(&[0.9, 1.0, 1.1]).is_empty());
    }

    #[test]
    fn a_run_far_from_the_rest_is_one() {
        assert_eq!(outliers(&[0.30, 0.29, 0.55, 0.31, 0.30]), [2]);
        assert_eq!(outliers(&[2.0, 0.30, 0.29, 0.31, 0.30, -2.0]), [0, 5]);
    }

    #[test]
    fn equal_values_do_not_hide_it() {
        assert_eq!(outliers(&[10.0, 10.0, 10.0, 100.0]), [3]);
        assert!(outliers(&[0.0, 0.0, 0.0]).is_empty());
    }

    proptest! {
        #[test]
        fn at_most_half_are_outliers(values in prop::collection::vec(0.0..1e6_f64, 1..30)) {
            prop_assert!(outliers(&values).len() * 2 <= values.len());
        }

        #[test]
        fn scale_does_not_matter(values in prop::collection::vec(1.0..100.0_f64, 3..30)) {
            let scaled: Vec<f64> = values.iter().map(|x| x * 1024.0).collect();
            prop_assert_eq!(outliers(&values), outliers(&scaled));
        }
    }
}
