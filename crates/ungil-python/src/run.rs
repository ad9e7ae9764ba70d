//! The lecture's example: so many tasks of a workload on so many workers, and what that takes.

use std::time::Instant;

use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::batch::Batch;
use crate::error::{Error, Result};
use crate::kinds::{self, Kind, Pool, PoolOptions};
use crate::progress::RunBar;
use crate::workload::{self, Workload};

/// One run.
pub(crate) struct Run {
    /// What is run.
    pub(crate) workload: Workload,
    /// By which kind of workers.
    pub(crate) kind: &'static dyn Kind,
    /// How many of them, and how they start.
    pub(crate) options: PoolOptions,
    /// How often.
    pub(crate) tasks: usize,
    /// Longest time a task may take, in seconds.
    pub(crate) timeout: Option<f64>,
}

impl Run {
    /// Seconds from opening the pool until the last result.
    pub(crate) fn execute(&self, py: Python<'_>, bar: &RunBar) -> Result<f64> {
        if self.kind.home().pickles() {
            self.workload.travel.check(&self.workload.name)?;
        }
        let begun = Instant::now();
        let pool = Pool::open(py, self.kind, &self.options)?;
        let batch = Batch {
            pool: &pool,
            workload: &self.workload,
            tasks: self.tasks,
            timeout: self.timeout,
            done: &|_| bar.advance(),
        };
        let outcome = batch.run(py);
        let seconds = begun.elapsed().as_secs_f64();
        bar.finish();
        match outcome {
            Ok(_) => {
                pool.close(py)?;
                Ok(seconds)
            }
            Err(error) => {
                pool.abandon(py);
                Err(error)
            }
        }
    }

    /// The lecture's two lines.
    pub(crate) fn lines(&self, seconds: f64) -> String {
        let workers = match self.kind.plural() {
            Some(plural) => format!("# {plural} = {}", self.options.workers),
            None => self.kind.name().to_owned(),
        };
        format!(
            "[{workers}, # tasks = {}, workload = {}]\nTotal time {seconds:.4} s\n",
            self.tasks, self.workload.name
        )
    }
}

/// Refuses what is no number of workers or tasks.
pub(crate) fn count(what: &str, number: i64) -> Result<usize> {
    match usize::try_from(number) {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(Error::Usage(format!(
            "{what} must be at least 1, not {number}."
        ))),
    }
}

/// Run `n_tasks` copies of a workload on `n_workers` workers and print the total time.
///
/// The lecture's function. `workload` is "io", "cpu", "module:function", "path/to/file.py:function" or
/// a callable without arguments; `worker` is a kind of workers: "thread", "process", "interpreter", "dask",
/// "ray" or "serial". Shows a progress bar on
/// stderr if that is a terminal, then prints two lines.
#[pyfunction]
pub(crate) fn run_example(
    py: Python<'_>,
    n_workers: i64,
    n_tasks: i64,
    workload: &Bound<'_, PyAny>,
    worker: &str,
) -> PyResult<()> {
    let workers = count("n_workers", n_workers)?;
    let tasks = count("n_tasks", n_tasks)?;
    let workload = match workload.cast::<PyString>() {
        Ok(name) => workload::from_text(py, name.to_str()?)?,
        Err(_) => workload::from_callable(workload)?,
    };
    workload.check_unfed(py)?;
    let run = Run {
        workload,
        kind: kinds::named(py, worker)?,
        options: PoolOptions {
            workers,
            start_method: None,
        },
        tasks,
        timeout: None,
    };
    let seconds = run.execute(py, &RunBar::on_stderr(tasks, true))?;
    py.import("sys")?
        .getattr("stdout")?
        .call_method1("write", (run.lines(seconds),))?;
    Ok(())
}
