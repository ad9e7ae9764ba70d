//! The process pool: tasks in, results out, workers watched and replaced.
//!
//! ```text
//!   submit ─► pending ─► slots + ring ═══► worker claims, runs, writes the result
//!                ▲            (shared)                     │
//!              refill ◄── pump (takes done slots) ◄════════╛ done list, bell
//!                             │
//!   supervisor: starts, watches and reaps worker processes ─► lifecycle: lost tasks, replacements
//! ```

mod launch;
mod leader;
mod lifecycle;
mod policy;
mod pool;
mod pump;
mod server;
mod supervisor;
mod worker;

pub use launch::{Forker, Interpreter, MAX_DESCRIPTORS, StartMethod, WorkerSeat};
pub use policy::CrashPolicy;
pub use pool::{Ending, Options, Outcome, Place, ProcessPool, Task};
pub use server::{Child, Fork, Role, enter, name_this_process};
pub use supervisor::after_fork_in_child;
pub use worker::{Claimed, ReplyError, Worker};
