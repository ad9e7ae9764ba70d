//! How a worker process ended.

use std::fmt;
use std::time::Duration;

/// The end of a process as the kernel reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// It exited with this code.
    Code(i32),
    /// This signal killed it.
    Signal(i32),
    /// Its fork server died, and the kernel killed it for that.
    WithServer,
    /// Somebody else reaped it, so its status is lost.
    Unknown,
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exited with code {code}"),
            Self::Signal(signal) => match signal_name(*signal) {
                Some(name) => write!(f, "was killed by {name}"),
                None => write!(f, "was killed by signal {signal}"),
            },
            Self::WithServer => f.write_str("was killed because its fork server had died"),
            Self::Unknown => f.write_str("ended (its exit status was taken by another wait)"),
        }
    }
}

/// The name of a standard signal on Linux (signal(7)).
fn signal_name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        31 => "SIGSYS",
        _ => return None,
    })
}

/// A worker that died while it was running a task, or while it was starting.
#[derive(Clone, Debug)]
pub struct Crash {
    /// The process id it had.
    pub pid: u32,
    /// How it ended.
    pub status: ExitStatus,
    /// Whether the pool killed it on purpose (a shutdown that does not wait).
    pub deliberate: bool,
    /// Whether it ends the whole pool.
    pub breaks: bool,
    /// How often the task was run; more than once only where it was to be retried.
    pub runs: u32,
}

/// A task that ran longer than it was allowed to, and was stopped.
#[derive(Clone, Debug)]
pub struct TimedOut {
    /// The process id of the worker that was killed for it.
    pub pid: u32,
    /// How long it was allowed to run.
    pub limit: Duration,
}
