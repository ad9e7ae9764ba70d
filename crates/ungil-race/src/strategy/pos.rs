//! Partial order sampling: random priorities of steps, drawn again for those that a step races with.
//!
//! Yuan, Yang, Gu: Partial Order Aware Concurrency Sampling, CAV 2018.

use super::{Choice, State, Strategy};
use crate::random::Random;
use crate::{ThreadId, Trace};

/// Chooses the step of the highest priority.
#[derive(Clone, Debug)]
pub struct Pos {
    random: Random,
    priority: Vec<Option<u64>>,
}

impl Pos {
    /// One that follows from the seed.
    pub fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            priority: Vec::new(),
        }
    }

    fn priority(&mut self, thread: ThreadId) -> u64 {
        let random = &mut self.random;
        *self.priority[thread].get_or_insert_with(|| random.next())
    }
}

impl Strategy for Pos {
    fn begin(&mut self) {
        self.priority.clear();
    }

    fn choose(&mut self, state: &State<'_>) -> Choice {
        self.priority.resize(state.threads.len(), None);
        let Some(chosen) = state
            .enabled
            .iter()
            .max_by_key(|thread| self.priority(*thread))
        else {
            return Choice::Prune;
        };
        let Some(step) = state.next(chosen) else {
            return Choice::Prune;
        };
        for thread in 0..state.threads.len() {
            let races = state.next(thread).is_some_and(|next| next.conflicts(step));
            if thread == chosen || races {
                self.priority[thread] = None;
            }
        }
        Choice::Run(chosen)
    }

    fn finish(&mut self, _trace: &Trace) -> bool {
        true
    }
}
