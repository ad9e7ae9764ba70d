//! Linux: `/proc`, `/sys` and control groups, version 1 and 2.
//!
//! Parsers are pure functions on text; [`System`] finds the files and reads them below a root
//! folder, `/` on a real machine and a made-up tree in tests. A file that does not exist or cannot
//! be parsed leaves its figure out of a description, and is an [`Error`] where it was asked for.

pub mod cgroup;
pub mod cpu;
pub mod process;
mod system;

pub use process::ThreadTime;
pub use system::{Limits, System};

use std::path::PathBuf;

/// Clock ticks per second in `/proc`: `USER_HZ` is 100 on every architecture that ungil runs on,
/// whatever the kernel's own tick is (`include/asm-generic/param.h`).
pub const TICKS_PER_SECOND: f64 = 100.0;

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is missing or may not be read.
    #[error(
        "{path} could not be read ({source}). Has the process ended, or is /proc not mounted \
         here?", path = path.display()
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file has another layout than Linux documents.
    #[error("{path} does not hold {what}. Please report this with the file's text.", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What was sought in it.
        what: &'static str,
    },
}
