//! Loops: each turn counts towards the limit of steps, and a loop that only looks lets others go first; one that
//! does more does so after many more turns, so that nobody is left out for ever.

use ungil_race::{Event, Kind, Operation};

use super::engine::{End, HUB, inside};
use super::hub::switch;
use super::step::{Went, interrupted, step};
use super::watchdog;

/// Turns of a loop without a step of anybody else, or a change by the thread itself, until others come first.
const PATIENCE: usize = 8;
/// The same for loops that change something.
const LONG_PATIENCE: usize = 100;
/// Turns of all loops of a run, for each step that it may make.
const TURNS_PER_STEP: usize = 100;

/// A loop of the running thread jumps back.
pub(super) fn turn(code: usize, offset: usize) -> Went {
    let Some(engine) = inside() else {
        return Went::On;
    };
    watchdog::progress();
    let me = engine.current;
    engine.loops += 1;
    if engine.ending.is_none() && engine.loops > engine.step_limit * TURNS_PER_STEP {
        engine.ending = Some(End::TooLong);
        switch(engine, me, HUB);
    }
    let Some(engine) = inside() else {
        return Went::On;
    };
    if engine.ending.is_some() {
        return step(Operation::alone(Kind::Step), None, || None);
    }
    if engine.loops % 1024 == 0 && interrupted() {
        return Went::Away;
    }
    let Some(engine) = inside() else {
        return Went::On;
    };
    let made = engine.trace.events.len();
    let spin = &mut engine.threads[me].spin;
    let since = &engine.trace.events[spin.seen.min(made)..];
    let alone = !since.is_empty() && since.iter().all(|event| event.thread == me);
    let looked_only = alone && since.iter().all(only_looks);
    if spin.place == (code, offset) && alone {
        spin.turns += 1;
        spin.looks = if looked_only { spin.looks + 1 } else { 0 };
    } else {
        (spin.turns, spin.looks) = (0, 0);
    }
    spin.place = (code, offset);
    spin.seen = made;
    if spin.looks < PATIENCE && spin.turns < LONG_PATIENCE {
        return Went::On;
    }
    (spin.turns, spin.looks) = (0, 0);
    engine.spun = true;
    step(Operation::alone(Kind::Sleep), Some(0.0), || None)
}

/// Whether nobody can tell that it was made: a reading, or a lock asked for that was taken.
fn only_looks(event: &Event) -> bool {
    let refused =
        event.closed && event.operation.kind == Kind::Acquire && !event.operation.blocking;
    refused || event.operation.accesses.iter().all(|it| !it.write)
}

/// How a thread has gone round.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spin {
    place: (usize, usize),
    seen: usize,
    turns: usize,
    looks: usize,
}
