//! How long a task takes and what stands around it, found out before anything counts.

use std::time::Instant;

use pyo3::prelude::*;

use super::request::{Request, Subject};
use super::transport::Transport;
use crate::batch::Batch;
use crate::clock;
use crate::error::{Error, Result};
use crate::kinds::{self, Kind, Pool, PoolOptions};
use crate::probe::Report;
use crate::visit;
use crate::workload::Workload;

/// A task of the lecture's workloads is made this long to learn the time of an iteration.
const LONG_ENOUGH_S: f64 = 0.03;
/// Share of the budget for the first look at one workload.
const SHARE: f64 = 0.03;
/// Tasks for the first look; more do not tell more.
const MOST_TASKS: usize = 5;

/// What is known of a workload before it is measured.
pub(super) struct Known {
    /// Seconds of one task at the size asked for.
    pub(super) task_s: f64,
    /// The way of a task to a worker that is not part of this interpreter.
    pub(super) transport: Transport,
}

/// Runs a few tasks in the calling thread. The error is why there is no way to other interpreters and processes.
pub(super) fn workload(
    py: Python<'_>,
    subject: &mut Subject,
    request: &Settings,
) -> Result<(Known, Option<Error>)> {
    let (task_s, results) = match subject.workload.iterations() {
        Some(iterations) => by_iterations(py, &mut subject.workload, iterations, request.timeout)?,
        None => by_tasks(py, subject, request)?,
    };
    let (transport, obstacle) = if request.pickles {
        match Transport::measure(py, &subject.workload, subject.tasks.number, &results) {
            Err(error @ Error::Interrupted(_)) => return Err(error),
            Err(error) => (Transport::default(), Some(error)),
            Ok(found) => (found, None),
        }
    } else {
        (Transport::default(), None)
    };
    Ok((Known { task_s, transport }, obstacle))
}

/// What calibration has to know of the request.
pub(super) struct Settings {
    timeout: Option<f64>,
    budget: f64,
    pickles: bool,
}

impl Settings {
    /// Of this request.
    pub(super) fn of(request: &Request) -> Self {
        Self {
            timeout: request.timeout,
            budget: request.budget.unwrap_or(f64::INFINITY),
            pickles: request.kinds.iter().any(|kind| kind.home().pickles()),
        }
    }
}

type Look = (f64, Vec<Py<PyAny>>);

/// Grows the task until it is long enough to be timed, and extrapolates.
fn by_iterations(
    py: Python<'_>,
    workload: &mut Workload,
    wanted: u64,
    timeout: Option<f64>,
) -> Result<Look> {
    let mut iterations = 1;
    loop {
        workload.set_iterations(iterations);
        let reports = serially(py, workload, 1, timeout)?;
        let task_s = mean_s(&reports);
        if task_s >= LONG_ENOUGH_S || iterations >= wanted {
            workload.set_iterations(wanted);
            return Ok((task_s / iterations as f64 * wanted as f64, values(reports)));
        }
        let factor = (LONG_ENOUGH_S * 1.2 / task_s.max(1e-9)).clamp(2.0, 100.0);
        iterations = ((iterations as f64 * factor) as u64).min(wanted);
    }
}

/// The first task pays for imports and caches; it counts only where the budget allows no second one.
fn by_tasks(py: Python<'_>, subject: &Subject, request: &Settings) -> Result<Look> {
    let workload = &subject.workload;
    let first = serially(py, workload, 1, request.timeout)?;
    let first_s = mean_s(&first);
    let affordable = (request.budget.min(600.0) * SHARE / first_s.max(1e-9)) as usize;
    let tasks = affordable.min(MOST_TASKS).min(subject.tasks.number);
    if tasks == 0 {
        return Ok((first_s, values(first)));
    }
    let reports = serially(py, workload, tasks, request.timeout)?;
    Ok((mean_s(&reports), values(reports)))
}

fn serially(
    py: Python<'_>,
    workload: &Workload,
    tasks: usize,
    timeout: Option<f64>,
) -> Result<Vec<Report>> {
    let pool = Pool::open(
        py,
        kinds::baseline(),
        &PoolOptions {
            workers: 1,
            start_method: None,
        },
    )?;
    Ok(Batch {
        pool: &pool,
        workload,
        tasks,
        timeout,
        done: &|_| (),
    }
    .run(py)?
    .reports)
}

fn mean_s(reports: &[Report]) -> f64 {
    let total: i64 = reports
        .iter()
        .map(|report| report.ended - report.started)
        .sum();
    clock::seconds(total) / reports.len().max(1) as f64
}

fn values(reports: Vec<Report>) -> Vec<Py<PyAny>> {
    reports.into_iter().map(|report| report.value).collect()
}

/// Seconds to open, fill and close a pool of that many workers. Threads start in next to no time; the rest is tried, the
/// second time for the clock: the first one also does the imports that only a first pool needs. Where it takes so long
/// that they hardly count, once has to do.
pub(super) fn pool_s(
    py: Python<'_>,
    kind: &'static dyn Kind,
    options: &PoolOptions,
    workload: &Workload,
) -> Result<f64> {
    const THREADS_S: f64 = 0.003;
    const LONG_S: f64 = 1.0;
    if !kind.home().pickles() {
        return Ok(THREADS_S);
    }
    let begun = Instant::now();
    fill(py, kind, options, workload)?;
    if begun.elapsed().as_secs_f64() > LONG_S {
        return Ok(begun.elapsed().as_secs_f64());
    }
    let begun = Instant::now();
    fill(py, kind, options, workload)?;
    Ok(begun.elapsed().as_secs_f64())
}

fn fill(
    py: Python<'_>,
    kind: &'static dyn Kind,
    options: &PoolOptions,
    workload: &Workload,
) -> Result<()> {
    let pool = Pool::open(py, kind, options)?;
    match visit::until_all_are_up(py, &pool, workload) {
        Ok(()) => Ok(pool.close(py)?),
        Err(error) => {
            pool.abandon(py);
            Err(error)
        }
    }
}
