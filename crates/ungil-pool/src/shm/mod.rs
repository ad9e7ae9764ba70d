//! The shared segment: its layout, the queues in it, the memory for large payloads.
//!
//! The protocols are described in `README.md` beside this file.

pub(crate) mod done;
pub(crate) mod idle;
pub(crate) mod ring;
pub(crate) mod state;

#[cfg(not(loom))]
pub(crate) mod arena;
#[cfg(not(loom))]
pub(crate) mod block;
#[cfg(not(loom))]
pub(crate) mod message;
#[cfg(not(loom))]
pub(crate) mod segment;
