//! `_ungil.ThreadPool`: the native half of `ungil.ThreadPoolExecutor`.

use std::ffi::c_long;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use pyo3::exceptions::{PyKeyboardInterrupt, PyRuntimeError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use ungil_pool::thread::{Pushed, WorkQueue};

use super::call::call;
use super::core::{Content, Core, State};
use super::executor::{new_future, not_opened, opened_twice};
use super::future::{FutureBase, settle};
use super::shared;

/// A thread that finds work without end comes to the interpreter's own switch this often.
const GIL_SLICE: Duration = Duration::from_millis(1);

/// A call that waits for a thread.
struct Work {
    future: Py<PyAny>,
    core: Arc<Core>,
    func: Py<PyAny>,
    args: Py<PyTuple>,
    kwargs: Option<Py<PyDict>>,
}

/// What a pool and its threads share.
struct Shop {
    queue: WorkQueue<Work>,
    broken: AtomicBool,
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
}

#[pymethods]
impl ThreadPool {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self::default()
    }

    /// Sets the pool up for at most `max_workers` threads.
    fn _open(&self, max_workers: usize) -> PyResult<()> {
        let shop = Shop {
            queue: WorkQueue::new(max_workers),
            broken: AtomicBool::new(false),
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
        let (future, core) = new_future(py)?;
        let given = shared::unwrap(args, kwargs)?;
        let (args, kwargs) = match &given {
            Some((args, kwargs)) => (args, Some(kwargs)),
            None => (args, kwargs),
        };
        let work = Work {
            future: future.clone().unbind(),
            core,
            func: r#fn.clone().unbind(),
            args: args.clone().unbind(),
            kwargs: kwargs.map(|kwargs| kwargs.clone().unbind()),
        };
        match shop.queue.push(work) {
            Ok(Pushed::Taken) => {}
            Ok(Pushed::StartThread) => {
                if let Err(error) = slf.call_method0("_start_thread") {
                    shop.queue.thread_refused();
                    // With any thread alive the work will be done, only later.
                    if shop.queue.threads() == 0 {
                        return Err(error);
                    }
                }
            }
            Err(_) => {
                return Err(PyRuntimeError::new_err(
                    "cannot schedule new futures after shutdown",
                ));
            }
        }
        Ok(future)
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
        Ok(if cancel_futures {
            queue.drain().into_iter().map(|work| work.future).collect()
        } else {
            Vec::new()
        })
    }
}

impl Shop {
    fn is_inherited(&self) -> bool {
        self.generation != ungil_pool::generation()
    }
}

impl ThreadPool {
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
        let mut since = Instant::now();
        loop {
            // Idle while the GIL is still held: whoever waits for the last result finds it so.
            let work = match self.shop.queue.pop_or_idle() {
                Some(work) => work,
                None => match py.detach(|| self.shop.queue.wait()) {
                    Some(work) => {
                        since = Instant::now();
                        work
                    }
                    None => return Ok(()),
                },
            };
            run(py, &work);
            drop(work);
            if since.elapsed() >= GIL_SLICE {
                // Native callables never come to it.
                pause.call0()?;
                since = Instant::now();
            }
        }
    }

    /// Fails everything that waits: the thread's initializer raised.
    fn fail(&self, py: Python<'_>) {
        self.shop.broken.store(true, Ordering::Release);
        for work in self.shop.queue.drain() {
            let error = broken_error(py).into_value(py).into_any();
            // A future that was cancelled meanwhile keeps that.
            let _ = settle(work.future.bind(py), &work.core, Content::Error(error));
        }
    }
}

/// Raises `KeyboardInterrupt` in another thread, at its next instruction of Python code.
#[pyfunction]
pub(crate) fn interrupt_thread(py: Python<'_>, ident: c_long) {
    let interrupt = py.get_type::<PyKeyboardInterrupt>();
    // SAFETY: the GIL is held; an unknown thread is no error.
    unsafe { ffi::PyThreadState_SetAsyncExc(ident, interrupt.as_ptr()) };
}

fn run(py: Python<'_>, work: &Work) {
    let future = work.future.bind(py);
    let ready = match start(&work.core, future) {
        Ok(ready) => ready,
        Err(error) => {
            error.write_unraisable(py, Some(future));
            false
        }
    };
    if !ready {
        return;
    }
    let result = call(
        work.func.bind(py),
        work.args.bind(py),
        work.kwargs.as_ref().map(|kwargs| kwargs.bind(py)),
    );
    let content = match result {
        Ok(value) => Content::Value(value.unbind()),
        Err(error) => Content::Error(error.into_value(py).into_any()),
    };
    if let Err(error) = settle(future, &work.core, content) {
        error.write_unraisable(py, Some(future));
    }
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
