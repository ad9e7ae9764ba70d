//! `_ungil.ProcessPool`: the native half of `ungil.ProcessPoolExecutor`.

use std::cell::RefCell;
use std::io;
use std::os::fd::RawFd;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};
use ungil_pool::process::{CrashPolicy, Options, ProcessPool as Engine, StartMethod};
use ungil_pool::{Breakage, SubmitError};

use super::core::{Content, Core, Link};
use super::executor::{TICK, new_future, not_opened, opened_twice, wait_with_signals};
use super::future::settle;
use super::notifier::Notifier;
use super::oom::OomWatch;
use super::orphans::{self, Orphan};
use super::task::FunctionCache;
use super::{outcome, start};

/// Payloads from this size on are copied without the GIL.
const DETACH_FROM: usize = 1 << 20;

thread_local! {
    /// Where calls are written before they go into shared memory.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The native half of `ungil.ProcessPoolExecutor`.
#[pyclass(subclass, frozen, weakref, module = "ungil._ungil")]
#[derive(Default)]
pub(crate) struct ProcessPool {
    office: OnceLock<Office>,
}

/// An opened pool.
struct Office {
    /// `None` once the pool has ended: its memory and its descriptor go then, even if the
    /// executor stays.
    engine: Mutex<Option<Arc<Engine>>>,
    /// Whether one bad worker, or one bad answer, breaks the pool.
    breaks: bool,
    /// Whether the buffers of results are read-only.
    readonly: bool,
    /// Why it was broken when it ended.
    broke: OnceLock<Arc<Breakage>>,
    notifier: Arc<Notifier>,
    oom: Arc<OomWatch>,
    functions: FunctionCache,
}

#[pymethods]
impl ProcessPool {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self::default()
    }

    /// Sets the pool up. `setup` is what every worker reads first; `initializer` a callable for
    /// the fork start method, whose workers inherit it unpickled; `descriptors`, which the pool
    /// duplicates, are what the others get with their start; then the policy and its retries;
    /// whether the buffers of results are read-only.
    #[allow(clippy::too_many_arguments)] // called in one place, from Python
    fn _open(
        &self,
        max_workers: u32,
        start_method: &str,
        setup: &Bound<'_, PyBytes>,
        initializer: Option<Py<PyAny>>,
        descriptors: Vec<RawFd>,
        on_crash: (String, u32),
        readonly_buffers: bool,
    ) -> PyResult<()> {
        let py = setup.py();
        let (on_crash, retries) = on_crash;
        let on_crash = match on_crash.as_str() {
            "retry" => CrashPolicy::Retry(retries),
            "break" => CrashPolicy::Break,
            _ => CrashPolicy::Isolate,
        };
        let descriptors = descriptors
            .into_iter()
            .map(start::duplicate)
            .collect::<io::Result<_>>()?;
        let method = match start_method {
            "fork" => StartMethod::Fork(Arc::new(start::PythonForker::new(initializer))),
            "spawn" => StartMethod::Spawn(start::interpreter(py, "_run_worker")?),
            _ => StartMethod::ForkServer(start::interpreter(py, "_run_server")?),
        };
        let office = Office {
            engine: Mutex::new(Some(Arc::new(Engine::new(
                Options {
                    max_workers,
                    method,
                    on_crash,
                    descriptors,
                },
                setup.as_bytes(),
            )?))),
            breaks: on_crash == CrashPolicy::Break,
            readonly: readonly_buffers,
            broke: OnceLock::new(),
            notifier: Arc::default(),
            oom: Arc::new(OomWatch::new()),
            functions: FunctionCache::default(),
        };
        self.office.set(office).map_err(|_| opened_twice())
    }

    /// Schedules `fn(*args, **kwargs)` and gives its future.
    #[pyo3(signature = (r#fn, /, *args, **kwargs))]
    fn submit<'py>(
        &self,
        r#fn: &Bound<'py, PyAny>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = args.py();
        let office = self.office()?;
        let (future, core) = new_future(py)?;
        // Pickling runs Python code, which may submit: take the scratch space out meanwhile.
        let mut head = SCRATCH.take();
        let submitted = office.submit_encoded(&future, &core, r#fn, args, kwargs, &mut head);
        if head.capacity() <= DETACH_FROM {
            SCRATCH.replace(head);
        }
        submitted?;
        Ok(future)
    }

    /// The process ids of the workers that are alive.
    fn worker_pids(&self) -> PyResult<Vec<u32>> {
        let engine = self.office()?.engine();
        Ok(engine.map_or_else(Vec::new, |engine| engine.pids()))
    }

    /// Whether a worker's process is about to start.
    fn _starting(&self) -> PyResult<bool> {
        let engine = self.office()?.engine();
        Ok(engine.is_some_and(|engine| engine.is_starting()))
    }

    /// Why the pool is broken, or None.
    #[getter]
    fn _broken(&self) -> PyResult<Option<String>> {
        let breakage = self.office()?.breakage();
        Ok(breakage.map(|breakage| breakage.reason.clone()))
    }

    /// Asks the workers to end at once (SIGTERM); running tasks fail, waiting ones are
    /// cancelled, and no more are taken. Does not wait: a task may handle the signal.
    fn terminate_workers(&self, py: Python<'_>) -> PyResult<()> {
        let office = self.office()?;
        if let Some(engine) = office.engine() {
            py.detach(|| engine.terminate());
        }
        Ok(())
    }

    /// Kills the workers at once; unfinished tasks fail or are cancelled, and no more are taken.
    fn kill_workers(&self, py: Python<'_>) -> PyResult<()> {
        let office = self.office()?;
        let Some(engine) = office.engine() else {
            return Ok(());
        };
        py.detach(|| engine.kill());
        office.wait_closed(py, engine)
    }

    /// The native half of `shutdown`.
    fn _shutdown(&self, py: Python<'_>, wait: bool, cancel_futures: bool) -> PyResult<()> {
        let office = self.office()?;
        let Some(engine) = office.engine() else {
            return Ok(());
        };
        py.detach(|| engine.close(cancel_futures));
        if wait {
            office.wait_closed(py, engine)
        } else {
            Ok(())
        }
    }
}

impl ProcessPool {
    fn office(&self) -> PyResult<&Office> {
        self.office.get().ok_or_else(not_opened)
    }
}

impl Office {
    fn engine(&self) -> Option<Arc<Engine>> {
        let engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        engine.clone()
    }

    /// Why the pool is or was broken.
    fn breakage(&self) -> Option<Arc<Breakage>> {
        match self.engine() {
            Some(engine) => engine.breakage(),
            None => self.broke.get().cloned(),
        }
    }

    fn submit_encoded<'py>(
        &self,
        future: &Bound<'py, PyAny>,
        core: &Arc<Core>,
        func: &Bound<'py, PyAny>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
        head: &mut Vec<u8>,
    ) -> PyResult<()> {
        let py = args.py();
        let engine = self.engine().ok_or_else(|| match self.breakage() {
            Some(breakage) => outcome::breakage_error(py, &breakage),
            None => closed(),
        })?;
        let call = match self.functions.encode(func, args, kwargs, head) {
            Ok(call) => call,
            // As with concurrent.futures, what is wrong with a task is its future's business.
            Err(error) => {
                return settle(
                    future,
                    core,
                    Content::Error(error.into_value(py).into_any()),
                );
            }
        };
        core.lock().link = Some(Link {
            pool: Arc::downgrade(&engine),
            notifier: Arc::clone(&self.notifier),
            oom: Arc::clone(&self.oom),
            label: call.label,
            breaks: self.breaks,
            readonly: self.readonly,
            place: None,
            _held: call.held,
        });
        let task = Arc::<Core>::clone(core);
        let submitted = match &call.payload {
            None => engine.submit(&[head], &[], task),
            Some(payload) => {
                let (head, buffers) = (payload.pieces(head), payload.buffers());
                let size: usize = head.iter().chain(&buffers).map(|part| part.len()).sum();
                if size < DETACH_FROM {
                    engine.submit(&head, &buffers, task)
                } else {
                    py.detach(|| engine.submit(&head, &buffers, task))
                }
            }
        };
        submitted.or_else(|error| {
            core.lock().link = None;
            match error {
                SubmitError::Broken(breakage) => Err(outcome::breakage_error(py, &breakage)),
                SubmitError::Closed | SubmitError::Forked | SubmitError::Thread(_) => {
                    Err(pyo3::exceptions::PyRuntimeError::new_err(error.to_string()))
                }
                SubmitError::TooLarge { .. } | SubmitError::Memory(_) => {
                    let error = pyo3::exceptions::PyMemoryError::new_err(error.to_string());
                    settle(
                        future,
                        core,
                        Content::Error(error.into_value(py).into_any()),
                    )
                }
            }
        })
    }

    /// Waits until every worker has ended and every callback has been called.
    fn wait_closed(&self, py: Python<'_>, engine: Arc<Engine>) -> PyResult<()> {
        if engine.is_inherited() {
            return Ok(());
        }
        wait_with_signals(py, || engine.wait(Some(TICK)))?;
        if let Some(breakage) = engine.breakage() {
            // Whoever comes first says the same.
            let _ = self.broke.set(breakage);
        }
        let ended = self
            .engine
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        drop((ended, engine));
        self.notifier.close();
        wait_with_signals(py, || self.notifier.flush(TICK))
    }
}

fn closed() -> PyErr {
    pyo3::exceptions::PyRuntimeError::new_err(SubmitError::Closed.to_string())
}

impl Drop for Office {
    fn drop(&mut self) {
        let Some(engine) = self.engine() else { return };
        if engine.is_inherited() {
            // The parent's, whose locks may have been held at the fork.
            return;
        }
        engine.close(false);
        self.notifier.close();
        let ending = engine.ending();
        if !ending.is_over() {
            orphans::adopt(Orphan {
                ending,
                notifier: Arc::clone(&self.notifier),
            });
        }
    }
}
