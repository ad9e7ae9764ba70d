//! Which process this is, counted in forks.
//!
//! A forked child inherits the mappings of its parent's pools, and with them the power to
//! spoil them. Whatever writes to a segment remembers the generation that opened it.

use std::sync::atomic::{AtomicU64, Ordering};

static GENERATION: AtomicU64 = AtomicU64::new(0);

/// The number of forks between the first process and this one.
#[must_use]
pub fn generation() -> u64 {
    GENERATION.load(Ordering::Relaxed)
}

/// This is a fresh child.
pub(crate) fn advance() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}
