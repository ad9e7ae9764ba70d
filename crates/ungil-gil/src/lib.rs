//! See the GIL of the running interpreter: who holds it, who waits for it, and for whom.
//!
//! ```text
//!  tracer   a trace: begins, collects, ends in a report      meter   sums only, always on
//!     \                                                       /
//!      hook/    two functions in the interpreter's import slots; a log per thread
//!      layout/  where each version of `CPython` keeps what they read
//!      os/      import slots, memory, threads
//!  outside/ another process, whose memory is read: a sampler
//!  model/   records -> sums, slices, verdict: pure
//! ```
//!
//! It knows `CPython`'s memory layouts and none of its functions but `PyThreadState_Get`; it has
//! never heard of `PyO3`. README.md has the protocol of the hooks and why it is sound.

mod collector;
mod error;
mod hook;
mod layout;
pub mod meter;
pub mod model;
mod os;
pub mod outside;
mod tracer;

pub use error::{Error, Result};
pub use model::Report;
pub use tracer::{Options, Tracer, check, name_thread};
