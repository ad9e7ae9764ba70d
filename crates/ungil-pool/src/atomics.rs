//! The atomics of the shared-memory protocols; `tests/model` puts loom's in their place.

pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
