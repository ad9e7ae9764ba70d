//! Whether the kernel has killed for want of memory.

use std::sync::atomic::{AtomicU64, Ordering};

/// Remembers the machine's count of out-of-memory kills.
pub(crate) struct OomWatch(AtomicU64);

impl OomWatch {
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(kills()))
    }

    /// Whether the count has gone up since the last look.
    pub(crate) fn has_killed(&self) -> bool {
        let now = kills();
        self.0.swap(now, Ordering::Relaxed) < now
    }
}

/// `oom_kill` of `/proc/vmstat`: kills on this machine since it started; 0 where unknown.
fn kills() -> u64 {
    let text = std::fs::read_to_string("/proc/vmstat").unwrap_or_default();
    text.lines()
        .find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
        .unwrap_or(0)
}
