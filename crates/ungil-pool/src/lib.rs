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
//! gate::Gate             the bound on accepted, unfinished tasks
//! backlog                what waits in either pool, by arrival or by priority
//! quiet                  threads that signals leave alone
//! os/                    memfd, futex, pidfd: the only place that knows the platform
//! ```

mod atomics;
mod backlog;
mod shm;

mod error;
mod exit;
pub mod gate;
mod generation;
mod os;
pub mod park;
pub mod process;
pub mod quiet;
pub mod thread;

pub use error::{Breakage, SubmitError};
pub use exit::{Crash, ExitStatus, TimedOut};
pub use generation::generation;
pub use os::{Held, SignalMask};
pub use shm::message::{Message, Times};
pub use shm::segment::MAX_WORKERS;
