//! Whether one sample tends to be greater than another: the rank-sum test of Wilcoxon and of Mann and Whitney.
//!
//! H. B. Mann and D. R. Whitney, "On a Test of Whether one of Two Random Variables is Stochastically Larger than the
//! Other", Annals of Mathematical Statistics 18 (1947). It knows nothing of how times are distributed, and one outlier
//! moves it little. For few numbers the distribution under no difference is counted out, with midranks for equal
//! numbers (B. Streitberg and J. Röhmel, "Exact distributions for permutation and rank tests", Statistical Software
//! Newsletter 12, 1986); for many it is the normal one, with corrections for continuity and ties (M. Hollander and
//! D. A. Wolfe, "Nonparametric Statistical Methods", 2nd edition 1999, section 4.1).

/// Up to so many numbers in all the distribution is counted out.
const EXACT: usize = 60;

/// The two-sided p-value: how likely a difference of ranks as great as this one, or greater, is if nothing differs but
/// the order in which the numbers came. 1 where a sample is empty or all numbers are equal.
pub fn rank_sum_p(a: &[f64], b: &[f64]) -> f64 {
    let count = a.len() + b.len();
    if a.is_empty() || b.is_empty() {
        return 1.0;
    }
    let ranks = doubled_midranks(a, b);
    let sum: u64 = ranks[..a.len()].iter().sum();
    // Twice the mean rank sum; `away` is the distance from it.
    let expected = (a.len() * (count + 1)) as u64;
    let away = sum.abs_diff(expected);
    if away == 0 {
        return 1.0;
    }
    if count <= EXACT {
        exact(&ranks, a.len(), expected, away)
    } else {
        approximate(&ranks, a.len(), away)
    }
}

/// The least p-value that samples of these sizes can have: that of samples which do not overlap.
pub fn least_rank_sum_p(a: usize, b: usize) -> f64 {
    let ways = (1..=b).fold(1.0, |ways, k| ways * (a + k) as f64 / k as f64);
    (2.0 / ways).min(1.0)
}

/// Twice the rank of each number among all of them, `a` first; equal numbers share the middle of theirs.
fn doubled_midranks(a: &[f64], b: &[f64]) -> Vec<u64> {
    let all: Vec<f64> = a.iter().chain(b).copied().collect();
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by(|&i, &j| all[i].total_cmp(&all[j]));
    let mut ranks = vec![0; all.len()];
    let mut begin = 0;
    while begin < order.len() {
        let value = all[order[begin]];
        let equal = order[begin..].iter().take_while(|&&at| all[at] <= value);
        let end = begin + equal.count();
        // The mean of begin + 1 ..= end, doubled.
        for &at in &order[begin..end] {
            ranks[at] = (begin + 1 + end) as u64;
        }
        begin = end;
    }
    ranks
}

/// Counts the ways to choose `chosen` of the ranks by their sum.
fn exact(ranks: &[u64], chosen: usize, expected: u64, away: u64) -> f64 {
    let greatest: usize = ranks.iter().sum::<u64>() as usize;
    let mut ways = vec![vec![0.0_f64; greatest + 1]; chosen + 1];
    ways[0][0] = 1.0;
    for (seen, &rank) in ranks.iter().enumerate() {
        let rank = rank as usize;
        for size in (1..=chosen.min(seen + 1)).rev() {
            let (fewer, more) = ways.split_at_mut(size);
            let from = &fewer[size - 1];
            for sum in rank..=greatest {
                more[0][sum] += from[sum - rank];
            }
        }
    }
    let all: f64 = ways[chosen].iter().sum();
    let far = ways[chosen].iter().enumerate();
    let far = far.filter(|(sum, _)| (*sum as u64).abs_diff(expected) >= away);
    far.map(|(_, ways)| ways).sum::<f64>() / all
}

fn approximate(ranks: &[u64], chosen: usize, away: u64) -> f64 {
    let count = ranks.len() as f64;
    let mean = count + 1.0;
    // Of drawing without replacement; ties are in the ranks already.
    let spread = ranks.iter().map(|&rank| (rank as f64 - mean).powi(2));
    let spread = spread.sum::<f64>() / (count - 1.0);
    let (a, b) = (chosen as f64, count - chosen as f64);
    let deviation = (spread * a * b / count).sqrt();
    if deviation <= 0.0 {
        return 1.0;
    }
    // Doubled ranks move in steps of 2: half a step is 1.
    let z = (away as f64 - 1.0).max(0.0) / deviation;
    two_tails(z)
}

/// Twice the upper tail of the normal distribution: Abramowitz and Stegun, "Handbook of Mathematical Functions" (1964),
/// 7.1.26; off by less than 1.5e-7.
fn two_tails(z: f64) -> f64 {
    let x = z / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let coefficients = [
        1.061_405_429,
        -1.453_152_027,
        1.421_413_741,
        -0.284_496_736,
        0.254_829_592,
    ];
    let polynomial = coefficients.iter().fold(0.0, |sum, c| (sum + c) * t);
    (polynomial * (-x * x).exp()).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `wilcox.test(c(0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46), c(1.15, 0.88, 0.90, 0.74, 1.21))` of
    /// R, the example of Hollander and Wolfe: W = 35, p = 0.2544.
    #[test]
    fn permeability_constants_of_hollander_and_wolfe() {
        let x = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46];
        let y = [1.15, 0.88, 0.90, 0.74, 1.21];
        let p = rank_sum_p(&x, &y);
        assert!((p - 0.254_412_254_412).abs() < 1e-9, "{p}");
    }

    #[test]
    fn samples_apart_have_the_least_p_value() {
        let (low, high) = ([1.0, 2.0, 3.0, 4.0, 5.0], [6.0, 7.0, 8.0, 9.0, 10.0]);
        let p = rank_sum_p(&low, &high);
        assert!((p - 2.0 / 252.0).abs() < 1e-12, "{p}");
        assert!((p - least_rank_sum_p(5, 5)).abs() < 1e-12);
    }

    #[test]
    fn equal_numbers_tell_nothing() {
        assert!((rank_sum_p(&[1.0; 4], &[1.0; 5]) - 1.0).abs() < 1e-12);
        assert!((rank_sum_p(&[], &[1.0]) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn tails_of_the_normal_distribution() {
        for (z, p) in [
            (0.0, 1.0),
            (1.0, 0.317_310_5),
            (1.959_964, 0.05),
            (3.0, 0.002_699_8),
        ] {
            assert!((two_tails(z) - p).abs() < 1e-6, "{z}");
        }
    }

    /// Every way to choose the first sample, one by one.
    fn counted(a: &[f64], b: &[f64]) -> f64 {
        let ranks = doubled_midranks(a, b);
        let expected = (a.len() * (ranks.len() + 1)) as u64;
        let observed = ranks[..a.len()].iter().sum::<u64>().abs_diff(expected);
        let (mut all, mut far) = (0_u32, 0_u32);
        for choice in 0_u32..1 << ranks.len() {
            if choice.count_ones() as usize == a.len() {
                let chosen = (0..ranks.len()).filter(|at| choice >> at & 1 == 1);
                let sum: u64 = chosen.map(|at| ranks[at]).sum();
                all += 1;
                far += u32::from(sum.abs_diff(expected) >= observed);
            }
        }
        f64::from(far) / f64::from(all)
    }

    proptest! {
        #[test]
        fn counting_by_sums_is_counting_one_by_one(
            a in prop::collection::vec(0..6_u8, 1..7), b in prop::collection::vec(0..6_u8, 1..7),
        ) {
            let numbers = |sample: &[u8]| sample.iter().map(|n| f64::from(*n)).collect::<Vec<_>>();
            let (a, b) = (numbers(&a), numbers(&b));
            prop_assert!((rank_sum_p(&a, &b) - counted(&a, &b)).abs() < 1e-9);
        }

        #[test]
        fn many_numbers_are_approximated_well(shift in 0.0..0.6_f64, seed: u64) {
            let mut random = crate::statistics::SplitMix64::new(seed);
            let mut draw = |shift: f64| (0..28).map(|_| shift + random.below(1000) as f64 / 1000.0).collect::<Vec<_>>();
            let (a, b) = (draw(0.0), draw(shift));
            let ranks = doubled_midranks(&a, &b);
            let away = ranks[..28].iter().sum::<u64>().abs_diff(28 * 57);
            let difference = (rank_sum_p(&a, &b) - approximate(&ranks, 28, away)).abs();
            prop_assert!(difference < 0.01, "{difference}");
        }
    }
}
