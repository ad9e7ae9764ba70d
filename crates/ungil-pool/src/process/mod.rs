//! The process pool: tasks in, results out, workers watched and replaced.
//!
//! ```text
//!   submit ─► pending ─► slots + ring ═══► worker claims, runs, writes the result
//!                ▲            (shared)                     │
//!              refill ◄── pump (takes done slots) ◄════════╛ done list, bell
//!                             │
//!   supervisor: starts, watches and reaps worker processes ─► lifecycle: lost tasks, replacements
//!
//!   window: a pool with priorities publishes little ahead      limit: stopping what runs too long
//! ```

mod book;
mod launch;
mod leader;
mod lifecycle;
mod limit;
mod policy;
mod pool;
mod publish;
mod pump;
mod records;
mod server;
mod shared;
mod supervisor;
mod task;
mod window;
mod worker;

pub use launch::{Forker, Interpreter, MAX_DESCRIPTORS, StartMethod, WorkerSeat};
pub use limit::{Terms, UNLIMITED};
pub use policy::CrashPolicy;
pub use pool::{Ending, Options, ProcessPool};
pub use records::WorkerRecord;
pub use server::{Child, Fork, Role, enter, name_this_process};
pub use supervisor::after_fork_in_child;
pub use task::{Outcome, Place, Task};
pub use worker::{Claimed, ReplyError, Worker};
