//! Source-DPOR: one run for each class of equivalent interleavings.
//!
//! Abdulla, Aronis, Jonsson, Sagonas: Source Sets: A Foundation for Optimal Dynamic Partial Order
//! Reduction, J. ACM 64(4), 2017, algorithm 1, with sleep sets, and with steps that can be kept waiting
//! (section 6 there). Sleep sets end some runs early; those show nothing new and are not counted.

use super::{Choice, State, Strategy};
use crate::order::{Clocks, Race, reversible_races};
use crate::{Kind, ThreadId, ThreadSet, Trace};

/// What is known of a state on the way of the run that is being made.
#[derive(Clone, Debug)]
struct Node {
    chosen: ThreadId,
    /// What kind of step it is about to make.
    kind: Option<Kind>,
    enabled: ThreadSet,
    /// Whose next step leads only to what has been seen from elsewhere.
    sleep: ThreadSet,
    /// Whose next step has been explored from here, with all that follows.
    done: ThreadSet,
    /// Whose next step is to be explored from here.
    wanted: ThreadSet,
}

/// Explores until nothing is left.
#[derive(Clone, Debug, Default)]
pub struct Dpor {
    path: Vec<Node>,
    /// So many states of the path are fixed; the rest of the run is free.
    fixed: usize,
    exhausted: bool,
}

impl Dpor {
    /// Nothing explored yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn open(&mut self, state: &State<'_>) -> Choice {
        let sleep = match (self.path.last(), state.trace.events.last()) {
            (Some(parent), Some(event)) => parent
                .sleep
                .union(parent.done)
                .iter()
                .filter(|thread| *thread != event.thread)
                .filter(|thread| {
                    state
                        .next(*thread)
                        .is_some_and(|next| !next.conflicts(&event.operation))
                })
                .collect(),
            _ => ThreadSet::EMPTY,
        };
        let Some(chosen) = state.steady(state.enabled.without(sleep)) else {
            return Choice::Prune;
        };
        self.path.push(Node {
            chosen,
            kind: kind_of(state, chosen),
            enabled: state.enabled,
            sleep,
            done: ThreadSet::EMPTY,
            wanted: std::iter::once(chosen).collect(),
        });
        Choice::Run(chosen)
    }

    /// Sees to it that the second step of the race is tried before the first one.
    fn reverse(&mut self, race: &Race, clocks: &Clocks, trace: &Trace) {
        let thread = |step: usize| match trace.events.get(step) {
            Some(event) => event.thread,
            None => trace.left[step - trace.events.len()].0,
        };
        let after: Vec<usize> = (race.first + 1..race.second.min(trace.events.len()))
            .filter(|step| !clocks.before(race.first, *step))
            .chain(std::iter::once(race.second))
            .collect();
        let (mut met, mut initials) = (ThreadSet::EMPTY, ThreadSet::EMPTY);
        for (at, step) in after.iter().enumerate() {
            let whose = thread(*step);
            if !met.contains(whose) {
                met.insert(whose);
                if !after[..at]
                    .iter()
                    .any(|earlier| clocks.before(*earlier, *step))
                {
                    initials.insert(whose);
                }
            }
        }
        let node = &mut self.path[race.first];
        let runnable = initials.intersection(node.enabled);
        if runnable.is_empty() {
            // A step that became possible in a way that its clock does not tell: try everything.
            node.wanted = node.wanted.union(node.enabled);
        } else if runnable
            .intersection(node.wanted.union(node.sleep).union(node.done))
            .is_empty()
        {
            let last = thread(race.second);
            if let Some(pick) = runnable.first() {
                let pick = if runnable.contains(last) { last } else { pick };
                node.wanted.insert(pick);
            }
        }
    }
}

fn kind_of(state: &State<'_>, thread: ThreadId) -> Option<Kind> {
    state.next(thread).map(|next| next.kind)
}

impl Strategy for Dpor {
    fn choose(&mut self, state: &State<'_>) -> Choice {
        let Some(node) = self.path.get_mut(state.trace.events.len()) else {
            return self.open(state);
        };
        if let Err(choice) = state.compare(node.enabled) {
            return choice;
        }
        let kind = kind_of(state, node.chosen);
        if node.kind.is_some() && node.kind != kind {
            return Choice::Diverged;
        }
        node.kind = kind;
        Choice::Run(node.chosen)
    }

    fn finish(&mut self, trace: &Trace) -> bool {
        let (clocks, races) = reversible_races(trace, self.fixed.saturating_sub(1));
        for race in &races {
            self.reverse(race, &clocks, trace);
        }
        while let Some(mut node) = self.path.pop() {
            node.done.insert(node.chosen);
            let open = node.wanted.without(node.done.union(node.sleep));
            if let Some(next) = open.first() {
                (node.chosen, node.kind) = (next, None);
                self.path.push(node);
                self.fixed = self.path.len();
                return true;
            }
        }
        self.exhausted = true;
        false
    }

    fn proves(&self) -> bool {
        self.exhausted
    }
}
