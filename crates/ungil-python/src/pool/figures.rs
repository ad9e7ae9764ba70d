//! `_ungil.PoolFigures`: what `executor.stats()` shows.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use ungil_measure::os::linux::System;
use ungil_measure::pool_stats::{PoolStats, Quantiles, WorkerStats};
use ungil_pool::process::WorkerRecord;
use ungil_report::{ColorChoice, TerminalOptions};

/// A pool's figures at one moment.
#[pyclass(frozen, module = "ungil._ungil")]
pub(crate) struct PoolFigures(pub(super) PoolStats);

#[pymethods]
impl PoolFigures {
    /// The tables, for so many columns.
    fn report(&self, width: usize, color: bool) -> String {
        let color = if color {
            ColorChoice::Always
        } else {
            ColorChoice::Never
        };
        ungil_report::pool(&self.0, &TerminalOptions { width, color })
            .trim_end()
            .to_owned()
    }

    /// The figures as dictionaries, lists and numbers.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let stats = &self.0;
        let all = PyDict::new(py);
        let counts = &stats.tasks;
        let tasks = PyDict::new(py);
        for (name, count) in [
            ("submitted", counts.submitted),
            ("finished", counts.finished),
            ("failed", counts.failed),
            ("cancelled", counts.cancelled),
            ("crashed", counts.crashed),
            ("timed_out", counts.timed_out),
            ("retried", counts.retried),
        ] {
            tasks.set_item(name, count)?;
        }
        all.set_item("tasks", tasks)?;
        for (name, latencies) in [
            ("waiting", stats.latencies.waiting),
            ("running", stats.latencies.running),
            ("round_trip", stats.latencies.round_trip),
        ] {
            let shown = latencies.map(|quantiles| latency(py, &quantiles));
            all.set_item(name, shown.transpose()?)?;
        }
        all.set_item("bytes_sent", stats.bytes.map(|(sent, _)| sent))?;
        all.set_item("bytes_received", stats.bytes.map(|(_, received)| received))?;
        let workers = stats.workers.iter().map(|one| worker(py, one));
        all.set_item("workers", workers.collect::<PyResult<Vec<_>>>()?)?;
        let longest = stats.longest.iter().map(|task| {
            let shown = PyDict::new(py);
            shown.set_item("label", &task.label)?;
            shown.set_item("seconds", task.seconds)?;
            Ok(shown)
        });
        all.set_item("longest", longest.collect::<PyResult<Vec<_>>>()?)?;
        Ok(all)
    }
}

fn latency<'py>(py: Python<'py>, quantiles: &Quantiles) -> PyResult<Bound<'py, PyDict>> {
    let shown = PyDict::new(py);
    shown.set_item("p50", quantiles.p50)?;
    shown.set_item("p95", quantiles.p95)?;
    shown.set_item("p99", quantiles.p99)?;
    shown.set_item("max", quantiles.max)?;
    Ok(shown)
}

fn worker<'py>(py: Python<'py>, worker: &WorkerStats) -> PyResult<Bound<'py, PyDict>> {
    let shown = PyDict::new(py);
    shown.set_item("pid", worker.pid)?;
    shown.set_item("tasks", worker.tasks)?;
    shown.set_item("working", worker.busy)?;
    shown.set_item("waiting", (worker.life - worker.busy).max(0.0))?;
    shown.set_item("busy", worker.busy_share())?;
    shown.set_item("start_up", worker.start_up)?;
    shown.set_item("pss", worker.memory.map(|memory| memory.pss_bytes))?;
    shown.set_item("uss", worker.memory.map(|memory| memory.uss_bytes))?;
    shown.set_item("restarts", worker.restarts)?;
    Ok(shown)
}

/// A worker process's figures, with its memory now.
pub(super) fn of_process(record: &WorkerRecord) -> WorkerStats {
    let memory = record
        .pid
        .filter(|_| record.alive)
        // It may have ended just now.
        .and_then(|pid| System::host().memory(pid).ok());
    WorkerStats {
        pid: record.pid,
        tasks: record.tasks,
        busy: seconds(record.busy),
        life: seconds(record.life),
        start_up: record.start_up.map(seconds),
        memory,
        restarts: record.restarts,
    }
}

/// The error of a pool that keeps no figures.
pub(super) fn no_figures() -> PyErr {
    PyRuntimeError::new_err("this pool keeps no figures: make it with stats=True")
}

pub(super) fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e9
}
