//! Statistics of small samples: order statistics, the bootstrap, outliers.
//!
//! `statrs` has quantiles too, but of another type (Hyndman and Fan's 8); the tools that readers
//! check figures with (R, `NumPy`, Excel) default to type 7, and so do we.

mod bootstrap;
mod outliers;
mod random;
mod sample;

pub use bootstrap::{MIN_SAMPLES, median_interval, ratio_interval};
pub use outliers::{OUTLIER_THRESHOLD, modified_z_scores, outliers};
pub use random::SplitMix64;
pub use sample::Sample;
