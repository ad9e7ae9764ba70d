//! Probabilistic concurrency testing: random priorities of threads, lowered at random steps.
//!
//! Burckhardt, Kothari, Musuvathi, Nagarakatti: A Randomized Scheduler with Probabilistic Guarantees of
//! Finding Bugs, ASPLOS 2010. A bug of depth d among n threads and k steps is found by one run with a
//! probability of at least 1 / (n k^(d-1)).

use super::{Choice, State, Strategy};
use crate::random::Random;
use crate::{Kind, Trace};

/// Runs the thread of the highest priority.
#[derive(Clone, Debug)]
pub struct Pct {
    random: Random,
    depth: usize,
    /// The longest run so far, in steps.
    longest: usize,
    priority: Vec<u64>,
    changes: Vec<usize>,
}

impl Pct {
    /// Looks for bugs that need `depth` orderings (1 or more); follows from the seed.
    pub fn new(depth: usize, seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            depth: depth.max(1),
            longest: 1,
            priority: Vec::new(),
            changes: Vec::new(),
        }
    }
}

impl Strategy for Pct {
    fn begin(&mut self) {
        self.priority.clear();
        self.changes = (1..self.depth)
            .map(|_| self.random.below(self.longest))
            .collect();
    }

    fn choose(&mut self, state: &State<'_>) -> Choice {
        while self.priority.len() < state.threads.len() {
            // Above all that a change point gives.
            let drawn = self.random.next() | 1 << 63;
            self.priority.push(drawn);
        }
        let step = state.trace.events.len();
        if let Some(current) = state.current() {
            if let Some(lowered) = self.changes.iter().position(|change| *change == step) {
                self.priority[current] = lowered as u64;
            } else if state
                .next(current)
                .is_some_and(|next| next.kind == Kind::Sleep)
            {
                // Who waits for others in a loop would otherwise run for ever.
                self.priority[current] = self
                    .priority
                    .iter()
                    .min()
                    .map_or(0, |low| low.saturating_sub(1));
            }
        }
        state
            .enabled
            .iter()
            .max_by_key(|thread| self.priority[*thread])
            .map_or(Choice::Prune, Choice::Run)
    }

    fn finish(&mut self, trace: &Trace) -> bool {
        self.longest = self.longest.max(trace.events.len());
        true
    }
}
