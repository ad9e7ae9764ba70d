//! All schedules with at most so many preemptions, in depth-first order.
//!
//! Musuvathi, Qadeer: Iterative Context Bounding for Systematic Testing of Multithreaded Programs, PLDI
//! 2007. A preemption takes the turn from a thread that could go on.

use super::{Choice, State, Strategy};
use crate::{ThreadId, ThreadSet, Trace};

#[derive(Clone, Debug)]
struct Node {
    chosen: ThreadId,
    enabled: ThreadSet,
    left: ThreadSet,
    preemptions: usize,
}

/// Explores all schedules of at most `bound` preemptions.
#[derive(Clone, Debug)]
pub struct Bounded {
    bound: usize,
    path: Vec<Node>,
    exhausted: bool,
}

impl Bounded {
    /// Nothing explored yet.
    pub fn new(bound: usize) -> Self {
        Self {
            bound,
            path: Vec::new(),
            exhausted: false,
        }
    }

    /// Whether all schedules within the bound have been run.
    pub fn is_exhausted(&self) -> bool {
        self.exhausted
    }

    fn open(&mut self, state: &State<'_>) -> Choice {
        let Some(chosen) = state.steady(state.enabled) else {
            return Choice::Prune;
        };
        let so_far = self.path.last().map_or(0, |node| node.preemptions);
        let preempts = state.current() == Some(chosen);
        let mut left = state.enabled;
        left.remove(chosen);
        if preempts && so_far >= self.bound {
            left = ThreadSet::EMPTY;
        }
        self.path.push(Node {
            chosen,
            enabled: state.enabled,
            left,
            preemptions: so_far,
        });
        Choice::Run(chosen)
    }
}

impl Strategy for Bounded {
    fn choose(&mut self, state: &State<'_>) -> Choice {
        match self.path.get(state.trace.events.len()) {
            None => self.open(state),
            Some(node) => match state.compare(node.enabled) {
                Ok(()) => Choice::Run(node.chosen),
                Err(choice) => choice,
            },
        }
    }

    fn finish(&mut self, _trace: &Trace) -> bool {
        while let Some(mut node) = self.path.pop() {
            if let Some(next) = node.left.first() {
                node.left.remove(next);
                let before = self.path.last();
                let current = before.map(|node| node.chosen);
                let preempts = current
                    .is_some_and(|current| node.enabled.contains(current) && current != next);
                node.preemptions =
                    before.map_or(0, |node| node.preemptions) + usize::from(preempts);
                node.chosen = next;
                self.path.push(node);
                return true;
            }
        }
        self.exhausted = true;
        false
    }
}
