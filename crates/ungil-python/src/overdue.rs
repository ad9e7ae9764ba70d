//! Which task has been running for too long.
//!
//! Pools do not say when they start a task, but they start tasks in the order of submission: of the
//! first `workers` every one starts at once, and each result lets the next one start. So task `k`
//! starts when `k + 1 - workers` others have ended.

use std::time::{Duration, Instant};

use crate::batch::duration;

/// The running tasks of a batch and since when they run.
pub(crate) struct Overdue {
    limit: Option<Duration>,
    tasks: usize,
    /// Started and not ended, with their beginnings, oldest first.
    running: Vec<(usize, Instant)>,
    started: usize,
}

impl Overdue {
    /// A batch whose first tasks start now.
    pub(crate) fn new(workers: usize, tasks: usize, limit_s: Option<f64>) -> Self {
        let mut overdue = Self {
            limit: limit_s.map(duration),
            tasks,
            running: Vec::new(),
            started: 0,
        };
        if limit_s.is_some() {
            let now = Instant::now();
            for _ in 0..workers {
                overdue.start_next(now);
            }
        }
        overdue
    }

    /// A task has ended and lets the next one start.
    pub(crate) fn finished(&mut self, task: usize, now: Instant) {
        if self.limit.is_some() {
            self.running.retain(|&(running, _)| running != task);
            self.start_next(now);
        }
    }

    /// When the oldest running task will have run for too long.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.running.first()?.1.checked_add(self.limit?)
    }

    /// A task that has run for too long.
    pub(crate) fn task(&self, now: Instant) -> Option<usize> {
        let &(task, since) = self.running.first()?;
        (now.duration_since(since) >= self.limit?).then_some(task)
    }

    fn start_next(&mut self, now: Instant) {
        if self.started < self.tasks {
            self.running.push((self.started, now));
            self.started += 1;
        }
    }
}
