//! Executor engine: queues, worker life cycle, shared-memory transport.
//!
//! It moves payloads, which are bytes and buffers, to worker processes and back, and keeps
//! the workers alive. It knows no Python: what a payload means, and how a process becomes a
//! worker, is the caller's.
//!
//! ```text
//! process::ProcessPool   the owner's side: submit, take back, close, kill, wait
//! process::Worker        the worker's side: poll, park, payload, reply
//! process::enter         what a fork server or a spawned worker runs first
//! process/               pump (results), supervisor (processes), lifecycle (seats)
//! shm/                   segment layout, ring, done list, idle bits, arenas  (README.md)
//! thread::WorkQueue      the queue of a thread pool
//! os/                    memfd, futex, pidfd: the only place that knows the platform
//! ```

mod atomics;
mod shm;

#[cfg(not(loom))]
mod error;
#[cfg(not(loom))]
mod exit;
#[cfg(not(loom))]
mod generation;
#[cfg(not(loom))]
mod os;
#[cfg(not(loom))]
pub mod park;
#[cfg(not(loom))]
pub mod process;
#[cfg(not(loom))]
pub mod thread;

#[cfg(not(loom))]
pub use error::{Breakage, SubmitError};
#[cfg(not(loom))]
pub use exit::{Crash, ExitStatus};
#[cfg(not(loom))]
pub use generation::generation;
#[cfg(not(loom))]
pub use shm::message::Message;
#[cfg(not(loom))]
pub use shm::segment::MAX_WORKERS;
