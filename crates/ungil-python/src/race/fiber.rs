//! Threads of the model: a C stack and a thread state of the interpreter each, on one OS thread.
//!
//! Every switch goes by way of the hub (the code that runs the model), which makes the fiber's thread
//! state the current one and then changes to its stack. A fiber's Python frames, exceptions, context and
//! `threading.local` live in its thread state, so nothing of it is touched by the others.

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};
use pyo3::ffi;
use pyo3::prelude::*;
use ungil_race::{Access, Kind, Operation, Part, ThreadId};

use super::engine::{Decision, End, Engine, HUB, Went, inside, step};
use super::record::Record;
use super::spin::Spin;
use super::{gilstate, protection, tracing};

/// As much as C code needs for the recursion that `CPython` 3.12 allows it; only what is touched takes memory.
const STACK_BYTES: usize = 16 << 20;

type Stack = Coroutine<(), (), (), DefaultStack>;

pub(super) struct Fiber {
    body: Option<Py<PyAny>>,
    stack: Option<Stack>,
    state: *mut ffi::PyThreadState,
    yielder: *const Yielder<(), ()>,
    /// What is to be told of the step that it has announced.
    pub(super) note: Option<Record>,
    pub(super) spin: Spin,
    thread: ThreadId,
}

thread_local! {
    /// Stacks that no fiber uses now.
    static SPARE: std::cell::RefCell<Vec<DefaultStack>> = const { std::cell::RefCell::new(Vec::new()) };
}

impl Fiber {
    pub(super) fn new(thread: ThreadId, body: Py<PyAny>) -> Self {
        Self {
            body: Some(body),
            stack: None,
            state: std::ptr::null_mut(),
            yielder: std::ptr::null(),
            note: None,
            spin: Spin::default(),
            thread,
        }
    }

    /// Lets the hub go on with `next`; returns when this fiber goes on.
    pub(super) fn switch(engine: &mut Engine, me: ThreadId, next: usize) {
        engine.current = next;
        let yielder = engine.fibers[me].yielder;
        // SAFETY: set by the fiber that calls this, which runs and whose yielder therefore lives.
        unsafe { (*yielder).suspend(()) };
    }

    /// Never goes on: the model's code does not let itself be ended. The hub leaks its stack.
    pub(super) fn give_up(engine: &mut Engine, me: ThreadId) {
        loop {
            Self::switch(engine, me, HUB);
        }
    }

    fn start(&mut self) -> std::io::Result<()> {
        let spare = SPARE.with_borrow_mut(Vec::pop);
        let stack = match spare {
            Some(stack) => stack,
            None => DefaultStack::new(STACK_BYTES)?,
        };
        // SAFETY: the GIL is held; the interpreter is the running one.
        self.state = unsafe { ffi::PyThreadState_New(ffi::PyInterpreterState_Get()) };
        protection::set(self.state, &stack);
        let thread = self.thread;
        self.stack = Some(Coroutine::with_stack(stack, move |yielder, ()| {
            if let Some(engine) = inside() {
                engine.fibers[thread].yielder = yielder;
                engine.keep_note(thread);
            }
            run_body(thread);
        }));
        Ok(())
    }

    /// Whether it has begun and has not ended.
    fn is_underway(&self) -> bool {
        self.stack
            .as_ref()
            .is_some_and(|stack| stack.started() && !stack.done())
    }
}

/// All that a thread does.
fn run_body(thread: ThreadId) {
    tracing::follow_this_thread();
    let Some(engine) = inside() else { return };
    if let Some(body) = engine.fibers[thread].body.take() {
        // SAFETY: the hub has made this fiber's thread state the current one, with the GIL.
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
/// No memory for a stack.
pub(super) fn run(engine: *mut Engine) -> std::io::Result<()> {
    // SAFETY: the caller's, on this OS thread, with the GIL; borrowed only between switches.
    unsafe {
        let hub = ffi::PyThreadState_Get();
        let outcome = drive(engine);
        (*engine).current = HUB;
        unwind(engine);
        activate(hub);
        (*engine).current = HUB;
        release(engine);
        outcome
    }
}

unsafe fn activate(state: *mut ffi::PyThreadState) {
    // SAFETY: the caller's; the state belongs to this OS thread and is in use nowhere else.
    unsafe {
        if ffi::PyThreadState_Get() != state {
            ffi::PyThreadState_Swap(state);
            gilstate::follow(state);
        }
    }
}

unsafe fn of<'a>(engine: *mut Engine, thread: ThreadId) -> &'a mut Fiber {
    // SAFETY: `run`; borrowed for one expression.
    unsafe { &mut (&mut *engine).fibers[thread] }
}

unsafe fn drive(engine: *mut Engine) -> std::io::Result<()> {
    // SAFETY: `run`.
    unsafe {
        while (*engine).ending.is_none() {
            match (*engine).decide() {
                Decision::Run(thread) => (*engine).current = thread,
                Decision::End(end) => {
                    (*engine).ending = Some(end);
                    break;
                }
            }
            while (*engine).current != HUB && (*engine).ending.is_none() {
                let thread = (*engine).current;
                if of(engine, thread).stack.is_none()
                    && let Err(error) = of(engine, thread).start()
                {
                    (*engine).ending = Some(End::NoMemory);
                    return Err(error);
                }
                if resume(engine, thread) {
                    (*engine).current = HUB;
                }
            }
        }
    }
    Ok(())
}

/// Lets it run; whether it has ended.
unsafe fn resume(engine: *mut Engine, thread: ThreadId) -> bool {
    // SAFETY: `run`; the coroutine is taken out of the engine while it runs, since threads that it starts
    // may move the others.
    unsafe {
        let Some(mut stack) = of(engine, thread).stack.take() else {
            return true;
        };
        activate(of(engine, thread).state);
        (*engine).current = thread;
        let ended = matches!(stack.resume(()), CoroutineResult::Return(()));
        of(engine, thread).stack = Some(stack);
        ended
    }
}

unsafe fn unwind(engine: *mut Engine) {
    // SAFETY: `run`.
    unsafe {
        let count = (&*engine).fibers.len();
        for thread in 0..count {
            // A fiber comes back here more often than once only if it cannot be ended.
            if of(engine, thread).is_underway() && !resume(engine, thread) {
                if let Some(stack) = of(engine, thread).stack.take() {
                    std::mem::forget(stack);
                }
                of(engine, thread).state = std::ptr::null_mut();
            }
        }
    }
}

/// Gives thread states and stacks back. The hub's thread state is the current one.
unsafe fn release(engine: *mut Engine) {
    // SAFETY: `run`; none of these states is the current one, and their frames have ended.
    unsafe {
        for fiber in &mut (&mut *engine).fibers {
            if let Some(stack) = fiber.stack.take() {
                let stack = stack.into_stack();
                SPARE.with_borrow_mut(|spare| spare.push(stack));
            }
            if !fiber.state.is_null() {
                ffi::PyThreadState_Clear(fiber.state);
                ffi::PyThreadState_Delete(fiber.state);
                fiber.state = std::ptr::null_mut();
            }
        }
    }
}
