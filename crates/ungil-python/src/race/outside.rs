//! Threads of the model in a call that blocks outside of what is followed: others go on meanwhile.
//!
//! Before each step the hub looks who has come back. A call that another thread of the model ends (it writes to the pipe,
//! unlocks the mutex) wakes its thread at once, so that this does not depend on time; a call that waits for another process
//! does, and a run that is repeated waits at the same place for who had come back there.

use std::time::{Duration, Instant};

use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;
use ungil_race::{Kind, Operation, ThreadId};

use super::carrier::{Carriers, Doing};
use super::engine::{self, Engine, is_readable};
use super::main_thread::Pretence;
use super::record::{Place, Record};
use super::{hub, watchdog};

/// Who has been woken comes to what is followed, or to rest, within this time as a rule.
const SETTLES: Duration = Duration::from_millis(50);
/// Pauses between two looks at those outside.
const SHORTEST: Duration = Duration::from_micros(20);
const LONGEST: Duration = Duration::from_millis(2);
/// How often the hub lets handlers of signals run.
const SIGNALS: Duration = Duration::from_millis(50);
/// How long calls get to end at the end of a run, all together and one at a time.
const LAST: Duration = Duration::from_millis(700);
const LAST_TRY: Duration = Duration::from_millis(20);

/// A thread of a model that has blocked outside: its name, and where.
pub(super) type Blocked = (String, Option<Place>);

/// The hub has seen that the thread blocks.
pub(super) fn leaves(engine: &mut Engine, thread: ThreadId) {
    // SAFETY: the hub has the GIL.
    let place = engine.carriers[thread].place(unsafe { Python::assume_attached() });
    engine.outside.insert(thread);
    engine.states[thread].next = Some(Operation::alone(Kind::Return));
    let left = &mut engine.threads[thread];
    left.blocked_at.clone_from(&place);
    engine
        .blocked
        .get_or_insert_with(|| (left.name.clone(), place));
}

/// The thread has come back, and it is its turn.
pub(super) fn returns(engine: &mut Engine, thread: ThreadId) {
    let Some(step) = engine.trace.events.len().checked_sub(1) else {
        return;
    };
    if engine.ending.is_some() {
        return;
    }
    let (file, line, function) = engine.threads[thread]
        .blocked_at
        .clone()
        .unwrap_or_default();
    if let Some(records) = &mut engine.records {
        records.push(Record {
            step,
            object: None,
            thread,
            verb: "returns from".to_owned(),
            what: "a call that blocked".to_owned(),
            value: None,
            file,
            line,
            function,
        });
    }
}

/// Waits until everybody outside blocks, or has come back.
///
/// # Safety
/// The hub calls it, with the GIL.
pub(super) unsafe fn settle(engine: *mut Engine) {
    // SAFETY: the caller's.
    unsafe { look(engine, SETTLES, |doing| doing != Doing::Works, true) };
}

/// Waits until somebody outside has come back, or what somebody waits for is readable, for so long at most; whether
/// that has happened.
///
/// # Safety
/// As `settle`.
pub(super) unsafe fn wait(engine: *mut Engine, most: Duration) -> bool {
    // SAFETY: the caller's.
    unsafe { look(engine, most, |doing| doing == Doing::Back, false) }
}

/// Looks at those outside until `wanted` holds (for all or for one of them) or the time is over; whether it holds.
unsafe fn look(
    engine: *mut Engine,
    most: Duration,
    wanted: impl Fn(Doing) -> bool,
    all: bool,
) -> bool {
    let (begun, mut pause) = (Instant::now(), SHORTEST);
    let mut signals = Signals::begin();
    // SAFETY: the caller's: nobody runs, so that the engine is the hub's. The GIL is let go of and taken back.
    unsafe {
        let outside = (*engine).outside;
        let mut state = ffi::PyEval_SaveThread();
        let holds = loop {
            let mut doing = outside
                .iter()
                .map(|thread| wanted((&(*engine).carriers)[thread].doing()));
            let holds = if all {
                doing.all(|it| it)
            } else {
                doing.any(|it| it) || (&*engine).descriptors().any(|(_, it)| is_readable(it))
            };
            if holds || begun.elapsed() >= most {
                break holds;
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(LONGEST);
            if signals.are_due() {
                ffi::PyEval_RestoreThread(state);
                let raised = signals.look();
                state = ffi::PyEval_SaveThread();
                if raised {
                    break true;
                }
            }
        };
        ffi::PyEval_RestoreThread(state);
        for thread in outside.iter() {
            if (&(*engine).carriers)[thread].is_back() {
                (*engine).outside.remove(thread);
            }
        }
        holds
    }
}

/// Ends those outside, at the end of a run: has their calls raise, and lets them unwind.
///
/// # Safety
/// As `settle`.
pub(super) unsafe fn end(engine: *mut Engine) {
    let begun = Instant::now();
    // SAFETY: the caller's.
    unsafe {
        // A fiber cannot be reached there.
        let reachable = (*engine).carried_by == Carriers::OsThreads;
        while reachable && !(*engine).outside.is_empty() && begun.elapsed() < LAST {
            let before = (*engine).outside;
            settle(engine);
            for thread in before.without((*engine).outside).iter() {
                hub::last_turn(engine, thread);
            }
            let rest = (*engine).outside;
            for thread in rest.intersection(before).iter() {
                end_call(engine, thread);
            }
        }
        for thread in (*engine).outside.iter() {
            (&(*engine).carriers)[thread].abandon();
            let left = &(&(*engine).threads)[thread];
            let (file, line, _) = left.blocked_at.clone().unwrap_or_default();
            let message = format!(
                "{} is left blocked at {file}:{line}, at the end of its run, in a call that cannot be interrupted: its thread \
                 stays in this process. Have the model end what its threads wait for.",
                left.name
            );
            (*engine)
                .interrupt
                .get_or_insert_with(|| PyRuntimeError::new_err(message));
        }
    }
}

/// Has a call that blocks raise, where it can be interrupted.
unsafe fn end_call(engine: *mut Engine, thread: ThreadId) {
    // SAFETY: `end`.
    unsafe {
        let Some(os_thread) = (&(*engine).carriers)[thread].os_thread() else {
            return;
        };
        let pretence = watchdog::can_raise().then(|| Pretence::begin(os_thread));
        if pretence.is_some() {
            ffi::PyErr_SetInterruptEx(watchdog::SIGNAL);
        }
        libc::pthread_kill(os_thread, watchdog::SIGNAL);
        let others = (*engine).outside;
        (*engine).outside = std::iter::once(thread).collect();
        wait(engine, LAST_TRY);
        let back = (*engine).outside.is_empty();
        (*engine).outside = others;
        drop(pretence);
        if back {
            (*engine).outside.remove(thread);
            hub::last_turn(engine, thread);
        }
    }
}

/// When the hub lets handlers of signals run while others run the model.
pub(super) struct Signals {
    looked: Instant,
    /// Since when the run is to end, where a signal wants that.
    ending: Option<Instant>,
}

impl Signals {
    pub(super) fn begin() -> Self {
        Self {
            looked: Instant::now(),
            ending: None,
        }
    }

    pub(super) fn are_due(&self) -> bool {
        self.looked.elapsed() >= SIGNALS
    }

    /// Lets them run, with the GIL; whether one has raised.
    pub(super) fn look(&mut self) -> bool {
        self.looked = Instant::now();
        // SAFETY: the hub has the GIL.
        let raised = unsafe { ffi::PyErr_CheckSignals() } != 0;
        if raised {
            // SAFETY: as above.
            engine::interrupt(PyErr::take(unsafe { Python::assume_attached() }));
        }
        if engine::is_interrupted() {
            self.ending.get_or_insert_with(Instant::now);
        }
        raised
    }

    pub(super) fn since_ending(&self) -> Duration {
        self.ending.map_or(Duration::ZERO, |since| since.elapsed())
    }
}
