//! Lets the threads of a run go on one after another, and unwinds those that are left at its end.

use std::io;
use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;
use ungil_race::{Access, Kind, Operation, Part, ThreadId};

use super::carrier::{Carrier, Carriers, Pause};
use super::decision::Decision;
use super::engine::{End, Engine, HUB, inside};
use super::step::{Went, step};
use super::{fiber, outside, tracing, watchdog};

/// The hub's own thread state.
static STATE: AtomicPtr<ffi::PyThreadState> = AtomicPtr::new(std::ptr::null_mut());

/// The thread state of the code that lets the threads run.
pub(super) fn own_state() -> *mut ffi::PyThreadState {
    STATE.load(Ordering::Relaxed)
}

/// Lets the hub go on with `next`; returns when it is this thread's turn again.
pub(super) fn switch(engine: &mut Engine, me: ThreadId, next: usize) {
    engine.current = next;
    let carrier = &raw const *engine.carriers[me];
    // SAFETY: in a box until the run's end. The engine is not borrowed: others use it meanwhile.
    unsafe { (*carrier).give_way() };
}

/// Never goes on: the model's code does not let itself be ended. The hub leaves its stack where it is.
pub(super) fn give_up(engine: &mut Engine, me: ThreadId) {
    loop {
        switch(engine, me, HUB);
    }
}

/// All that a thread does.
pub(super) fn run_body(thread: ThreadId) {
    tracing::follow_this_thread();
    let Some(engine) = inside() else { return };
    engine.keep_note(thread);
    if let Some(body) = engine.threads[thread].body.take() {
        // SAFETY: this thread's state is the current one, with the GIL.
        let py = unsafe { Python::assume_attached() };
        let outcome = body.call0(py);
        drop(body);
        let Some(engine) = inside() else { return };
        match outcome {
            Ok(value) => drop(value),
            Err(error) if engine.ending.is_none() => {
                // The model's body tells of its own exceptions: this one is the interpreter's or ours.
                engine.interrupt = Some(error);
                engine.ending = Some(End::Interrupted);
            }
            Err(error) => drop(error),
        }
    }
    let Some(engine) = inside() else { return };
    if engine.ending.is_none() {
        let end = engine.threads[thread].end;
        let access = Access {
            object: end,
            part: Part::Whole,
            write: true,
        };
        if let Went::Away = step(Operation::on(Kind::End, access), None, || None) {
            // SAFETY: the GIL is held, and the exception is nobody's.
            unsafe { ffi::PyErr_Clear() };
        }
    }
    tracing::leave_this_thread();
    if let Some(engine) = inside() {
        let end = engine.threads[thread].end;
        engine.shared[end as usize].available = true;
        engine.states[thread].next = None;
    }
}

/// Runs the threads until the model has ended, then unwinds those that are left.
///
/// # Errors
/// No memory for a stack, or no OS thread.
pub(super) fn run(engine: *mut Engine) -> io::Result<()> {
    // SAFETY: the caller's, on this OS thread, with the GIL; borrowed only between switches.
    unsafe {
        let state = ffi::PyThreadState_Get();
        STATE.store(state, Ordering::Relaxed);
        let outcome = drive(engine);
        (*engine).current = HUB;
        unwind(engine);
        fiber::activate(state);
        (*engine).current = HUB;
        for carrier in &(&*engine).carriers {
            carrier.release();
        }
        outcome
    }
}

unsafe fn drive(engine: *mut Engine) -> io::Result<()> {
    // SAFETY: `run`.
    unsafe {
        while (*engine).ending.is_none() {
            if !(*engine).outside.is_empty() {
                outside::settle(engine);
            }
            match (*engine).decide() {
                Decision::Run(thread) => (*engine).current = thread,
                Decision::Wait(limit) => {
                    (*engine).waited = !outside::wait(engine, limit);
                    continue;
                }
                Decision::End(end) => {
                    if end == End::Blocked {
                        blocked(&mut *engine);
                    }
                    (*engine).ending = Some(end);
                    break;
                }
            }
            while (*engine).current != HUB && (*engine).ending.is_none() {
                let thread = (*engine).current;
                match resume(engine, thread) {
                    Ok(Pause::GaveWay) => {}
                    Ok(Pause::Ended) => (*engine).current = HUB,
                    Ok(Pause::Outside) => {
                        outside::leaves(&mut *engine, thread);
                        (*engine).current = HUB;
                        if (*engine).carried_by == Carriers::Fibers {
                            blocked(&mut *engine);
                            (*engine).ending = Some(End::Blocked);
                        }
                    }
                    Err(error) => {
                        (*engine).ending = Some(End::NoMemory);
                        return Err(error);
                    }
                }
            }
        }
    }
    Ok(())
}

/// Everybody who is left waits for something outside: says who does.
fn blocked(engine: &mut Engine) {
    let outside = engine.outside.first();
    let awaited = outside.or_else(|| Some(engine.descriptors().next()?.0));
    if let Some(thread) = awaited.map(|thread| &engine.threads[thread]) {
        let place = thread.blocked_at.as_ref();
        let place = place.or_else(|| engine.blocked.as_ref()?.1.as_ref());
        let message = watchdog::message(&thread.name, place);
        engine.interrupt = Some(PyRuntimeError::new_err(message));
    }
}

/// Lets it run until it pauses.
unsafe fn resume(engine: *mut Engine, thread: ThreadId) -> io::Result<Pause> {
    // SAFETY: `run`; the carrier is in a box, and the engine is not borrowed while the thread runs.
    unsafe {
        let carrier: *const dyn Carrier = &raw const *(&*engine).carriers[thread];
        (*engine).current = thread;
        (*carrier).resume()
    }
}

unsafe fn unwind(engine: *mut Engine) {
    // SAFETY: `run`.
    unsafe {
        let count = (&*engine).carriers.len();
        let underway = |thread: ThreadId| (&*engine).carriers[thread].is_underway();
        for thread in 0..count {
            if underway(thread) && !(*engine).outside.contains(thread) {
                last_turn(engine, thread);
            }
        }
        outside::end(engine);
    }
}

/// Lets a thread unwind at the end of a run.
///
/// # Safety
/// `run`.
pub(super) unsafe fn last_turn(engine: *mut Engine, thread: ThreadId) {
    // SAFETY: the caller's.
    unsafe {
        match resume(engine, thread) {
            Ok(Pause::Outside) => outside::leaves(&mut *engine, thread),
            Ok(Pause::Ended) => {}
            // It comes back here more often than once only if it cannot be ended.
            Ok(Pause::GaveWay) | Err(_) => (&*engine).carriers[thread].abandon(),
        }
    }
}
