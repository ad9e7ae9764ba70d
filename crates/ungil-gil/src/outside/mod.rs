//! The GIL of a process seen from outside: nothing runs in it, nothing of it stops.
//!
//! ```text
//!  target    is it a Python, which, where are its GILs      sampler   looks again and again: who
//!     |                                                        |      holds them, who waits
//!  os::Image symbols of its files; os::read_memory_of       batches   how far off that may be
//!  attach    PEP 768: has the main thread of a 3.14 or newer run a script
//! ```
//!
//! What is read may change while it is read: every pointer may lead nowhere, every text may be
//! another one by then. So nothing is believed that does not look right, and all reading goes through
//! the kernel.

mod attach;
mod batches;
mod looking;
mod sampler;
mod target;

pub use attach::Attachment;
pub use looking::Looking;
pub use sampler::{SampleOptions, Sampler, Status};
pub use target::Target;
