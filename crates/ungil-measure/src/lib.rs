//! What `ungil compare` and a pool's `stats()` measure with: readers of `/proc`,
//! statistics, scaling laws, verdicts.
//!
//! ```text
//!  os::linux      -> memory, CPU time, limits, disturbances        reads files
//!  comparison     -> the nouns: RawComparison in, Comparison out   plain data
//!  analyse        -> statistics   medians, intervals, outliers     pure from here on
//!                    scaling      Amdahl's law, Gunther's law
//!                    warning      what may make figures worth less
//!                    verdict      what to use, and why
//!  change         -> what differs between two comparisons, and how sure that is
//!  doctor         -> what the machine and its Python can do, what to do about the rest
//!  pool_stats     -> a pool's tasks, latencies, workers: counted in bounded memory
//!  units          -> figures as people read them
//! ```
//!
//! It does not know Python, executors or terminals: the orchestrator takes the samples and calls
//! [`analyse()`], `ungil-report` shows the result. Apart from `os`, nothing here does I/O, reads a
//! clock or draws a random number that does not follow from a seed.
#![forbid(unsafe_code)]

mod analyse;
pub mod change;
pub mod comparison;
pub mod doctor;
pub mod os;
pub mod pool_stats;
pub mod scaling;
pub mod statistics;
pub mod units;
pub mod verdict;
pub mod warning;

pub use analyse::analyse;
pub use comparison::{AnalysisOptions, Comparison, RawComparison};
