//! Many tests at once.

/// Adjusts p-values of many tests for the false discovery rate: of those at or below a level, no greater share than the
/// level is expected to be chance. Y. Benjamini and Y. Hochberg, "Controlling the False Discovery Rate", Journal of the
/// Royal Statistical Society B 57 (1995); for tests that are independent or depend positively.
pub fn adjusted_for_discoveries(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&i, &j| p[j].total_cmp(&p[i]));
    let mut adjusted = vec![1.0; p.len()];
    let mut least: f64 = 1.0;
    for (at, &test) in order.iter().enumerate() {
        let rank = p.len() - at;
        least = least.min(p[test] * p.len() as f64 / rank as f64);
        adjusted[test] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::adjusted_for_discoveries;

    /// `p.adjust(c(0.01, 0.02, 0.03, 0.5, 0.04), "BH")` of R.
    #[test]
    fn as_rs_p_adjust() {
        let adjusted = adjusted_for_discoveries(&[0.01, 0.02, 0.03, 0.5, 0.04]);
        for (found, expected) in adjusted.iter().zip([0.05, 0.05, 0.05, 0.5, 0.05]) {
            assert!((found - expected).abs() < 1e-12, "{adjusted:?}");
        }
        assert_eq!(adjusted_for_discoveries(&[]), Vec::<f64>::new());
    }
}
