//! `_ungil.ProcessPool`: the native half of `ungil.ProcessPoolExecutor`.

use std::cell::RefCell;
use std::io;
use std::os::fd::RawFd;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};
use ungil_measure::pool_stats::PoolStats;
use ungil_pool::gate::Gate;
use ungil_pool::process::{
    CrashPolicy, Options, ProcessPool as Engine, StartMethod, Terms, UNLIMITED, WorkerRecord,
};
use ungil_pool::{Breakage, SubmitError};

use super::core::{Content, Core, Home, Link};
use super::executor::{TICK, new_future, not_opened, opened_twice, pass, wait_with_signals};
use super::figures::{PoolFigures, no_figures};
use super::future::settle;
use super::ledger::Ledger;
use super::notifier::Notifier;
use super::oom::OomWatch;
use super::orphans::{self, Orphan};
use super::task::FunctionCache;
use super::{figures, outcome, start};
use crate::clock;
use crate::waiting::{stay_until_the_end, without_gil};

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

/// A call as Python gives it: the function, its arguments, its keywords.
type CallParts<'a, 'py> = (
    &'a Bound<'py, PyAny>,
    &'a Bound<'py, PyTuple>,
    Option<&'a Bound<'py, PyDict>>,
);

/// What a pool is opened with: `PoolPlan` in `ungil._process`.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Plan<'py> {
    max_workers: u32,
    start_method: String,
    /// What every worker reads first, pickled.
    setup: Bound<'py, PyBytes>,
    /// For the fork start method, whose workers inherit it unpickled.
    initializer: Option<Py<PyAny>>,
    /// What workers of the other methods get with their start; the pool duplicates them.
    descriptors: Vec<RawFd>,
    on_crash: String,
    retries: u32,
    /// Seconds that a task may run.
    task_timeout: Option<f64>,
    /// The bound on unfinished tasks.
    max_pending: Option<usize>,
    /// Whether to keep figures.
    stats: bool,
    /// Whether the buffers of results are read-only.
    readonly_buffers: bool,
}

/// An opened pool.
struct Office {
    /// `None` once the pool has ended: its memory and its descriptor go then, even if the
    /// executor stays.
    engine: Mutex<Option<Arc<Engine>>>,
    /// Why it was broken when it ended.
    broke: OnceLock<Arc<Breakage>>,
    home: Arc<Home>,
    gate: Option<Arc<Gate>>,
    /// The workers' records, and the number of runs begun anew, once the pool has ended.
    last_records: OnceLock<(Vec<WorkerRecord>, u64)>,
    functions: FunctionCache,
}

#[pymethods]
impl ProcessPool {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self::default()
    }

    /// Sets the pool up.
    fn _open(&self, py: Python<'_>, plan: Plan<'_>) -> PyResult<()> {
        let on_crash = match plan.on_crash.as_str() {
            "retry" => CrashPolicy::Retry(plan.retries),
            "break" => CrashPolicy::Break,
            _ => CrashPolicy::Isolate,
        };
        let descriptors = plan
            .descriptors
            .into_iter()
            .map(start::duplicate)
            .collect::<io::Result<_>>()?;
        let method = match plan.start_method.as_str() {
            "fork" => StartMethod::Fork(Arc::new(start::PythonForker::new(plan.initializer))),
            "spawn" => StartMethod::Spawn(start::interpreter(py, "_run_worker")?),
            _ => StartMethod::ForkServer(start::interpreter(py, "_run_server")?),
        };
        let engine = Arc::new(Engine::new(
            Options {
                max_workers: plan.max_workers,
                method,
                on_crash,
                task_limit: plan.task_timeout.map(limit),
                descriptors,
            },
            plan.setup.as_bytes(),
        )?);
        let home = Home {
            pool: Arc::downgrade(&engine),
            notifier: Arc::new(Notifier::new()),
            oom: OomWatch::new(),
            ledger: plan.stats.then(Ledger::default),
            breaks: on_crash == CrashPolicy::Break,
            readonly: plan.readonly_buffers,
        };
        let office = Office {
            engine: Mutex::new(Some(engine)),
            broke: OnceLock::new(),
            home: Arc::new(home),
            gate: plan.max_pending.map(Gate::new),
            last_records: OnceLock::new(),
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
        self.submit_on(Terms::default(), r#fn, args, kwargs)
    }

    /// `submit` of a task with options: its timeout in seconds, and its priority.
    fn _submit<'py>(
        &self,
        options: (Option<f64>, i64),
        r#fn: &Bound<'py, PyAny>,
        args: &Bound<'py, PyTuple>,
        kwargs: &Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (timeout, priority) = options;
        let terms = Terms {
            priority,
            limit: timeout.map(limit),
        };
        self.submit_on(terms, r#fn, args, Some(kwargs))
    }

    /// The process ids of the workers that are alive.
    fn worker_pids(&self, py: Python<'_>) -> PyResult<Vec<u32>> {
        let engine = self.office()?.engine();
        Ok(engine.map_or_else(Vec::new, |engine| without_gil(py, || engine.pids())))
    }

    /// What the pool has done so far.
    fn _figures(&self, py: Python<'_>) -> PyResult<PoolFigures> {
        let office = self.office()?;
        let ledger = office.home.ledger.as_ref().ok_or_else(no_figures)?;
        Ok(PoolFigures(without_gil(py, || office.figures(ledger))))
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
            without_gil(py, || engine.terminate());
            office.open_gate();
        }
        Ok(())
    }

    /// Kills the workers at once; unfinished tasks fail or are cancelled, and no more are taken.
    fn kill_workers(&self, py: Python<'_>) -> PyResult<()> {
        let office = self.office()?;
        let Some(engine) = office.engine() else {
            return Ok(());
        };
        without_gil(py, || engine.kill());
        office.open_gate();
        office.wait_closed(py, engine)
    }

    /// The native half of `shutdown`.
    fn _shutdown(&self, py: Python<'_>, wait: bool, cancel_futures: bool) -> PyResult<()> {
        let office = self.office()?;
        let Some(engine) = office.engine() else {
            return Ok(());
        };
        without_gil(py, || engine.close(cancel_futures));
        office.open_gate();
        if wait {
            office.wait_closed(py, engine)
        } else {
            Ok(())
        }
    }
}

impl ProcessPool {
    fn submit_on<'py>(
        &self,
        terms: Terms,
        func: &Bound<'py, PyAny>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = args.py();
        let office = self.office()?;
        stay_until_the_end();
        let pass = pass(py, office.gate.as_ref(), !office.home.notifier.is_telling())?;
        let (future, core) = new_future(py)?;
        if pass.is_some() {
            core.lock().pass = pass;
        }
        // Pickling runs Python code, which may submit: take the scratch space out meanwhile.
        let mut head = SCRATCH.take();
        let submitted =
            office.submit_encoded(terms, (&future, &core), (func, args, kwargs), &mut head);
        if head.capacity() <= DETACH_FROM {
            SCRATCH.replace(head);
        }
        submitted?;
        Ok(future)
    }

    fn office(&self) -> PyResult<&Office> {
        self.office.get().ok_or_else(not_opened)
    }
}

impl Office {
    fn engine(&self) -> Option<Arc<Engine>> {
        let engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        engine.clone()
    }

    /// Lets those pass who wait to submit: they shall be told that the pool is closed.
    fn open_gate(&self) {
        if let Some(gate) = &self.gate {
            gate.open();
        }
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
        terms: Terms,
        (future, core): (&Bound<'py, PyAny>, &Arc<Core>),
        (func, args, kwargs): CallParts<'_, 'py>,
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
                self.home.refused();
                return settle(
                    future,
                    core,
                    Content::Error(error.into_value(py).into_any()),
                );
            }
        };
        core.lock().link = Some(Link {
            home: Arc::clone(&self.home),
            submitted_at: self.home.ledger.as_ref().map_or(0, |_| now()),
            label: call.label,
            place: None,
            _held: call.held,
        });
        let task = Arc::<Core>::clone(core);
        let mut size = head.len();
        let submitted = match &call.payload {
            None => engine.submit_with(&[head], &[], task, terms),
            Some(payload) => {
                let (head, buffers) = (payload.pieces(head), payload.buffers());
                size = head.iter().chain(&buffers).map(|part| part.len()).sum();
                if size < DETACH_FROM {
                    engine.submit_with(&head, &buffers, task, terms)
                } else {
                    without_gil(py, || engine.submit_with(&head, &buffers, task, terms))
                }
            }
        };
        if let (Ok(()), Some(ledger)) = (&submitted, &self.home.ledger) {
            ledger.submitted(size);
        }
        submitted.or_else(|error| {
            core.lock().link = None;
            match error {
                SubmitError::Broken(breakage) => Err(outcome::breakage_error(py, &breakage)),
                SubmitError::Closed | SubmitError::Forked | SubmitError::Thread(_) => {
                    Err(pyo3::exceptions::PyRuntimeError::new_err(error.to_string()))
                }
                SubmitError::TooLarge { .. } | SubmitError::Memory(_) => {
                    self.home.refused();
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

    fn figures(&self, ledger: &Ledger) -> PoolStats {
        let (records, retried) = match self.engine() {
            Some(engine) => engine.records(),
            None => self.last_records.get().cloned().unwrap_or_default(),
        };
        let mut stats = ledger.figures(true);
        stats.tasks.retried = retried;
        stats.workers = records.iter().map(figures::of_process).collect();
        stats
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
        let _ = self.last_records.set(engine.records());
        let ended = self
            .engine
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        drop((ended, engine));
        self.home.notifier.close();
        wait_with_signals(py, || self.home.notifier.flush(TICK))
    }
}

/// A checked timeout as the engine has it; infinite: none.
fn limit(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(UNLIMITED)
}

fn now() -> u64 {
    clock::monotonic_ns().cast_unsigned()
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
        self.home.notifier.close();
        let ending = engine.ending();
        if !ending.is_over() {
            orphans::adopt(Orphan {
                ending,
                notifier: Arc::clone(&self.home.notifier),
            });
        }
    }
}
