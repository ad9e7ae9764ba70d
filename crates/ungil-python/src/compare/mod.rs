//! `ungil compare`: every kind of workers and every number of them on the same work.
//!
//! ```text
//! request   what is wanted, checked
//! baseline  an earlier comparison, whose sizes are kept, and what has changed since
//! session   calibrate -> scale -> rounds -> analyse: the story
//!   calibrate  how long a task takes, what it costs to pickle and to start workers
//!   scale      sizes that fit the budget
//!   plan       cells and the order of their runs
//!   visit      one timed run of one cell on a fresh pool
//! result    the Python object `Comparison`
//! ```

mod baseline;
mod calibrate;
mod cell;
mod function;
mod growth;
mod listener;
mod loads;
mod obstacle;
mod plan;
mod request;
mod result;
mod scale;
mod session;
mod transport;
mod visit;

pub(crate) use baseline::Baseline;
pub(crate) use function::compare;
pub(crate) use listener::Listener;
pub(crate) use request::{Request, Wishes};
pub(crate) use result::Comparison;
pub(crate) use session::{execute, python};
