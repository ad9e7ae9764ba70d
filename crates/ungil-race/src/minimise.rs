//! The same failure with the fewest context switches.

use crate::Trace;
use crate::strategy::{Bounded, Cut, Script, Strategy};

/// One run that was asked for.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// What was done.
    pub trace: Trace,
    /// Whether it failed in the way that is looked for.
    pub fails: bool,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Minimised {
    /// The turns of the failing run.
    pub turns: Vec<Cut>,
    /// Its context switches.
    pub switches: usize,
    /// How many runs that took.
    pub runs: usize,
}

/// Finds a schedule that fails in the same way as `failing` with fewer context switches, in at most `budget`
/// runs. `run` makes one run with a strategy, and says `None` to end the search.
///
/// First by leaving turns of the failing run out or putting them together, which is quick; then by
/// going through all schedules of fewer preemptions, from none on.
pub fn minimise(
    failing: &Trace,
    budget: usize,
    mut run: impl FnMut(&mut dyn Strategy) -> Option<Attempt>,
) -> Minimised {
    let mut best = Minimised {
        turns: Script::of(failing),
        switches: failing.switches(),
        runs: 0,
    };
    if !shorten(&mut best, budget / 2, &mut run) {
        return best;
    }
    for bound in 0..best.switches {
        let mut strategy = Bounded::new(bound);
        loop {
            if best.runs >= budget {
                return best;
            }
            best.runs += 1;
            strategy.begin();
            let Some(attempt) = run(&mut strategy) else {
                return best;
            };
            if attempt.fails && attempt.trace.switches() < best.switches {
                keep(&mut best, &attempt.trace);
            }
            if !strategy.finish(&attempt.trace) {
                break;
            }
        }
        // What more preemptions allow has more switches than these.
        if bound + 1 >= best.switches {
            break;
        }
    }
    best
}

fn keep(best: &mut Minimised, trace: &Trace) {
    best.turns = Script::of(trace);
    best.switches = trace.switches();
}

/// Leaves out turn after turn while that helps; whether the search may go on.
fn shorten(
    best: &mut Minimised,
    budget: usize,
    run: &mut impl FnMut(&mut dyn Strategy) -> Option<Attempt>,
) -> bool {
    let mut at = 0;
    while at < best.turns.len() && best.runs < budget {
        let mut turns = best.turns.clone();
        let dropped = turns.remove(at);
        // Its steps are made in the thread's next turn instead.
        if let Some(later) = turns[at..]
            .iter_mut()
            .find(|turn| turn.thread == dropped.thread)
        {
            later.steps += dropped.steps;
        }
        best.runs += 1;
        let mut script = Script::new(turns);
        script.begin();
        let Some(attempt) = run(&mut script) else {
            return false;
        };
        if attempt.fails && attempt.trace.switches() < best.switches {
            keep(best, &attempt.trace);
            at = 0;
        } else {
            at += 1;
        }
    }
    true
}
