//! The state of one run: threads, objects, time; and who goes on at each step.

use std::ffi::c_int;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::time::Duration;

use pyo3::ffi;
use pyo3::prelude::*;
use rustc_hash::FxHashMap;
use ungil_race::{
    Kind, MAX_THREADS, ObjectId, Operation, Strategy, ThreadId, ThreadSet, ThreadState, Trace,
};

use super::carrier::{Carrier, Carriers};
use super::decision::Drained;
use super::os_thread;
use super::outside::Blocked;
use super::record::Record;
use super::thread::Thread;

/// What an object's second half of the name is where it is no attribute.
pub(super) const RESOURCE: usize = 1;
pub(super) const CONTAINER: usize = 2;
pub(super) const CELL: usize = 3;

/// Nobody: the code that lets the threads run.
pub(super) const HUB: usize = usize::MAX;

/// Something that threads share.
pub(super) struct Shared {
    /// Kept alive during the run, so that its address names nothing else.
    pub(super) owner: Py<PyAny>,
    /// Whether those who wait for it can go on.
    pub(super) available: bool,
    /// Who has it, how often.
    pub(super) holder: Option<(ThreadId, u32)>,
    /// Made outside of the run and not taken then: to be given back where the run leaves it taken.
    pub(super) free_before: bool,
    /// Those who wait for it can go on as well when this file descriptor is readable.
    pub(super) descriptor: Option<c_int>,
}

impl Shared {
    /// Whether those who wait for it can go on.
    pub(super) fn lets_go_on(&self) -> bool {
        self.available || self.descriptor.is_some_and(is_readable)
    }
}

/// Whether a file descriptor is readable now.
pub(super) fn is_readable(descriptor: c_int) -> bool {
    let mut poll = libc::pollfd {
        fd: descriptor,
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one structure, which is filled.
    unsafe { libc::poll(&raw mut poll, 1, 0) > 0 }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Completed,
    Stuck,
    Pruned,
    Diverged,
    TooLong,
    NoMemory,
    Interrupted,
    /// Those that are left wait for threads that block outside of what is followed.
    Blocked,
}

/// A failure seen during the run.
pub(super) struct Failure {
    pub(super) key: String,
    pub(super) thread: ThreadId,
    pub(super) value: Py<PyAny>,
}

pub(super) struct Engine {
    /// The OS thread that explores.
    explorer: libc::pthread_t,
    /// The OS thread that runs the model now; 0 for none.
    holder: AtomicUsize,
    pub(super) current: usize,
    pub(super) strategy: *mut dyn Strategy,
    pub(super) trace: Trace,
    pub(super) states: Vec<ThreadState>,
    pub(super) threads: Vec<Thread>,
    pub(super) carriers: Vec<Box<dyn Carrier>>,
    pub(super) carried_by: Carriers,
    /// Those in a call that blocks outside of what is followed.
    pub(super) outside: ThreadSet,
    /// How long the others wait for them, and whether they have done so in vain since the last step.
    pub(super) patience: Duration,
    pub(super) waited: bool,
    /// Who has done so first.
    pub(super) blocked: Option<Blocked>,
    pub(super) names: FxHashMap<(usize, usize), ObjectId>,
    pub(super) shared: Vec<Shared>,
    pub(super) failures: Vec<Failure>,
    pub(super) ending: Option<End>,
    pub(super) drained: Option<Drained>,
    pub(super) interrupt: Option<PyErr>,
    pub(super) now: f64,
    pub(super) step_limit: usize,
    pub(super) last_steps: usize,
    pub(super) loops: usize,
    /// Whether a loop has let others go first.
    pub(super) spun: bool,
    /// What is noted of each step, where the run is to be told.
    pub(super) records: Option<Vec<Record>>,
    /// At which step its thread calls what, before it makes it.
    pub(super) stop: Option<(usize, Py<PyAny>)>,
    /// The thread that does something now that is no part of the model.
    pub(super) aside: Option<ThreadId>,
    pub(super) abandoned: Py<PyAny>,
    /// Where nobody can go on: who has each object, and what those who wait were about to do.
    pub(super) stuck_holders: Vec<Option<ThreadId>>,
    pub(super) left_notes: Vec<(ThreadId, Option<Record>)>,
}

static ENGINE: AtomicPtr<Engine> = AtomicPtr::new(ptr::null_mut());

/// The engine, where the caller is a thread of a model that it runs. One that comes back from a call that blocked
/// outside waits here for its turn.
#[inline]
pub(super) fn inside() -> Option<&'static mut Engine> {
    let engine = ENGINE.load(Ordering::Acquire);
    if engine.is_null() {
        return None;
    }
    // SAFETY: it lives until `Engine::leave`, when no thread of the model runs; other OS threads than the holder
    // read only `holder`. Borrows are short: none lives across a switch or a call of Python.
    unsafe {
        if (*engine).holder.load(Ordering::Relaxed) != libc::pthread_self() as usize {
            return os_thread::come_back().then(|| &mut *engine);
        }
        ((*engine).current != HUB).then(|| &mut *engine)
    }
}

/// The number of the thread of a model that calls, also where what it does now is no part of the model.
pub(super) fn thread_number() -> Option<ThreadId> {
    let engine = ENGINE.load(Ordering::Acquire);
    if engine.is_null() {
        return None;
    }
    // SAFETY: as above.
    unsafe {
        if (*engine).holder.load(Ordering::Relaxed) != libc::pthread_self() as usize {
            return os_thread::own_number();
        }
        let current = (*engine).current;
        (*engine).aside.or(Some(current).filter(|it| *it != HUB))
    }
}

/// What the first thread of a model has for its number: that of the OS thread that explores.
pub(super) fn explorer() -> Option<u64> {
    let engine = ENGINE.load(Ordering::Acquire);
    // SAFETY: as above; it never changes.
    (!engine.is_null()).then(|| unsafe { (*engine).explorer })
}

/// The calling OS thread (or none) runs the model from now on.
pub(super) fn hold(holds: bool) {
    let engine = ENGINE.load(Ordering::Acquire);
    if !engine.is_null() {
        // SAFETY: as above.
        unsafe {
            let holder = if holds {
                libc::pthread_self() as usize
            } else {
                0
            };
            (*engine).holder.store(holder, Ordering::Relaxed);
        }
    }
}

/// The exception that ends a thread of the model, where the process explores.
pub(super) fn abandonment(py: Python<'_>) -> Option<PyResult<PyErr>> {
    let class = for_hub()?.abandoned.bind(py).clone();
    Some(class.call0().map(PyErr::from_value))
}

/// The engine, for the hub, or what never changes in it: with the GIL, so that no thread of the model changes it.
fn for_hub() -> Option<&'static mut Engine> {
    // SAFETY: the hub lives no longer than the engine; each borrow is for one call of the functions below.
    unsafe { ENGINE.load(Ordering::Acquire).as_mut() }
}

/// Whether a thread of the model does something that is no part of it. The functions from here on are the hub's.
pub(super) fn is_aside() -> bool {
    for_hub().is_some_and(|engine| engine.aside.is_some())
}

/// Whether the run is to end since something has raised.
pub(super) fn is_interrupted() -> bool {
    for_hub().is_some_and(|engine| engine.ending == Some(End::Interrupted))
}

/// The run is to end, since a signal's handler has raised.
pub(super) fn interrupt(error: Option<PyErr>) {
    if let Some(engine) = for_hub() {
        engine.interrupt = engine.interrupt.take().or(error);
        engine.ending = Some(End::Interrupted);
    }
}

/// Has a thread that comes to nothing that is followed unwind.
pub(super) fn raise_in(thread: ThreadId, os_thread: libc::pthread_t) {
    if let Some(engine) = for_hub() {
        engine.threads[thread].unwinds = true;
        // SAFETY: the GIL is held.
        unsafe {
            ffi::PyThreadState_SetAsyncExc(os_thread.cast_signed(), engine.abandoned.as_ptr())
        };
    }
}

/// Whether some thread of this process explores.
pub(super) fn is_exploring() -> bool {
    !ENGINE.load(Ordering::Acquire).is_null()
}

impl Engine {
    pub(super) fn new(
        abandoned: Py<PyAny>,
        strategy: *mut dyn Strategy,
        step_limit: usize,
        carried_by: Carriers,
        patience: Duration,
    ) -> Self {
        // SAFETY: always succeeds.
        let explorer = unsafe { libc::pthread_self() };
        Self {
            explorer,
            holder: AtomicUsize::new(explorer as usize),
            current: HUB,
            strategy,
            trace: Trace::default(),
            states: Vec::new(),
            threads: Vec::new(),
            carriers: Vec::new(),
            carried_by,
            outside: ThreadSet::EMPTY,
            patience,
            waited: false,
            blocked: None,
            names: FxHashMap::default(),
            shared: Vec::new(),
            failures: Vec::new(),
            ending: None,
            drained: None,
            interrupt: None,
            now: 0.0,
            step_limit,
            last_steps: 0,
            loops: 0,
            spun: false,
            records: None,
            stop: None,
            aside: None,
            abandoned,
            stuck_holders: Vec::new(),
            left_notes: Vec::new(),
        }
    }

    /// Makes it the engine that hooks find.
    pub(super) fn enter(self: &mut Box<Self>) {
        ENGINE.store(ptr::from_mut(self.as_mut()), Ordering::Release);
    }

    pub(super) fn leave() {
        ENGINE.store(ptr::null_mut(), Ordering::Release);
    }

    /// The number of a shared thing in this run. `fresh` makes its state where it is met for the first time.
    pub(super) fn object(&mut self, owner: *mut ffi::PyObject, part: usize) -> ObjectId {
        if let Some(object) = self.names.get(&(owner as usize, part)) {
            return *object;
        }
        let object = self.shared.len() as ObjectId;
        self.names.insert((owner as usize, part), object);
        self.shared.push(Shared {
            // SAFETY: the caller holds the GIL and a reference to it.
            owner: unsafe { Bound::from_borrowed_ptr(Python::assume_attached(), owner).unbind() },
            available: true,
            holder: None,
            free_before: false,
            descriptor: None,
        });
        object
    }

    /// The number of a lock, with `start` as its state if this run has not met it.
    pub(super) fn resource(
        &mut self,
        owner: *mut ffi::PyObject,
        start: impl FnOnce() -> bool,
    ) -> ObjectId {
        let known = self.names.contains_key(&(owner as usize, RESOURCE));
        let object = self.object(owner, RESOURCE);
        if !known {
            let shared = &mut self.shared[object as usize];
            shared.available = start();
            shared.free_before = shared.available;
        }
        object
    }

    /// Adds a thread; its number.
    pub(super) fn add_thread(
        &mut self,
        name: String,
        daemon: bool,
        body: Py<PyAny>,
        stands_for: *mut ffi::PyObject,
    ) -> Option<ThreadId> {
        let thread = self.threads.len();
        if thread >= MAX_THREADS {
            return None;
        }
        let end = self.object(stands_for, RESOURCE);
        self.shared[end as usize].available = false;
        self.carriers.push(self.carried_by.carrier(thread));
        self.threads.push(Thread::new(name, daemon, body, end));
        self.states.push(ThreadState {
            next: Some(Operation::alone(Kind::Begin)),
        });
        self.trace
            .started_in
            .push(self.trace.events.len().checked_sub(1));
        Some(thread)
    }

    /// Notes a failure; the run goes on.
    pub(super) fn fail(&mut self, key: &str, thread: ThreadId, value: Py<PyAny>) {
        self.failures.push(Failure {
            key: key.to_owned(),
            thread,
            value,
        });
    }
}
