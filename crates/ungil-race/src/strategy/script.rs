//! A schedule that is given: who runs, for how many steps.

use super::{Choice, State, Strategy};
use crate::{ThreadId, Trace};

/// A thread's turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Whose.
    pub thread: ThreadId,
    /// How many steps it makes before the next one's turn.
    pub steps: usize,
}

/// Runs the turns as they are given; who cannot go on is passed over, and after the last turn whoever runs
/// goes on.
#[derive(Clone, Debug)]
pub struct Script {
    turns: Vec<Cut>,
    at: usize,
    made: usize,
}

impl Script {
    /// One run of these turns.
    pub fn new(turns: Vec<Cut>) -> Self {
        Self {
            turns,
            at: 0,
            made: 0,
        }
    }

    /// The turns that a run consisted of.
    pub fn of(trace: &Trace) -> Vec<Cut> {
        let mut turns: Vec<Cut> = Vec::new();
        for thread in trace.threads() {
            match turns.last_mut() {
                Some(turn) if turn.thread == thread => turn.steps += 1,
                _ => turns.push(Cut { thread, steps: 1 }),
            }
        }
        turns
    }
}

impl Strategy for Script {
    fn begin(&mut self) {
        (self.at, self.made) = (0, 0);
    }

    fn choose(&mut self, state: &State<'_>) -> Choice {
        while let Some(turn) = self.turns.get(self.at) {
            if self.made < turn.steps && state.enabled.contains(turn.thread) {
                self.made += 1;
                return Choice::Run(turn.thread);
            }
            if self.made < turn.steps && state.outside.contains(turn.thread) {
                return Choice::Await;
            }
            (self.at, self.made) = (self.at + 1, 0);
        }
        state
            .steady(state.enabled)
            .map_or(Choice::Prune, Choice::Run)
    }

    fn finish(&mut self, _trace: &Trace) -> bool {
        false
    }
}
