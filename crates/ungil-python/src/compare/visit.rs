//! One timed run of one cell, on a fresh pool.

use pyo3::prelude::*;
use rustix::process::getpid;
use ungil_gil::meter;
use ungil_gil::model::Track;
use ungil_measure::comparison::{
    GilThread, GilTimeline, GilUse, MemorySample, RunSample, SystemState, TaskSample,
};
use ungil_measure::os::linux::System;

use super::listener::Listener;
use super::transport::Transport;
use crate::batch::{Batch, Times};
use crate::clock;
use crate::error::Result;
use crate::gil;
use crate::kinds::{Home, Kind, Pool, PoolOptions};
use crate::probe::Report;
use crate::visit;
use crate::workload::Workload;

/// What a visit needs.
pub(super) struct Visit<'a> {
    /// The workload at its size.
    pub(super) workload: &'a Workload,
    /// Tasks of the run.
    pub(super) tasks: usize,
    /// The cell's kind.
    pub(super) kind: &'static dyn Kind,
    /// The cell's workers.
    pub(super) options: PoolOptions,
    /// Longest time of a task, seconds.
    pub(super) timeout: Option<f64>,
    /// What it costs to pickle a task.
    pub(super) transport: Transport,
    /// Told how many tasks of the timed run are done.
    pub(super) listener: &'a dyn Listener,
}

/// What a visit brings back.
pub(super) struct Findings {
    /// Seconds from asking for the pool until its first result; `None` for the baseline.
    pub(super) startup_s: Option<f64>,
    /// The timed run.
    pub(super) run: RunSample,
    /// Memory of each worker process.
    pub(super) memory: Vec<MemorySample>,
    /// Memory of this process, where it is the workers' too.
    pub(super) own: Option<OwnMemory>,
    /// The system before the timed run.
    pub(super) before: SystemState,
    /// The system after it.
    pub(super) after: SystemState,
}

/// Memory of this process around a visit.
#[derive(Clone, Copy)]
pub(super) struct OwnMemory {
    /// Before the pool was opened.
    pub(super) before: MemorySample,
    /// While all workers live, behind the timed run.
    pub(super) during: MemorySample,
    /// After the pool was closed.
    pub(super) after: MemorySample,
}

impl Visit<'_> {
    /// Opens the pool, warms it up, runs, looks at memory, closes.
    pub(super) fn make(&self, py: Python<'_>) -> Result<Findings> {
        // A compiler that the kind loads is no worker's memory: it is there before anything is looked at.
        self.workload.probe_for(py, self.kind)?;
        let before = self.kind.home().is_shared().then(own_memory).flatten();
        let asked = clock::monotonic_ns();
        let pool = Pool::open(py, self.kind, &self.options)?;
        match self.on(py, &pool, asked) {
            Ok(mut findings) => {
                let during = before.and_then(|_| own_memory());
                pool.close(py)?;
                let after = before.and_then(|_| own_memory());
                findings.own = before
                    .zip(during)
                    .zip(after)
                    .map(|((before, during), after)| OwnMemory {
                        before,
                        during,
                        after,
                    });
                Ok(findings)
            }
            Err(error) => {
                pool.abandon(py);
                Err(error)
            }
        }
    }

    /// One more run, of which only the GIL's timeline is kept; `None` where it cannot be traced.
    pub(super) fn trace(&self, py: Python<'_>) -> Result<Option<GilTimeline>> {
        let pool = Pool::open(py, self.kind, &self.options)?;
        match self.traced(py, &pool) {
            Ok(timeline) => {
                pool.close(py)?;
                Ok(timeline)
            }
            Err(error) => {
                pool.abandon(py);
                Err(error)
            }
        }
    }

    fn traced(&self, py: Python<'_>, pool: &Pool) -> Result<Option<GilTimeline>> {
        if !pool.is_caller() {
            visit::until_all_are_up(py, pool, self.workload)?;
        }
        self.batch(pool, pool.workers.min(self.tasks), &|_| ())
            .run(py)?;
        let Ok(trace) = gil::Recording::begin(py) else {
            return Ok(None); // on a Python without a GIL, or where someone traces already
        };
        self.batch(pool, self.tasks, &|done| self.listener.tasks_done(done))
            .run(py)?;
        Ok(trace.end().map(|report| timeline(&report)))
    }

    fn on(&self, py: Python<'_>, pool: &Pool, asked: i64) -> Result<Findings> {
        let mut startup_s = None;
        if !pool.is_caller() {
            let first = visit::first_result(py, pool, self.workload)?;
            startup_s = Some(clock::seconds(first - asked));
            visit::until_all_are_up(py, pool, self.workload)?;
        }
        // One task for each worker: allocators and caches of a fresh worker are cold.
        self.batch(pool, pool.workers.min(self.tasks), &|_| ())
            .run(py)?;

        let system = System::host();
        let pids: Vec<u32> = pool
            .worker_pids(py)?
            .into_iter()
            .map(i32::unsigned_abs)
            .collect();
        let before = system.state();
        let workers_before = workers_cpu_s(&system, &pids);
        let own_before = clock::process_cpu_ns();
        let queued_before = system.own_queued_s();
        // Of one GIL: interpreters have one each, clusters have theirs elsewhere.
        let one_gil = self.kind.home() == Home::Interpreter;
        let gil = one_gil.then(GilMeter::begin).flatten();
        let times = self
            .batch(pool, self.tasks, &|done| self.listener.tasks_done(done))
            .run(py)?;
        let gil = gil.and_then(GilMeter::end);
        let own_cpu = clock::seconds(clock::process_cpu_ns() - own_before);
        let cpu_s = own_cpu + workers_cpu_s(&system, &pids) - workers_before;
        let queued_s = system
            .own_queued_s()
            .zip(queued_before)
            .map(|(now, before)| now - before)
            .filter(|_| pool.is_caller());
        let after = system.state();
        let memory = pids
            .iter()
            .filter_map(|&pid| system.memory(pid).ok())
            .collect();
        Ok(Findings {
            startup_s,
            run: RunSample {
                queued_s,
                gil,
                ..self.sample(&times, cpu_s)
            },
            memory,
            own: None,
            before,
            after,
        })
    }

    fn batch<'a>(&'a self, pool: &'a Pool, tasks: usize, done: &'a dyn Fn(usize)) -> Batch<'a> {
        Batch {
            pool,
            workload: self.workload,
            tasks,
            timeout: self.timeout,
            done,
        }
    }

    fn sample(&self, times: &Times, cpu_s: f64) -> RunSample {
        let tasks = self.tasks as f64;
        let pickled = self.kind.home().pickles();
        let total = |per_task: f64| if pickled { per_task * tasks } else { 0.0 };
        RunSample {
            wall_s: clock::seconds(times.ended - times.begun),
            cpu_s,
            queued_s: None,
            tasks: times
                .reports
                .iter()
                .map(|report| task(report, times.begun))
                .collect(),
            sent_bytes: Some(total(self.transport.sent_bytes) as u64),
            received_bytes: Some(total(self.transport.received_bytes) as u64),
            pickle_s: Some(total(self.transport.pickle_s)),
            gil: None,
        }
    }
}

/// Stretches that a timeline is divided into.
const STRETCHES: usize = 120;

fn timeline(report: &ungil_gil::Report) -> GilTimeline {
    let shares = |track: &Track| {
        let shares = track.shares(report.start_ns, report.duration_ns, STRETCHES);
        // A thousandth of a stretch is more than a picture shows.
        let round = |share: f64| (share.clamp(0.0, 1.0) * 1000.0).round() / 1000.0;
        shares.into_iter().map(round).collect()
    };
    let threads = report.threads.iter().zip(&report.timelines);
    GilTimeline {
        duration_s: report.duration_ns as f64 / 1e9,
        threads: threads
            .map(|(thread, timeline)| GilThread {
                name: thread.name.clone(),
                held: shares(&timeline.held),
                waited: shares(&timeline.waited),
            })
            .collect(),
    }
}

/// The counters of the GIL during a run; nothing on a Python whose GIL cannot be seen.
struct GilMeter {
    _on: meter::Scope,
    before: meter::Reading,
}

impl GilMeter {
    fn begin() -> Option<Self> {
        let on = meter::Scope::begin().ok()?;
        let before = meter::read()?;
        Some(Self { _on: on, before })
    }

    fn end(self) -> Option<GilUse> {
        let during = meter::read()?.counts.since(&self.before.counts);
        Some(GilUse {
            held: during.held_ns as f64 / 1e9,
            waited: during.waited_ns as f64 / 1e9,
        })
    }
}

fn task(report: &Report, begun: i64) -> TaskSample {
    TaskSample {
        start_s: clock::seconds(report.started - begun),
        end_s: clock::seconds(report.ended - begun),
        cpu_s: Some(clock::seconds(report.cpu)),
    }
}

/// Memory of this process.
fn own_memory() -> Option<MemorySample> {
    System::host().memory(own_pid()).ok()
}

fn own_pid() -> u32 {
    getpid().as_raw_nonzero().get().unsigned_abs()
}

/// CPU time of the worker processes so far; to the nanosecond where the kernel keeps it per thread.
fn workers_cpu_s(system: &System, workers: &[u32]) -> f64 {
    let threads = workers
        .iter()
        .filter_map(|&pid| system.thread_times(pid).ok())
        .flatten();
    threads.map(|thread| thread.cpu_s).sum()
}
