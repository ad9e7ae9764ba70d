//! Interleavings: what can be reordered, which orders to try, and what went wrong in one.
//!
//! ```text
//!  operation   what a thread is about to do, and with which others it conflicts
//!  trace       what was done in one run, in order
//!  order       happens-before: clocks, reversible races (for exploring), data races (for reporting)
//!  strategy/   who runs next: dpor, bounded, pct, random, pos, script   values behind one trait
//!  minimise    the same failure with the fewest context switches, by running again
//! ```
//!
//! It knows neither Python nor threads: whoever runs the program asks a [`Strategy`] at each
//! operation who goes on, keeps a [`Trace`], and hands it back at the end.

mod minimise;
mod operation;
mod order;
mod random;
mod set;
pub mod strategy;
mod trace;

pub use minimise::{Attempt, Minimised, minimise};
pub use operation::{Access, Kind, ObjectId, Operation, Part, ThreadId};
pub use order::{DataRace, data_races};
pub use set::{MAX_THREADS, ThreadSet};
pub use strategy::{Choice, State, Strategy, ThreadState};
pub use trace::{Event, Trace};
