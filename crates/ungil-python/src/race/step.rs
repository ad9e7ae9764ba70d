//! A step of a thread of the model: it announces it, and makes it when its turn comes.

use pyo3::ffi;
use pyo3::prelude::*;
use smallvec::SmallVec;
use ungil_race::{Access, Kind, ObjectId, Operation, Part, ThreadId};

use super::decision::Decision;
use super::engine::{End, Engine, HUB, inside};
use super::hub::{give_up, switch};
use super::record::Record;
use super::{aside, watchdog};

/// Steps that unwinding code may make before it is left where it is.
const LAST_STEPS: usize = 100_000;

/// What a step came to.
pub(super) enum Went {
    On,
    TimedOut,
    /// A Python exception is set: the thread has to unwind.
    Away,
}

/// Announces a step of the running thread and returns when it is its turn to make it.
pub(super) fn step(
    operation: Operation,
    timeout: Option<f64>,
    note: impl FnOnce() -> Option<Record>,
) -> Went {
    watchdog::progress();
    if interrupted() {
        return Went::Away;
    }
    let Some(engine) = inside() else {
        return Went::On;
    };
    let me = engine.current;
    if engine.ending.is_some() {
        engine.last_steps += 1;
        if engine.last_steps > LAST_STEPS {
            give_up(engine, me);
        }
        if !engine.threads[me].unwinds {
            return away();
        }
        let waits = operation.blocking && !engine.is_open(&operation);
        let lasting = engine.last_steps > LAST_STEPS / 2;
        return if waits || lasting { away() } else { Went::On };
    }
    let is_sleep = operation.kind == Kind::Sleep;
    if engine.records.is_some() {
        let record = note();
        // The note may have called Python: the engine is borrowed anew.
        if let (Some(record), Some(engine)) = (record, inside()) {
            engine.threads[me].note = Some(record);
        }
    }
    let Some(engine) = inside() else {
        return Went::On;
    };
    engine.states[me].next = Some(operation);
    let thread = &mut engine.threads[me];
    thread.deadline = timeout.map(|seconds| engine.now + seconds);
    thread.timed_out = false;
    if is_sleep {
        thread.sleeps += 1;
        thread.slept_at = engine.trace.events.len();
    }
    if engine.outside.is_empty() {
        match engine.decide() {
            Decision::Run(thread) if thread == me => {}
            Decision::Run(thread) => switch(engine, me, thread),
            Decision::Wait(_) => switch(engine, me, HUB),
            Decision::End(end) => {
                engine.ending = Some(end);
                switch(engine, me, HUB);
            }
        }
    } else {
        // The hub looks first who has come back.
        switch(engine, me, HUB);
    }
    let Some(engine) = inside() else {
        return Went::On;
    };
    if engine.ending.is_some() {
        return away();
    }
    engine.keep_note(me);
    let timed_out = engine.threads[me].timed_out;
    let last = engine.trace.events.len() - 1;
    if let Some((_, call)) = engine.stop.take_if(|(at, _)| *at == last)
        && !aside::stop(&call)
    {
        return Went::Away;
    }
    if timed_out { Went::TimedOut } else { Went::On }
}

impl Engine {
    /// The step that was announced has been made: its note takes its place among the others.
    pub(super) fn keep_note(&mut self, thread: ThreadId) {
        let at = self.trace.events.len() - 1;
        if let Some(records) = &mut self.records
            && let Some(mut record) = self.threads[thread].note.take()
        {
            record.step = at;
            records.push(record);
        }
    }
}

/// Whether a signal's handler (Ctrl-C) has raised; the run is to end then, and the thread to unwind.
pub(super) fn interrupted() -> bool {
    // SAFETY: called by a thread of the model, with the GIL.
    if unsafe { ffi::PyErr_CheckSignals() } == 0 {
        return false;
    }
    if let Some(engine) = inside() {
        // SAFETY: the GIL is held.
        let error = PyErr::take(unsafe { Python::assume_attached() });
        engine.interrupt = engine.interrupt.take().or(error);
        engine.ending = Some(End::Interrupted);
    }
    away();
    true
}

fn away() -> Went {
    if let Some(engine) = inside() {
        engine.threads[engine.current].unwinds = true;
        // SAFETY: the GIL is held.
        unsafe {
            let class = engine.abandoned.as_ptr();
            ffi::PyErr_SetNone(class);
        }
    }
    Went::Away
}

/// An access to all or part of an object.
pub(super) fn access(object: ObjectId, part: Part, write: bool) -> Access {
    Access {
        object,
        part,
        write,
    }
}

/// A step that touches these.
pub(super) fn operation(kind: Kind, accesses: SmallVec<[Access; 2]>) -> Operation {
    Operation {
        kind,
        accesses,
        blocking: false,
    }
}
