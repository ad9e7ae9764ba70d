//! Clocks, `/proc` readers, statistics, scaling laws, verdicts. Pure.
#![forbid(unsafe_code)]

pub mod comparison;
pub mod os;
pub mod scaling;
pub mod statistics;
pub mod verdict;
pub mod warning;

pub use comparison::{AnalysisOptions, Comparison, RawComparison};

/// Derives every figure, fit, warning and verdict from the samples.
///
/// Deterministic: the same samples and options give the same result.
pub fn analyse(_raw: RawComparison, _options: &AnalysisOptions) -> Comparison {
    unimplemented!("follows in the next commits")
}
