//! `_ungil.ThreadPool`: the native half of `ungil.ThreadPoolExecutor`.

use std::cell::RefCell;
use std::ffi::c_long;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use pyo3::exceptions::{PyKeyboardInterrupt, PyRuntimeError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use ungil_measure::pool_stats::{End, PoolStats, Times};
use ungil_pool::gate::Gate;
use ungil_pool::thread::{Pushed, WorkQueue};

use super::call::call;
use super::core::{Content, Core, State};
use super::desk::Desk;
use super::executor::{new_future, not_opened, opened_twice, pass};
use super::figures::{PoolFigures, no_figures};
use super::future::{FutureBase, settle};
use super::ledger::Ledger;
use super::shared;
use super::task::label;
use crate::clock;
use crate::waiting::{stay_until_the_end, without_gil};

/// A thread that finds work without end comes to the interpreter's own switch this often, in nanoseconds.
const GIL_SLICE: u64 = 1_000_000;

thread_local! {
    /// The calling thread's post in a pool.
    static POST: RefCell<Option<Post>> = const { RefCell::new(None) };
}

/// What a thread works for, and the record of what it has done.
#[derive(Clone)]
struct Post {
    shop: Arc<Shop>,
    desk: Arc<Desk>,
}

/// A call that waits for a thread.
struct Work {
    future: Py<PyAny>,
    core: Arc<Core>,
    func: Py<PyAny>,
    args: Py<PyTuple>,
    kwargs: Option<Py<PyDict>>,
    /// In nanoseconds of the monotonic clock.
    submitted_at: u64,
}

/// What a pool and its threads share.
struct Shop {
    queue: WorkQueue<Work>,
    broken: AtomicBool,
    gate: Option<Arc<Gate>>,
    /// Only where figures are wanted.
    ledger: Option<Ledger>,
    /// Of the threads, those that have ended, too.
    desks: Mutex<Vec<Arc<Desk>>>,
    /// The process that made the pool: a forked child has none of its threads.
    generation: u64,
}

/// The native half of `ungil.ThreadPoolExecutor`.
#[pyclass(subclass, frozen, weakref, module = "ungil._ungil")]
#[derive(Default)]
pub(crate) struct ThreadPool {
    shop: OnceLock<Arc<Shop>>,
}

/// What a worker thread has of its pool: enough to work, not enough to keep the executor alive.
#[pyclass(frozen, module = "ungil._ungil")]
pub(crate) struct ThreadPoolCore {
    shop: Arc<Shop>,
    asked_at: u64,
}

#[pymethods]
impl ThreadPool {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self::default()
    }

    /// Sets the pool up for at most `max_workers` threads, and for `max_pending` unfinished tasks;
    /// with figures if they are wanted.
    fn _open(&self, max_workers: usize, max_pending: Option<usize>, stats: bool) -> PyResult<()> {
        let shop = Shop {
            queue: WorkQueue::new(max_workers),
            broken: AtomicBool::new(false),
            gate: max_pending.map(Gate::new),
            ledger: stats.then(Ledger::default),
            desks: Mutex::default(),
            generation: ungil_pool::generation(),
        };
        self.shop.set(Arc::new(shop)).map_err(|_| opened_twice())
    }

    /// Schedules `fn(*args, **kwargs)` and gives its future.
    #[pyo3(signature = (r#fn, /, *args, **kwargs))]
    fn submit<'py>(
        slf: &Bound<'py, Self>,
        r#fn: &Bound<'py, PyAny>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Self::submit_to(slf, 0, r#fn, args, kwargs)
    }

    /// `submit` of a task with a priority.
    fn _submit<'py>(
        slf: &Bound<'py, Self>,
        priority: i64,
        r#fn: &Bound<'py, PyAny>,
        args: &Bound<'py, PyTuple>,
        kwargs: &Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Self::submit_to(slf, priority, r#fn, args, Some(kwargs))
    }

    /// Whether a thread's initializer has raised.
    #[getter]
    fn _broken(&self) -> PyResult<bool> {
        Ok(self.shop()?.broken.load(Ordering::Acquire))
    }

    /// What a worker thread needs.
    fn _core(&self) -> PyResult<ThreadPoolCore> {
        Ok(ThreadPoolCore {
            shop: Arc::clone(self.shop()?),
            asked_at: now(),
        })
    }

    /// The native half of `shutdown`: takes no more work; gives the futures dropped.
    fn _close(&self, cancel_futures: bool) -> PyResult<Vec<Py<PyAny>>> {
        let shop = self.shop()?;
        if shop.is_inherited() {
            return Ok(Vec::new());
        }
        let queue = &shop.queue;
        queue.close();
        shop.open_gate();
        let dropped = if cancel_futures {
            queue.drain()
        } else {
            Vec::new()
        };
        for _ in &dropped {
            shop.ended(End::Cancelled);
        }
        Ok(dropped.into_iter().map(|work| work.future).collect())
    }

    /// What the pool has done so far.
    fn _figures(&self) -> PyResult<PoolFigures> {
        let shop = self.shop()?;
        let figures = shop.ledger.as_ref().ok_or_else(no_figures)?.figures(false);
        let now = now();
        let desks = shop.desks();
        Ok(PoolFigures(PoolStats {
            workers: desks.iter().map(|desk| desk.figures(now)).collect(),
            ..figures
        }))
    }
}

impl Shop {
    fn is_inherited(&self) -> bool {
        self.generation != ungil_pool::generation()
    }

    /// Whether the calling thread is one of this pool's.
    fn is_employer(&self) -> bool {
        POST.with_borrow(|post| {
            (post.as_ref()).is_some_and(|post| std::ptr::eq(&raw const *post.shop, self))
        })
    }

    /// Counts a task that has not been run.
    fn ended(&self, end: End) {
        if let Some(ledger) = &self.ledger {
            ledger.ended(end);
        }
    }

    fn desks(&self) -> MutexGuard<'_, Vec<Arc<Desk>>> {
        self.desks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets those pass who wait to submit: they shall be told that the pool is closed.
    fn open_gate(&self) {
        if let Some(gate) = &self.gate {
            gate.open();
        }
    }
}

impl ThreadPool {
    fn submit_to<'py>(
        slf: &Bound<'py, Self>,
        priority: i64,
        func: &Bound<'py, PyAny>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let shop = slf.get().shop()?;
        if shop.is_inherited() {
            return Err(PyRuntimeError::new_err(
                ungil_pool::SubmitError::Forked.to_string(),
            ));
        }
        if shop.broken.load(Ordering::Acquire) {
            return Err(broken_error(py));
        }
        stay_until_the_end();
        let pass = pass(py, shop.gate.as_ref(), !shop.is_employer())?;
        let (future, core) = new_future(py)?;
        if pass.is_some() {
            core.lock().pass = pass;
        }
        let given = shared::unwrap(args, kwargs)?;
        let (args, kwargs) = match &given {
            Some((args, kwargs)) => (args, Some(kwargs)),
            None => (args, kwargs),
        };
        let work = Work {
            future: future.clone().unbind(),
            core,
            func: func.clone().unbind(),
            args: args.clone().unbind(),
            kwargs: kwargs.map(|kwargs| kwargs.clone().unbind()),
            submitted_at: if shop.ledger.is_some() { now() } else { 0 },
        };
        match shop.queue.push_with(work, priority) {
            Ok(Pushed::Taken) => {}
            Ok(Pushed::StartThread) => {
                slf.call_method0("_start_thread")?;
            }
            Err(_) => {
                return Err(PyRuntimeError::new_err(
                    "cannot schedule new futures after shutdown",
                ));
            }
        }
        if let Some(ledger) = &shop.ledger {
            ledger.submitted(0);
        }
        Ok(future)
    }

    fn shop(&self) -> PyResult<&Arc<Shop>> {
        self.shop.get().ok_or_else(not_opened)
    }
}

impl Drop for ThreadPool {
    fn drop(&mut self) {
        // The threads finish what was submitted, then end.
        if let Some(shop) = self.shop.get()
            && !shop.is_inherited()
        {
            shop.queue.close();
        }
    }
}

#[pymethods]
impl ThreadPoolCore {
    /// Runs work until the pool is closed and empty. `pause` is a function of Python code that
    /// does nothing: where such a function begins, the interpreter lets other threads have the
    /// GIL if they have asked for it, and delivers what was raised in this thread. (To let go of
    /// the GIL unasked, and take it again, would wake the others before they ask, for nothing.)
    fn work(&self, py: Python<'_>, pause: &Bound<'_, PyAny>) -> PyResult<()> {
        stay_until_the_end();
        let mut time = now();
        let employed = Employed::new(&self.shop, self.asked_at, time);
        let mut since = time;
        loop {
            // Idle while the GIL is still held: whoever waits for the last result finds it so.
            let work = match self.shop.queue.pop_or_idle() {
                Some(work) => work,
                None => match without_gil(py, || self.shop.queue.wait()) {
                    Some(work) => {
                        time = now();
                        since = time;
                        work
                    }
                    None => return Ok(()),
                },
            };
            time = run(py, &employed.0, &work, time);
            drop(work);
            if time - since >= GIL_SLICE {
                // Native callables never come to it.
                pause.call0()?;
                time = now();
                since = time;
            }
        }
    }

    /// A thread could not be started after all; how many there are still.
    fn thread_refused(&self) -> usize {
        self.shop.queue.thread_refused();
        self.shop.queue.threads()
    }

    /// Fails everything that waits: the thread's initializer raised.
    fn fail(&self, py: Python<'_>) {
        self.shop.broken.store(true, Ordering::Release);
        for work in self.shop.queue.drain() {
            self.shop.ended(End::Failed);
            let error = broken_error(py).into_value(py).into_any();
            // A future that was cancelled meanwhile keeps that.
            let _ = settle(work.future.bind(py), &work.core, Content::Error(error));
        }
    }
}

/// While it lives, the calling thread works for a pool.
struct Employed(Post);

impl Employed {
    fn new(shop: &Arc<Shop>, asked_at: u64, now: u64) -> Self {
        let post = Post {
            shop: Arc::clone(shop),
            desk: Arc::new(Desk::new(asked_at, now)),
        };
        shop.desks().push(Arc::clone(&post.desk));
        POST.set(Some(post.clone()));
        Self(post)
    }
}

impl Drop for Employed {
    fn drop(&mut self) {
        self.0.desk.leaves(now());
        POST.set(None);
    }
}

/// Before a thread waits for a future: if it works for the pool that has the future's task in its
/// queue, it runs that task itself, for all the pool's threads might wait like that. With a
/// deadline, only where no thread is idle: the task may take longer than the caller wants to
/// wait.
pub(super) fn help(py: Python<'_>, core: &Arc<Core>, deadline: Option<Instant>) {
    let Some(post) = POST.with_borrow(Clone::clone) else {
        return;
    };
    let queue = &post.shop.queue;
    let waits = deadline.is_some_and(|deadline| deadline <= Instant::now() || queue.has_idle());
    if waits || core.state() != State::Pending {
        return;
    }
    if let Some(work) = queue.take(|work| Arc::ptr_eq(&work.core, core)) {
        run(py, &post, &work, now());
    }
}

/// Raises `KeyboardInterrupt` in another thread, at its next instruction of Python code.
#[pyfunction]
pub(crate) fn interrupt_thread(py: Python<'_>, ident: c_long) {
    let interrupt = py.get_type::<PyKeyboardInterrupt>();
    // SAFETY: the GIL is held; an unknown thread is no error.
    unsafe { ffi::PyThreadState_SetAsyncExc(ident, interrupt.as_ptr()) };
}

/// Runs a call that begins now; gives the time after it.
fn run(py: Python<'_>, post: &Post, work: &Work, begun: u64) -> u64 {
    let future = work.future.bind(py);
    let ready = match start(&work.core, future) {
        Ok(ready) => ready,
        Err(error) => {
            error.write_unraisable(py, Some(future));
            false
        }
    };
    if !ready {
        post.shop.ended(End::Cancelled);
        return begun;
    }
    post.desk.begins();
    let result = call(
        work.func.bind(py),
        work.args.bind(py),
        work.kwargs.as_ref().map(|kwargs| kwargs.bind(py)),
    );
    let ended = now();
    post.desk.ends(ended.saturating_sub(begun));
    let (end, content) = match result {
        Ok(value) => (End::Finished, Content::Value(value.unbind())),
        Err(error) => (End::Failed, Content::Error(error.into_value(py).into_any())),
    };
    if let Some(ledger) = &post.shop.ledger {
        let times = Times {
            submitted: work.submitted_at,
            begun,
            ended,
            back: ended,
        };
        ledger.ran(end, &times, 0, || label(work.func.bind(py)).into());
    }
    let is_listened_to = work.core.lock().ears.is_some();
    if let Err(error) = settle(future, &work.core, content) {
        error.write_unraisable(py, Some(future));
    }
    // Callbacks may take their time.
    if is_listened_to { now() } else { ended }
}

fn now() -> u64 {
    clock::monotonic_ns().cast_unsigned()
}

/// Marks the future running; `false` when it was cancelled.
fn start(core: &Core, future: &Bound<'_, PyAny>) -> PyResult<bool> {
    {
        let mut inner = core.lock();
        if core.state() == State::Pending && inner.ears.is_none() {
            core.set_state(&mut inner, State::Running);
            return Ok(true);
        }
    }
    FutureBase::set_running_or_notify_cancel(future.cast::<FutureBase>()?)
}

fn broken_error(py: Python<'_>) -> PyErr {
    let made = py.import("concurrent.futures.thread").and_then(|module| {
        module
            .getattr("BrokenThreadPool")?
            .call1(("A thread initializer failed, the thread pool is not usable anymore",))
    });
    made.map_or_else(|error| error, PyErr::from_value)
}
