//! In step: threads take turns of as many steps each, so that those that do the same stay beside each other.

use super::{Choice, State, Strategy};
use crate::{ThreadId, Trace};

/// Longest turn, in steps.
const LONGEST_TURN: usize = 4;

/// One run for each length of a turn. The first thread, which starts the others, goes first; then they begin
/// together. Two that give way to each other for ever (a livelock) do so in step.
#[derive(Clone, Debug)]
pub struct Lockstep {
    turn: usize,
    current: ThreadId,
    made: usize,
}

impl Lockstep {
    /// Begins with turns of one step.
    pub fn new() -> Self {
        Self {
            turn: 1,
            current: 0,
            made: 0,
        }
    }
}

impl Default for Lockstep {
    fn default() -> Self {
        Self::new()
    }
}

impl Strategy for Lockstep {
    fn begin(&mut self) {
        (self.current, self.made) = (0, 0);
    }

    fn choose(&mut self, state: &State<'_>) -> Choice {
        if state.enabled.contains(0) {
            return Choice::Run(0);
        }
        if self.made >= self.turn || !state.enabled.contains(self.current) {
            let after = state.enabled.iter().find(|thread| *thread > self.current);
            let Some(next) = after.or_else(|| state.enabled.first()) else {
                return Choice::Prune;
            };
            (self.current, self.made) = (next, 0);
        }
        self.made += 1;
        Choice::Run(self.current)
    }

    fn finish(&mut self, _trace: &Trace) -> bool {
        self.turn += 1;
        self.turn <= LONGEST_TURN
    }
}
