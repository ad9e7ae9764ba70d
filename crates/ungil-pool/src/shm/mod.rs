//! The shared segment: its layout, the queues in it, the memory for large payloads.
//!
//! The protocols are described in `README.md` beside this file.

pub(crate) mod bell;
pub(crate) mod done;
pub(crate) mod idle;
pub(crate) mod ring;
pub(crate) mod state;

pub(crate) mod arena;
pub(crate) mod block;
pub(crate) mod message;
pub(crate) mod segment;
