//! Locks with owners, on futexes in shared memory: between threads and between processes alike.
//! Knows no Python.
//!
//! ```text
//!  mutex  condition  semaphore  event  barrier  ring        the algorithms: README.md proves them, tests/model checks them
//!     \________\_________|________|_______|______/
//!                        |
//!            word (atomic + futex)   wait (deadline, signals, deaths)   identity (who owns)
//!                        |                     |
//!        handle -> registry -> segment      patience -> thread (/proc), detect (circles of waiting threads)
//! ```
//! The algorithms take their surroundings as a [`wait::Wait`], so that the model checker can put
//! its own in.

#![deny(unsafe_code)]

pub mod barrier;
pub mod cells;
pub mod condition;
mod detect;
mod error;
pub mod event;
mod fork;
pub mod handle;
pub mod identity;
pub mod lock;
pub mod mutex;
pub mod patience;
mod registry;
pub mod ring;
mod ring_memory;
mod segment;
pub mod semaphore;
pub mod spin;
pub mod thread;
pub mod turnstile;
pub mod wait;
pub mod word;

pub use error::Error;
pub use registry::{arena_descriptor, attach_descriptor};
pub use ring_memory::LARGEST_RING;
pub use segment::Origin;
