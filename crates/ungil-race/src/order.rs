//! Happens-before: vector clocks over one run.
//!
//! Two orders are needed. For exploring, every two steps that conflict are ordered as they came
//! (Mazurkiewicz' traces), and what is wanted are the *reversible races*: conflicting steps of two
//! threads with nothing between them, which could have come the other way round. For reporting, only
//! synchronisation orders, and two conflicting accesses that it leaves unordered are a *data race*.

use std::collections::HashSet;

use crate::{Access, Event, Kind, ObjectId, Operation, ThreadId, Trace};

/// One row per step, one column per thread: how many of that thread's steps happened before or at it.
pub(crate) struct Clocks {
    threads: usize,
    cells: Vec<u32>,
    /// The how-manieth step of its thread each step is, from 1.
    rank: Vec<u32>,
    owner: Vec<ThreadId>,
}

impl Clocks {
    fn new(threads: usize) -> Self {
        Self {
            threads,
            cells: Vec::new(),
            rank: Vec::new(),
            owner: Vec::new(),
        }
    }

    fn row(&self, step: usize) -> &[u32] {
        &self.cells[step * self.threads..(step + 1) * self.threads]
    }

    fn seen(&self, clock: &[u32], step: usize) -> bool {
        clock[self.owner[step]] >= self.rank[step]
    }

    fn join(&self, clock: &mut [u32], step: usize) {
        for (mine, theirs) in clock.iter_mut().zip(self.row(step)) {
            *mine = (*mine).max(*theirs);
        }
    }

    fn push(&mut self, thread: ThreadId, clock: &[u32]) {
        self.cells.extend_from_slice(clock);
        self.rank.push(clock[thread]);
        self.owner.push(thread);
    }

    /// Whether `first` happened before `second`.
    pub(crate) fn before(&self, first: usize, second: usize) -> bool {
        self.seen(self.row(second), first)
    }
}

/// Two steps of one run that could have come the other way round; the second one may be a step that a
/// waiting thread never made, numbered after the run's steps in the order of `Trace::left`.
pub(crate) struct Race {
    pub(crate) first: usize,
    pub(crate) second: usize,
}

/// The clocks of a run (with the steps never made at its end), and its reversible races whose second
/// step is `from` or later.
pub(crate) fn reversible_races(trace: &Trace, from: usize) -> (Clocks, Vec<Race>) {
    let threads = trace.started_in.len();
    let mut clocks = Clocks::new(threads);
    let mut races = Vec::new();
    let mut history: Vec<Vec<(usize, Access)>> = vec![Vec::new(); objects(trace)];
    let mut last: Vec<Option<usize>> = vec![None; threads];
    let mut candidates = Vec::new();
    let mut clock = vec![0; threads];
    for (step, (thread, operation, made)) in steps(trace).enumerate() {
        own_past(trace, &clocks, thread, last[thread], &mut clock);
        candidates.clear();
        for access in &operation.accesses {
            for (past, theirs) in &history[access.object as usize] {
                if clocks.owner[*past] != thread && access.conflicts(theirs) {
                    candidates.push((*past, theirs.write && theirs.part.covers(access.part)));
                }
            }
        }
        candidates.sort_unstable_by_key(|(past, _)| std::cmp::Reverse(*past));
        candidates.dedup_by_key(|(past, _)| *past);
        let single = operation.accesses.len() == 1;
        let mut irreversible = Vec::new();
        for (past, covers) in &candidates {
            if clocks.seen(&clock, *past) {
                if *covers && single {
                    break; // all that is older and conflicts lies before it
                }
            } else if keeps_waiting(&trace.events[*past], operation) {
                irreversible.push(*past); // not before it: look past it for what could be reversed
            } else {
                if step >= from {
                    races.push(Race {
                        first: *past,
                        second: step,
                    });
                }
                clocks.join(&mut clock, *past);
            }
        }
        for past in irreversible {
            clocks.join(&mut clock, past);
        }
        clock[thread] += 1;
        clocks.push(thread, &clock);
        if made {
            last[thread] = Some(step);
            for access in &operation.accesses {
                history[access.object as usize].push((step, *access));
            }
        }
    }
    (clocks, races)
}

/// One more than the highest number of an object.
fn objects(trace: &Trace) -> usize {
    let accesses = steps(trace).flat_map(|(_, operation, _)| &operation.accesses);
    accesses
        .map(|access| access.object as usize + 1)
        .max()
        .unwrap_or(0)
}

fn steps(trace: &Trace) -> impl Iterator<Item = (ThreadId, &Operation, bool)> {
    let made = trace
        .events
        .iter()
        .map(|event| (event.thread, &event.operation, true));
    made.chain(
        trace
            .left
            .iter()
            .map(|(thread, operation)| (*thread, operation, false)),
    )
}

/// What the thread itself had seen before its next step.
fn own_past(
    trace: &Trace,
    clocks: &Clocks,
    thread: ThreadId,
    last: Option<usize>,
    clock: &mut [u32],
) {
    clock.fill(0);
    if let Some(previous) = last.or(trace.started_in[thread]) {
        clock.copy_from_slice(clocks.row(previous));
    }
}

/// Whether `operation` could not have been made right before `event`.
fn keeps_waiting(event: &Event, operation: &Operation) -> bool {
    event.closed
        && operation.blocking
        && event.operation.accesses.first().map(|access| access.object)
            == operation.accesses.first().map(|access| access.object)
}

/// Two steps that touch the same variable, one of them writing, and no synchronisation between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataRace {
    /// The one that came first in this run.
    pub first: usize,
    /// The other one.
    pub second: usize,
    /// The variable.
    pub object: ObjectId,
}

/// The data races of a run: for each variable and pair of threads the first one.
///
/// Steps on locks, events, threads and atomic containers order what comes before and after them
/// (each after those that conflict with it); steps on variables do not.
pub fn data_races(trace: &Trace) -> Vec<DataRace> {
    let threads = trace.started_in.len();
    let mut clocks = Clocks::new(threads);
    let mut variables: Vec<Vec<(usize, Access)>> = vec![Vec::new(); objects(trace)];
    // One row of a clock per object, as in `Clocks`.
    let mut synchronised: Vec<u32> = vec![0; objects(trace) * threads];
    let mut last: Vec<Option<usize>> = vec![None; threads];
    let mut clock = vec![0; threads];
    let mut found = Vec::new();
    let mut told = HashSet::new();
    for (step, event) in trace.events.iter().enumerate() {
        let thread = event.thread;
        own_past(trace, &clocks, thread, last[thread], &mut clock);
        clock[thread] += 1;
        let ordering = event.operation.kind.synchronises();
        for access in &event.operation.accesses {
            if ordering {
                let theirs = &synchronised[access.object as usize * threads..];
                for (mine, theirs) in clock.iter_mut().zip(theirs) {
                    *mine = (*mine).max(*theirs);
                }
            }
        }
        for access in &event.operation.accesses {
            let past = &mut variables[access.object as usize];
            // A step may touch the same thing twice.
            for (before, theirs) in past.iter().filter(|(before, _)| *before < step) {
                let other = clocks.owner[*before];
                let atomic = ordering && trace.events[*before].operation.kind.synchronises();
                if other != thread
                    && !atomic
                    && access.conflicts(theirs)
                    && !clocks.seen(&clock, *before)
                    && told.insert((access.object, other.min(thread), other.max(thread)))
                {
                    found.push(DataRace {
                        first: *before,
                        second: step,
                        object: access.object,
                    });
                }
            }
            if matches!(
                event.operation.kind,
                Kind::Read | Kind::Write | Kind::Atomic
            ) {
                // Of a thread's accesses to the same place one reading and one writing are enough.
                past.retain(|(before, theirs)| {
                    *before == step
                        || clocks.owner[*before] != thread
                        || theirs.part != access.part
                        || theirs.write != access.write
                });
                past.push((step, *access));
            }
        }
        clocks.push(thread, &clock);
        last[thread] = Some(step);
        if ordering {
            for access in &event.operation.accesses {
                let theirs = &mut synchronised[access.object as usize * threads..];
                for (theirs, mine) in theirs.iter_mut().zip(&clock) {
                    *theirs = (*theirs).max(*mine);
                }
            }
        }
    }
    found
}
