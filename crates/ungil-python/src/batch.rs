//! All tasks of a workload on one open pool, once.

use std::time::{Duration, Instant};

use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;

use crate::clock;
use crate::completions::{Completions, Done};
use crate::error::{Error, Result, message_of};
use crate::kinds::Pool;
use crate::overdue::Overdue;
use crate::probe::{Failure, Probe, Report};
use crate::watchdog::Watchdog;
use crate::workload::Workload;

/// What to run where.
pub(crate) struct Batch<'a> {
    /// The open pool.
    pub(crate) pool: &'a Pool,
    /// The function and its arguments.
    pub(crate) workload: &'a Workload,
    /// Number of tasks, at least 1.
    pub(crate) tasks: usize,
    /// Longest time a task may take, in seconds.
    pub(crate) timeout: Option<f64>,
    /// Told after every task how many are done; what it raises ends the batch.
    pub(crate) done: &'a dyn Fn(usize),
}

/// What a batch took.
pub(crate) struct Times {
    /// `CLOCK_MONOTONIC` before the first submission, nanoseconds.
    pub(crate) begun: i64,
    /// `CLOCK_MONOTONIC` at the last result, nanoseconds.
    pub(crate) ended: i64,
    /// The tasks in the order of submission.
    pub(crate) reports: Vec<Report>,
}

impl Batch<'_> {
    /// Runs the tasks; the first failure ends it, and the pool is then the caller's to abandon.
    pub(crate) fn run(&self, py: Python<'_>) -> Result<Times> {
        let probe = self.workload.probe_for(py, self.pool.kind)?;
        if self.pool.is_caller() {
            self.run_here(py, &probe)
        } else {
            self.run_there(py, &probe)
        }
    }

    fn run_here(&self, py: Python<'_>, probe: &Bound<'_, Probe>) -> Result<Times> {
        let watchdog = Watchdog::new(py, self.timeout)?;
        let begun = clock::monotonic_ns();
        let mut reports = Vec::with_capacity(self.tasks);
        for task in 0..self.tasks {
            let arguments = self.workload.arguments(py, task)?;
            watchdog.arm(self.place(task));
            let returned = probe.call1(arguments);
            let bitten = watchdog.disarm();
            if bitten {
                return Err(self.timed_out(task));
            }
            let report = returned.and_then(|returned| Report::read(&returned))?;
            reports.push(self.succeeded(task, report)?);
            (self.done)(task + 1);
            py.check_signals()?;
        }
        Ok(Times {
            begun,
            ended: clock::monotonic_ns(),
            reports,
        })
    }

    fn run_there(&self, py: Python<'_>, probe: &Bound<'_, Probe>) -> Result<Times> {
        let completions = Completions::default();
        let mut overdue = Overdue::new(self.pool.workers, self.tasks, self.timeout);
        let begun = clock::monotonic_ns();
        for task in 0..self.tasks {
            let arguments = self.workload.arguments(py, task)?;
            let future = self
                .pool
                .submit(py, probe.as_any(), &arguments)
                .map_err(|error| self.refused(py, task, error))?;
            completions.watch(&future, task)?;
        }
        let mut reports: Vec<Option<Report>> = (0..self.tasks).map(|_| None).collect();
        let mut ended = begun;
        for done in 1..=self.tasks {
            let finished = loop {
                match completions.next(py, overdue.next_deadline())? {
                    Some(finished) => break finished,
                    None => {
                        if let Some(task) = overdue.task(Instant::now()) {
                            return Err(self.timed_out(task));
                        }
                    }
                }
            };
            ended = ended.max(finished.at);
            overdue.finished(finished.index, Instant::now());
            reports[finished.index] = Some(self.collect(py, &finished)?);
            (self.done)(done);
        }
        Ok(Times {
            begun,
            ended,
            reports: reports.into_iter().flatten().collect(),
        })
    }

    fn collect(&self, py: Python<'_>, finished: &Done) -> Result<Report> {
        let task = finished.index;
        let returned = finished
            .future
            .bind(py)
            .call_method0("result")
            .map_err(|error| self.lost(py, task, error))?;
        self.succeeded(task, Report::read(&returned)?)
    }

    fn succeeded(&self, task: usize, mut report: Report) -> Result<Report> {
        match report.failure.take() {
            None => Ok(report),
            Some(Failure(kind, traceback, exception)) => Err(Error::Raised {
                place: self.place(task),
                kind,
                traceback,
                exception,
            }),
        }
    }

    /// A future that failed although the task did not: its worker died, or something was lost on the way.
    fn lost(&self, py: Python<'_>, task: usize, error: PyErr) -> Error {
        let place = self.place(task);
        if Pool::is_broken(py, &error) {
            Error::WorkerDied {
                place,
                // It does, but we do not.
                message: message_of(&error).replace(". The pool goes on with a new worker", ""),
                source: error,
            }
        } else if self.pool.kind.home().pickles()
            && !error.is_instance_of::<PyKeyboardInterrupt>(py)
        {
            self.undelivered(py, task, error)
        } else {
            error.into()
        }
    }

    /// A task that the pool does not take.
    fn refused(&self, py: Python<'_>, task: usize, error: PyErr) -> Error {
        if self.pool.kind.home().pickles() && Pool::is_about_pickling(py, &error) {
            self.undelivered(py, task, error)
        } else {
            self.pool.refused(py, error)
        }
    }

    fn undelivered(&self, py: Python<'_>, task: usize, source: PyErr) -> Error {
        Error::Undelivered {
            place: self.place(task),
            // The tuple is a probe's report; of the user's it holds the result.
            message: source.value(py).to_string().replace(", a tuple,", ""),
            source,
        }
    }

    fn timed_out(&self, task: usize) -> Error {
        let seconds = self.timeout.unwrap_or_default();
        Error::TimedOut {
            place: self.place(task),
            seconds,
            rest: self.pool.kind.fate().to_owned(),
        }
    }

    fn place(&self, task: usize) -> String {
        format!(
            "task {} of {} of {}, {}",
            task + 1,
            self.tasks,
            self.workload.name,
            self.pool.name(),
        )
    }
}

/// Seconds as a duration; validated where they were given.
pub(crate) fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}
