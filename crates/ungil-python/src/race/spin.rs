//! Loops: each turn counts towards the limit of steps, and a loop that only looks lets others go first.

use ungil_race::{Kind, Operation};

use super::engine::{End, HUB, Went, inside, interrupted, step};
use super::fiber::Fiber;
use super::watchdog;

/// Turns of a loop without a step of anybody else, or a change by the thread itself, until others come first.
const PATIENCE: usize = 8;
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
        Fiber::switch(engine, me, HUB);
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
    let fiber = &mut engine.fibers[me];
    let looked_only = made > fiber.spin.seen
        && engine.trace.events[fiber.spin.seen..]
            .iter()
            .all(|event| event.thread == me && event.operation.accesses.iter().all(|it| !it.write));
    if fiber.spin.place == (code, offset) && looked_only {
        fiber.spin.turns += 1;
    } else {
        fiber.spin.turns = 0;
    }
    fiber.spin.place = (code, offset);
    fiber.spin.seen = made;
    if fiber.spin.turns < PATIENCE {
        return Went::On;
    }
    fiber.spin.turns = 0;
    step(Operation::alone(Kind::Sleep), Some(0.0), || None)
}

/// How a thread has gone round.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spin {
    place: (usize, usize),
    seen: usize,
    turns: usize,
}
