//! How far a sampled share may be from the truth: the spread of its batches.

use std::collections::HashMap;

/// With this many batches, neighbours are joined.
const MOST: usize = 40;
/// What the first ones cover, nanoseconds.
const FIRST: u64 = 20_000_000;

/// Times of several rows, batch by batch. Samples near each other are alike, so their number says
/// little; batches that are longer than what makes them alike are independent.
pub(super) struct Batches {
    width: u64,
    /// How much of the batch in the making is over, nanoseconds.
    filled: u64,
    /// Per batch: nanoseconds by row.
    all: Vec<HashMap<usize, u64>>,
}

impl Batches {
    pub(super) fn new() -> Self {
        Self {
            width: FIRST,
            filled: 0,
            all: vec![HashMap::new()],
        }
    }

    /// Adds to a row in the batch in the making.
    pub(super) fn add(&mut self, row: usize, nanoseconds: u64) {
        if let Some(batch) = self.all.last_mut() {
            *batch.entry(row).or_default() += nanoseconds;
        }
    }

    /// Lets time pass.
    pub(super) fn pass(&mut self, nanoseconds: u64) {
        self.filled += nanoseconds;
        if self.filled < self.width {
            return;
        }
        self.filled = 0;
        if self.all.len() == MOST {
            self.width *= 2;
            let pairs = std::mem::take(&mut self.all);
            let mut pairs = pairs.into_iter();
            while let (Some(mut one), Some(other)) = (pairs.next(), pairs.next()) {
                for (row, nanoseconds) in other {
                    *one.entry(row).or_default() += nanoseconds;
                }
                self.all.push(one);
            }
        }
        self.all.push(HashMap::new());
    }

    /// Half the width of the 95 % confidence interval of a row's share, by the method of batch means
    /// (Law and Carson, 1979), and at least what independent samples would have (Wald).
    pub(super) fn margin(&self, row: usize, samples: u64) -> f64 {
        if samples == 0 {
            return 1.0;
        }
        let whole = self.all.len() - 1; // the last one is not full
        let share = |batch: &HashMap<usize, u64>| {
            (batch.get(&row).copied().unwrap_or(0) as f64 / self.width as f64).min(1.0)
        };
        let shares: Vec<f64> = self.all[..whole].iter().map(share).collect();
        let count = shares.len() as f64;
        let mean = if shares.is_empty() {
            0.5
        } else {
            shares.iter().sum::<f64>() / count
        };
        let independent = 1.96 * (mean * (1.0 - mean) / samples as f64).sqrt();
        let between = if shares.len() < 2 {
            1.0
        } else {
            let square = |share: &f64| (share - mean).powi(2);
            let variance = shares.iter().map(square).sum::<f64>() / (count - 1.0);
            student(shares.len() - 1) * (variance / count).sqrt()
        };
        // Of what never was seen, three samples' worth may be there all the same.
        between.max(independent).max(3.0 / samples as f64).min(1.0)
    }
}

/// The 97.5 % quantile of Student's t, to 1 % (Hill's expansion, first two terms; exact for few).
fn student(freedom: usize) -> f64 {
    const Z: f64 = 1.959_964;
    match freedom {
        0 | 1 => 12.706,
        2 => 4.303,
        3 => 3.182,
        4 => 2.776,
        _ => {
            let n = freedom as f64;
            let (z3, z5) = (Z.powi(3), Z.powi(5));
            let first = (z3 + Z) / (4.0 * n);
            let second = (5.0 * z5 + 16.0 * z3 + 3.0 * Z) / (96.0 * n * n);
            Z + first + second
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shares of independent samples of a known probability, many times over.
    #[test]
    fn about_95_of_100_intervals_hold_the_truth() {
        const TRUTH: f64 = 0.3;
        let mut random = ungil_measure::statistics::SplitMix64::new(7);
        let mut held = 0;
        for _ in 0..400 {
            let mut batches = Batches::new();
            let mut hits = 0_u64;
            let samples = 1000_u64;
            for _ in 0..samples {
                if random.below(1000) < 300 {
                    hits += 1;
                    batches.add(0, 1_000_000);
                }
                batches.pass(1_000_000);
            }
            let share = hits as f64 / samples as f64;
            held += u32::from((share - TRUTH).abs() <= batches.margin(0, samples));
        }
        assert!((370..=400).contains(&held), "{held} of 400");
    }

    #[test]
    fn phases_of_a_program_widen_the_interval() {
        let mut batches = Batches::new();
        for at in 0..4000_u64 {
            if at / 400 % 2 == 0 {
                batches.add(0, 1_000_000);
            }
            batches.pass(1_000_000);
        }
        assert!(batches.margin(0, 4000) > 0.1);
    }

    #[test]
    fn batches_stay_few() {
        let mut batches = Batches::new();
        for _ in 0..100_000 {
            batches.pass(FIRST);
            batches.add(3, 1);
        }
        assert!(batches.all.len() <= MOST);
    }

    #[test]
    fn students_quantiles() {
        for (freedom, exact) in [(4, 2.776), (5, 2.571), (10, 2.228), (30, 2.042)] {
            assert!((student(freedom) - exact).abs() < 0.01 * exact, "{freedom}");
        }
    }
}
