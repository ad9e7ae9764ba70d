//! The two laws, and what a fit of one says.

use serde::{Deserialize, Serialize};

/// A law fitted to a curve, or the reason why it was not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Fit<Law> {
    /// The law and how well it describes the curve.
    Fitted {
        /// Its parameters.
        law: Law,
        /// Its quality.
        quality: Quality,
    },
    /// No fit.
    Refused {
        /// Why, as one sentence.
        reason: String,
    },
}

/// How well a law describes a curve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// Root of the mean squared residual, in units of speed-up.
    pub rmse: f64,
    /// Share of the variance explained; `None` on a curve without variance.
    pub r_squared: Option<f64>,
    /// Every point with the law's prediction.
    pub points: Vec<Point>,
}

/// A measured point beside the law's prediction.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Worker count.
    pub workers: usize,
    /// Measured speed-up.
    pub observed: f64,
    /// The law's speed-up.
    pub predicted: f64,
}

/// Amdahl's law, `S(N) = unit / (s + (1 - s) / N)`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Amdahl {
    /// `s`: the share of the work that cannot be divided, in [0, 1].
    pub serial_fraction: f64,
    /// `unit`: the speed-up of one worker; below 1 it is the pool's overhead.
    pub unit: f64,
    /// `unit / s`: what no number of workers can exceed; `None` when `s` is 0.
    pub limit: Option<f64>,
}

/// Gunther's law, `S(N) = unit N / (1 + sigma (N - 1) + kappa N (N - 1))`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Usl {
    /// `sigma`: waiting for what is shared, in [0, 1].
    pub contention: f64,
    /// `kappa`: keeping what is shared coherent, at least 0.
    pub coherency: f64,
    /// `unit`: the speed-up of one worker; below 1 it is the pool's overhead.
    pub unit: f64,
    /// `sqrt((1 - sigma) / kappa)`: beyond it more workers slow the work down; `None` when there is
    /// no such point.
    pub peak_workers: Option<f64>,
}

impl Amdahl {
    /// The speed-up that the law gives this number of workers.
    pub fn speedup(&self, workers: f64) -> f64 {
        self.unit * relative(workers, self.serial_fraction, 0.0)
    }
}

impl Usl {
    /// The speed-up that the law gives this number of workers.
    pub fn speedup(&self, workers: f64) -> f64 {
        self.unit * relative(workers, self.contention, self.coherency)
    }
}

/// Gunther's law with a `unit` of 1: the speed-up relative to one worker.
pub(super) fn relative(workers: f64, contention: f64, coherency: f64) -> f64 {
    let others = workers - 1.0;
    workers / (1.0 + contention * others + coherency * workers * others)
}
