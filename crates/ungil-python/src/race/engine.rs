//! The state of one run: threads, objects, time; and who goes on at each step.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use ungil_race::{
    Access, Choice, Event, Kind, MAX_THREADS, ObjectId, Operation, Part, State, Strategy, ThreadId,
    ThreadSet, ThreadState, Trace,
};

use super::aside;
use super::fiber::Fiber;
use super::record::Record;
use super::watchdog;

/// What an object's second half of the name is where it is no attribute.
pub(super) const RESOURCE: usize = 1;
pub(super) const CONTAINER: usize = 2;
pub(super) const CELL: usize = 3;

/// Nobody: the code that runs the fibers.
pub(super) const HUB: usize = usize::MAX;

/// Steps that unwinding code may make before it is left where it is.
const LAST_STEPS: usize = 100_000;

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
}

/// A thread of the model.
pub(super) struct Thread {
    pub(super) daemon: bool,
    pub(super) name: String,
    /// Until when it sleeps or waits at most, in virtual seconds.
    deadline: Option<f64>,
    /// Whether its wait ended by the time that it was given.
    timed_out: bool,
    /// Steps of the run when it last went to sleep, and how often it had slept.
    slept_at: usize,
    sleeps: usize,
    /// The object that stands for its end.
    pub(super) end: ObjectId,
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
}

/// What is decided at a step.
pub(super) enum Decision {
    Run(ThreadId),
    End(End),
}

/// A failure seen during the run.
pub(super) struct Failure {
    pub(super) key: String,
    pub(super) thread: ThreadId,
    pub(super) value: Py<PyAny>,
}

pub(super) struct Engine {
    os_thread: libc::pthread_t,
    pub(super) current: usize,
    pub(super) strategy: *mut dyn Strategy,
    pub(super) trace: Trace,
    pub(super) states: Vec<ThreadState>,
    pub(super) threads: Vec<Thread>,
    pub(super) fibers: Vec<Fiber>,
    pub(super) names: FxHashMap<(usize, usize), ObjectId>,
    pub(super) shared: Vec<Shared>,
    pub(super) failures: Vec<Failure>,
    pub(super) ending: Option<End>,
    pub(super) interrupt: Option<PyErr>,
    pub(super) now: f64,
    pub(super) step_limit: usize,
    last_steps: usize,
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

/// The engine, where the caller is a thread of a model that it runs.
#[inline]
pub(super) fn inside() -> Option<&'static mut Engine> {
    let engine = ENGINE.load(Ordering::Acquire);
    if engine.is_null() {
        return None;
    }
    // SAFETY: it lives until `Engine::leave`, which its own OS thread calls; other threads read only
    // `os_thread`, which never changes. Borrows are short: none lives across a switch or a call of Python.
    unsafe {
        ((*engine).os_thread == libc::pthread_self() && (*engine).current != HUB)
            .then(|| &mut *engine)
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
        let mine = (*engine).os_thread == libc::pthread_self();
        let current = (*engine).current;
        if current == HUB {
            (*engine).aside.filter(|_| mine)
        } else {
            mine.then_some(current)
        }
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
    ) -> Self {
        Self {
            // SAFETY: always succeeds.
            os_thread: unsafe { libc::pthread_self() },
            current: HUB,
            strategy,
            trace: Trace::default(),
            states: Vec::new(),
            threads: Vec::new(),
            fibers: Vec::new(),
            names: FxHashMap::default(),
            shared: Vec::new(),
            failures: Vec::new(),
            ending: None,
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
        self.fibers.push(Fiber::new(thread, body));
        self.threads.push(Thread {
            daemon,
            name,
            deadline: None,
            timed_out: false,
            slept_at: 0,
            sleeps: 0,
            end,
        });
        self.states.push(ThreadState {
            next: Some(Operation::alone(Kind::Begin)),
        });
        self.trace
            .started_in
            .push(self.trace.events.len().checked_sub(1));
        Some(thread)
    }

    fn enabled(&self) -> ThreadSet {
        let can_go_on = |thread: &ThreadId| {
            let Some(next) = &self.states[*thread].next else {
                return false;
            };
            let rested = &self.threads[*thread];
            match next.kind {
                // From the second time on others come first: loops that wait end.
                Kind::Sleep => rested.sleeps < 2 || self.trace.events.len() > rested.slept_at,
                _ => !next.blocking || self.is_open(next),
            }
        };
        (0..self.threads.len()).filter(can_go_on).collect()
    }

    /// Whether everything that it touches is to be had: only locks and the like ever are not.
    fn is_open(&self, operation: &Operation) -> bool {
        let mut touched = operation.accesses.iter();
        touched.all(|access| self.shared[access.object as usize].available)
    }

    /// Who makes the next step; notes the step as made.
    pub(super) fn decide(&mut self) -> Decision {
        let mut enabled = self.enabled();
        let all_done = self
            .threads
            .iter()
            .zip(&self.states)
            .all(|(thread, state)| thread.daemon || state.next.is_none());
        if all_done {
            return Decision::End(End::Completed);
        }
        if enabled.is_empty() {
            // Nobody can go on before time passes.
            let soonest = (0..self.threads.len())
                .filter(|thread| self.states[*thread].next.is_some())
                .filter_map(|thread| Some((self.threads[thread].deadline?, thread)))
                .min_by(|one, other| one.0.total_cmp(&other.0));
            let Some((deadline, thread)) = soonest else {
                self.trace.end(&self.states, enabled);
                // Unwinding changes both: kept as they are now.
                let holders = self
                    .shared
                    .iter()
                    .map(|it| it.holder.map(|holder| holder.0));
                self.stuck_holders = holders.collect();
                let notes = self.fibers.iter_mut().enumerate();
                self.left_notes = notes
                    .map(|(thread, fiber)| (thread, fiber.note.take()))
                    .collect();
                return Decision::End(End::Stuck);
            };
            self.now = self.now.max(deadline);
            let kind = self.states[thread].next.as_ref().map(|next| next.kind);
            self.threads[thread].timed_out = kind != Some(Kind::Sleep);
            enabled.insert(thread);
        }
        if self.trace.events.len() >= self.step_limit {
            return Decision::End(End::TooLong);
        }
        let state = State {
            trace: &self.trace,
            threads: &self.states,
            enabled,
        };
        // SAFETY: the strategy outlives the run that it was given to.
        let thread = match unsafe { (*self.strategy).choose(&state) } {
            Choice::Run(thread) => thread,
            Choice::Prune => {
                self.trace.end(&self.states, enabled);
                return Decision::End(End::Pruned);
            }
            Choice::Diverged => return Decision::End(End::Diverged),
        };
        let Some(operation) = self.states[thread].next.clone() else {
            return Decision::End(End::Diverged);
        };
        if operation.kind == Kind::Sleep {
            self.now = self
                .now
                .max(self.threads[thread].deadline.unwrap_or(self.now));
        }
        self.threads[thread].deadline = None;
        let closed = !self.is_open(&operation);
        self.trace.events.push(Event {
            thread,
            operation,
            closed,
        });
        Decision::Run(thread)
    }
}

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
            Fiber::give_up(engine, me);
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
            engine.fibers[me].note = Some(record);
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
    match engine.decide() {
        Decision::Run(thread) if thread == me => {}
        Decision::Run(thread) => Fiber::switch(engine, me, thread),
        Decision::End(end) => {
            engine.ending = Some(end);
            Fiber::switch(engine, me, HUB);
        }
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
            && let Some(mut record) = self.fibers[thread].note.take()
        {
            record.step = at;
            records.push(record);
        }
    }
}

/// Whether a signal's handler (Ctrl-C) has raised; the run is to end then, and the thread to unwind.
pub(super) fn interrupted() -> bool {
    // SAFETY: called on a fiber, with the GIL.
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

impl Engine {
    /// Notes a failure; the run goes on.
    pub(super) fn fail(&mut self, key: &str, thread: ThreadId, value: Py<PyAny>) {
        self.failures.push(Failure {
            key: key.to_owned(),
            thread,
            value,
        });
    }
}
