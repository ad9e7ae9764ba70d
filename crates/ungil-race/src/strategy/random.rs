//! A random walk: at each step any of those that can go on.

use super::{Choice, State, Strategy};
use crate::Trace;
use crate::random::Random;

/// Chooses uniformly among the threads that can go on.
#[derive(Clone, Debug)]
pub struct RandomWalk(Random);

impl RandomWalk {
    /// One that follows from the seed.
    pub fn new(seed: u64) -> Self {
        Self(Random::new(seed))
    }
}

impl Strategy for RandomWalk {
    fn choose(&mut self, state: &State<'_>) -> Choice {
        let at = self.0.below(state.enabled.len());
        state
            .enabled
            .iter()
            .nth(at)
            .map_or(Choice::Prune, Choice::Run)
    }

    fn finish(&mut self, _trace: &Trace) -> bool {
        true
    }
}
