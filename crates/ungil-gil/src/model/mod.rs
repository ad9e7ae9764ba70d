//! What the records add up to. Pure: it knows neither threads nor clocks, only numbers.
//!
//! ```text
//!  Record (one hold, one wait) -> Builder  adds up; keeps slices, fewer and coarser ones as they grow many
//!                                    -> Report  shares, quantiles, functions, pairs, slices
//!                                         -> verdict  a table of rules
//! ```

mod builder;
mod counts;
mod histogram;
mod record;
mod report;
mod track;
mod verdict;
pub mod wire;

pub use builder::Builder;
pub use counts::Counts;
pub use histogram::{Histogram, Quantiles};
pub use record::{Kind, MERGED, NO_FUNCTION, Record};
pub use report::{
    Function, FunctionShare, GilShare, Losses, Margins, Method, Pair, Report, Sampling, Thread,
    Timeline,
};
pub use track::Track;
pub use verdict::{Verdict, decide};
