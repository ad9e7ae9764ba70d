//! A sorted, non-empty sample of finite numbers.

/// Finite numbers in increasing order, at least one.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample(Vec<f64>);

impl Sample {
    /// Sorts the numbers. `None` when there are none, or when one of them is not finite.
    pub fn new(numbers: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = numbers.into_iter().collect();
        if sorted.is_empty() || sorted.iter().any(|x| !x.is_finite()) {
            return None;
        }
        sorted.sort_by(f64::total_cmp);
        Some(Self(sorted))
    }

    /// The numbers in increasing order.
    pub fn values(&self) -> &[f64] {
        &self.0
    }

    /// The quantile of `probability` in [0, 1], linear between order statistics: type 7 of Hyndman
    /// and Fan, "Sample Quantiles in Statistical Packages", The American Statistician 50 (1996).
    ///
    /// With `h = (n - 1) p`, it is `x[floor h] + (h - floor h) (x[floor h + 1] - x[floor h])`.
    pub fn quantile(&self, probability: f64) -> f64 {
        quantile_of_sorted(&self.0, probability)
    }

    /// The quantile of one half.
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// The least number.
    pub fn min(&self) -> f64 {
        self.0[0]
    }

    /// The greatest number.
    pub fn max(&self) -> f64 {
        self.0[self.0.len() - 1]
    }

    /// Third quartile minus first.
    pub fn iqr(&self) -> f64 {
        self.quantile(0.75) - self.quantile(0.25)
    }

    /// Median absolute deviation from the median, not scaled to a standard deviation.
    pub fn mad(&self) -> f64 {
        let median = self.median();
        let mut deviations: Vec<f64> = self.0.iter().map(|x| (x - median).abs()).collect();
        deviations.sort_by(f64::total_cmp);
        quantile_of_sorted(&deviations, 0.5)
    }
}

pub(super) fn quantile_of_sorted(sorted: &[f64], probability: f64) -> f64 {
    let position = (sorted.len() - 1) as f64 * probability.clamp(0.0, 1.0);
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (position - below as f64) * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)] // exact by construction
    use proptest::prelude::*;

    use super::Sample;

    fn sample(numbers: &[f64]) -> Sample {
        Sample::new(numbers.iter().copied()).expect("finite numbers")
    }

    /// `numpy.quantile([1, 2, 4, 8, 16], ...)`: its default is type 7, as R's is.
    #[test]
    fn quantiles_are_r_type_7() {
        let s = sample(&[16.0, 1.0, 4.0, 2.0, 8.0]);
        for (probability, expected) in [
            (0.0, 1.0),
            (0.1, 1.4),
            (0.25, 2.0),
            (0.5, 4.0),
            (0.9, 12.8),
            (0.95, 14.4),
            (1.0, 16.0),
        ] {
            assert!(
                (s.quantile(probability) - expected).abs() < 1e-12,
                "{probability}"
            );
        }
    }

    /// The help page of R's `mad`: `mad(c(1:9))` is 2.965204, that is 2 times 1.4826.
    #[test]
    fn mad_is_unscaled() {
        assert_eq!(
            sample(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]).mad(),
            2.0
        );
    }

    #[test]
    fn nothing_and_not_a_number_make_no_sample() {
        assert_eq!(Sample::new([]), None);
        assert_eq!(Sample::new([1.0, f64::NAN]), None);
        assert_eq!(Sample::new([f64::INFINITY]), None);
    }

    proptest! {
        #[test]
        fn quantiles_rise_within_the_range(
            numbers in prop::collection::vec(-1e9..1e9_f64, 1..40),
            a in 0.0..=1.0_f64,
            b in 0.0..=1.0_f64,
        ) {
            let s = sample(&numbers);
            let (low, high) = (s.quantile(a.min(b)), s.quantile(a.max(b)));
            prop_assert!(s.min() <= low && low <= high && high <= s.max());
        }

        #[test]
        fn half_of_the_numbers_lie_on_each_side_of_the_median(
            numbers in prop::collection::vec(-1e3..1e3_f64, 1..40),
        ) {
            let median = sample(&numbers).median();
            let below = numbers.iter().filter(|x| **x < median).count();
            let above = numbers.iter().filter(|x| **x > median).count();
            prop_assert!(below * 2 <= numbers.len() && above * 2 <= numbers.len());
        }

        #[test]
        fn spread_ignores_location_and_follows_scale(
            numbers in prop::collection::vec(-1e3..1e3_f64, 1..40),
            shift in -1e3..1e3_f64,
        ) {
            let s = sample(&numbers);
            let t = sample(&numbers.iter().map(|x| 2.0 * x + shift).collect::<Vec<_>>());
            prop_assert!((t.mad() - 2.0 * s.mad()).abs() < 1e-9);
            prop_assert!((t.iqr() - 2.0 * s.iqr()).abs() < 1e-9);
        }
    }
}
