//! Statistics of small samples: order statistics, the bootstrap, outliers.
//!
//! `statrs` has quantiles too, but of another type (Hyndman and Fan's 8); the tools that readers
//! check figures with (R, `NumPy`, Excel) default to type 7, and so do we.

mod bootstrap;
mod discoveries;
mod outliers;
mod random;
mod rank_sum;
mod sample;

pub use bootstrap::{MIN_SAMPLES, median_interval, ratio_interval};
pub use discoveries::adjusted_for_discoveries;
pub use outliers::{OUTLIER_THRESHOLD, modified_z_scores, outliers};
pub use random::SplitMix64;
pub use rank_sum::{least_rank_sum_p, rank_sum_p};
pub use sample::Sample;
