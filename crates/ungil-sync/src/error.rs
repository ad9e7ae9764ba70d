//! What can go wrong with shared memory, in sentences.

use std::io;

/// An object could not be made or found.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel refused memory or a descriptor.
    #[error(
        "cannot create shared memory of {bytes} bytes: {source}; close what is not needed or raise the limit"
    )]
    Create {
        /// Bytes asked for.
        bytes: u64,
        /// The kernel's answer.
        source: io::Error,
    },
    /// The bytes asked for are more than an object can have.
    #[error("{bytes} bytes are too many: the limit is {limit}")]
    TooLarge {
        /// Bytes asked for.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// An address leads nowhere: the processes that could show the memory have ended.
    #[error(
        "the object's memory cannot be found: process {pid}, which sent it, has ended or closed its descriptors. Keep that \
         process running until the receiver has the object, or hand the object over before it ends"
    )]
    Gone {
        /// The process named in the address.
        pid: u32,
    },
    /// An address leads to memory where the object no longer is.
    #[error(
        "the object no longer exists: its creator dropped it; keep a reference to it there while others use it"
    )]
    Dropped,
    /// The descriptor is not one of ours.
    #[error("descriptor {fd} is not shared memory of ungil.sync")]
    Foreign {
        /// The descriptor.
        fd: i32,
    },
    /// Bytes that were to be an address are none.
    #[error("this is not the address of an object of ungil.sync")]
    BadAddress,
}
