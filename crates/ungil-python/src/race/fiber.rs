//! Carries a thread of the model: a C stack and a thread state of the interpreter, on the OS thread that explores.
//!
//! Every switch goes by way of the hub, which makes the fiber's thread state the current one and then changes to its
//! stack. A fiber's Python frames, exceptions, context and `threading.local` live in its thread state, so nothing of
//! it is touched by the others.

use std::cell::{Cell, RefCell};
use std::io;

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};
use pyo3::ffi;
use pyo3::prelude::*;
use ungil_race::ThreadId;

use super::carrier::{Carrier, Pause};
use super::record::{self, Place};
use super::{gilstate, hub, protection, watchdog};

/// As much as C code needs for the recursion that `CPython` 3.12 allows it; only what is touched takes memory.
pub(super) const STACK_BYTES: usize = 16 << 20;

type Stack = Coroutine<(), (), (), DefaultStack>;

pub(super) struct Fiber {
    thread: ThreadId,
    /// Taken out while it runs.
    stack: RefCell<Option<Stack>>,
    state: Cell<*mut ffi::PyThreadState>,
    yielder: Cell<*const Yielder<(), ()>>,
    /// Whether it was left in a call that blocks and cannot be interrupted.
    left: Cell<bool>,
}

thread_local! {
    /// Stacks that no fiber uses now.
    static SPARE: RefCell<Vec<DefaultStack>> = const { RefCell::new(Vec::new()) };
}

/// Makes a thread state the current one.
///
/// # Safety
/// It belongs to this OS thread and is in use nowhere else; the GIL is held.
pub(super) unsafe fn activate(state: *mut ffi::PyThreadState) {
    // SAFETY: the caller's.
    unsafe {
        if ffi::PyThreadState_Get() != state {
            ffi::PyThreadState_Swap(state);
            gilstate::follow(state);
        }
    }
}

unsafe extern "C" {
    /// Null where the calling thread has let go of the GIL.
    #[cfg_attr(Py_3_13, link_name = "PyThreadState_GetUnchecked")]
    #[cfg_attr(not(Py_3_13), link_name = "_PyThreadState_UncheckedGet")]
    fn current_state() -> *mut ffi::PyThreadState;
}

impl Fiber {
    pub(super) fn new(thread: ThreadId) -> Self {
        Self {
            thread,
            stack: RefCell::new(None),
            state: Cell::new(std::ptr::null_mut()),
            yielder: Cell::new(std::ptr::null()),
            left: Cell::new(false),
        }
    }

    fn start(&self) -> io::Result<Stack> {
        let spare = SPARE.with_borrow_mut(Vec::pop);
        let stack = match spare {
            Some(stack) => stack,
            None => DefaultStack::new(STACK_BYTES)?,
        };
        // SAFETY: the GIL is held; the interpreter is the running one.
        self.state
            .set(unsafe { ffi::PyThreadState_New(ffi::PyInterpreterState_Get()) });
        protection::set(self.state.get(), &stack);
        let this = &raw const *self;
        Ok(Coroutine::with_stack(stack, move |yielder, ()| {
            // SAFETY: the engine has it in a box, and outlives its stack.
            let this = unsafe { &*this };
            this.yielder.set(yielder);
            hub::run_body(this.thread);
        }))
    }
}

impl Carrier for Fiber {
    fn resume(&self) -> io::Result<Pause> {
        let stack = self.stack.borrow_mut().take();
        let mut stack = match stack {
            Some(stack) => stack,
            None => self.start()?,
        };
        // SAFETY: made by `start` on this OS thread; the hub has the GIL.
        unsafe { activate(self.state.get()) };
        let ended = matches!(stack.resume(()), CoroutineResult::Return(()));
        if self.left.get() {
            std::mem::forget(stack);
            // SAFETY: the fiber has let go of the GIL; the hub's thread state is its own. The signal is not blocked
            // outside of its handler, which never returns.
            unsafe {
                ffi::PyEval_RestoreThread(hub::own_state());
                gilstate::follow(hub::own_state());
                watchdog::unblock_signal();
            }
            return Ok(Pause::Outside);
        }
        self.stack.replace(Some(stack));
        Ok(if ended { Pause::Ended } else { Pause::GaveWay })
    }

    fn give_way(&self) {
        // SAFETY: set by the fiber that calls this, which runs and whose yielder therefore lives.
        unsafe { (*self.yielder.get()).suspend(()) };
    }

    fn place(&self, py: Python<'_>) -> Option<Place> {
        // SAFETY: the fiber's own state; the GIL is held, and the fiber does not run.
        unsafe { record::place_of(py, self.state.get()) }
    }

    fn leave(&self) {
        // SAFETY: as `give_way`. What is current on 3.11 may be another OS thread's.
        unsafe {
            if current_state() != self.state.get() {
                self.left.set(true);
                (*self.yielder.get()).suspend(());
            }
        }
    }

    fn is_underway(&self) -> bool {
        self.stack
            .borrow()
            .as_ref()
            .is_some_and(|stack| stack.started() && !stack.done())
    }

    fn abandon(&self) {
        std::mem::forget(self.stack.take());
        self.state.set(std::ptr::null_mut());
    }

    fn release(&self) {
        if let Some(stack) = self.stack.take() {
            let stack = stack.into_stack();
            SPARE.with_borrow_mut(|spare| spare.push(stack));
        }
        let state = self.state.replace(std::ptr::null_mut());
        if !state.is_null() {
            // SAFETY: the hub's is the current one, and this one's frames have ended.
            unsafe {
                ffi::PyThreadState_Clear(state);
                ffi::PyThreadState_Delete(state);
            }
        }
    }
}
