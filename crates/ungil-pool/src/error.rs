//! Why the engine refuses.

use std::sync::Arc;

use crate::shm::arena::NoSpace;

/// Why a task was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The pool has been shut down.
    #[error("cannot schedule new futures after shutdown")]
    Closed,
    /// The pool cannot run anything any more.
    #[error("{}", .0.reason)]
    Broken(Arc<Breakage>),
    /// The pool was made before a fork and this is the child.
    #[error("this executor belongs to the parent process: make a new one in the child")]
    Forked,
    /// The payload does not fit into the pool's shared memory.
    #[error(
        "a payload of {needed} bytes does not fit into the pool's shared memory ({left} bytes left): \
         pass the data in smaller pieces, or raise the address-space limit (ulimit -v)"
    )]
    TooLarge {
        /// Bytes needed.
        needed: usize,
        /// Bytes left in one piece.
        left: usize,
    },
    /// The machine has no thread for the pool.
    #[error(
        "the operating system refused a thread for the pool: {0}. End other programs, or raise the limit on \
         processes (ulimit -u) or on memory (ulimit -v)"
    )]
    Thread(std::io::Error),
    /// The machine has no memory for the payload.
    #[error("no shared memory for the payload: {0}")]
    Memory(std::io::Error),
}

impl From<NoSpace> for SubmitError {
    fn from(error: NoSpace) -> Self {
        match error {
            NoSpace::Region { needed, left } => Self::TooLarge { needed, left },
            NoSpace::Memory(error) => Self::Memory(error),
        }
    }
}

/// Why a pool is broken.
#[derive(Debug)]
pub struct Breakage {
    /// One sentence.
    pub reason: String,
    /// What the worker wrote about its failed set-up, in the caller's encoding.
    pub detail: Option<crate::Message>,
}
