//! What was done in one run.

use crate::{Operation, ThreadId, ThreadSet, ThreadState};

/// One step of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Whose.
    pub thread: ThreadId,
    /// What.
    pub operation: Operation,
    /// Whether those who wait for its first object could not go on just before it: always so at an
    /// unlock and a thread's end. What waited for the object cannot have come right before such a step.
    pub closed: bool,
}

/// The steps of one run, in order, and what was left.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// The steps.
    pub events: Vec<Event>,
    /// For each thread the step (of its parent) in which it was started; `None` for the first one.
    pub started_in: Vec<Option<usize>>,
    /// What threads that were kept waiting to the end were about to do.
    pub left: Vec<(ThreadId, Operation)>,
}

impl Trace {
    /// Forgets everything, but keeps the memory.
    pub fn clear(&mut self) {
        self.events.clear();
        self.started_in.clear();
        self.left.clear();
    }

    /// Notes, at the end of a run (also of one that was pruned), what those who could not go on wait to do.
    pub fn end(&mut self, threads: &[ThreadState], enabled: ThreadSet) {
        let waiting = threads
            .iter()
            .enumerate()
            .filter(|(thread, _)| !enabled.contains(*thread));
        self.left = waiting
            .filter_map(|(thread, state)| Some((thread, state.next.clone()?)))
            .collect();
    }

    /// Who ran, step by step.
    pub fn threads(&self) -> impl Iterator<Item = ThreadId> {
        self.events.iter().map(|event| event.thread)
    }

    /// How often another thread went on than the one that had run.
    pub fn switches(&self) -> usize {
        self.events
            .windows(2)
            .filter(|two| two[0].thread != two[1].thread)
            .count()
    }
}
