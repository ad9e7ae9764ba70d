//! The kinds of workers: one file each, one table of all.
//!
//! To add a kind: write its file with a value that implements [`Kind`], and name it in [`ALL`]. The
//! command line, the resolver of defaults and the comparison know kinds only through this table.

mod cluster;
mod dask;
mod interpreter;
mod native;
mod pool;
mod process;
mod ray;
mod serial;
mod thread;

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::error::{Error, Result};
use crate::suggest;

pub(crate) use pool::Pool;

/// Every kind, cheapest first: the order decides between equals.
const ALL: &[&dyn Kind] = &[
    &serial::Serial,
    &thread::Thread,
    &interpreter::Interpreter,
    &process::Process,
    &native::Native,
    &dask::Dask,
    &ray::Ray,
];

/// A way to run tasks.
pub(crate) trait Kind: Sync {
    /// Its name on the command line and in results.
    fn name(&self) -> &'static str;

    /// What its workers are called, for `# threads = 4`; `None` where there are no workers.
    fn plural(&self) -> Option<&'static str>;

    /// Where its workers live.
    fn home(&self) -> Home;

    /// Whether it is measured unless other kinds are asked for.
    fn is_default(&self) -> bool {
        true
    }

    /// Why it cannot run here, with the remedy.
    fn obstacle(&self, _py: Python<'_>) -> PyResult<Option<String>> {
        Ok(None)
    }

    /// What its workers call in the function's place, given a task's arguments; what is raised says why the kind is
    /// not for this function.
    fn function<'py>(
        &self,
        function: &Bound<'py, PyAny>,
        _arguments: &Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Ok(function.clone())
    }

    /// A fresh executor, or `None` where the calling thread does the work.
    fn executor<'py>(
        &self,
        py: Python<'py>,
        options: &PoolOptions,
    ) -> PyResult<Option<Bound<'py, PyAny>>>;

    /// Ends an executor now, whatever its workers are doing; in well below a second.
    fn stop(&self, executor: &Bound<'_, PyAny>) -> PyResult<()>;

    /// What becomes of a task that takes too long, as the end of a sentence.
    fn fate(&self) -> &'static str;
}

/// Where workers live, which decides how tasks reach them and whose their memory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    /// In the calling thread.
    Caller,
    /// In this process and this interpreter: they cost what the process grows by.
    Interpreter,
    /// In this process, in an interpreter each, which has not our native half: they cost what the process grows by.
    OwnInterpreter,
    /// In a process each, whose memory is theirs.
    OwnProcess,
}

impl Home {
    /// Whether tasks and results are pickled.
    pub(crate) fn pickles(self) -> bool {
        matches!(self, Home::OwnInterpreter | Home::OwnProcess)
    }

    /// Whether workers are part of this process.
    pub(crate) fn is_shared(self) -> bool {
        matches!(self, Home::Interpreter | Home::OwnInterpreter)
    }
}

/// What a pool is opened with.
#[derive(Clone, Debug)]
pub(crate) struct PoolOptions {
    /// Number of workers, at least 1.
    pub(crate) workers: usize,
    /// How worker processes are started; the default where `None`.
    pub(crate) start_method: Option<String>,
}

/// The kind of that name, if it can run here.
pub(crate) fn named(py: Python<'_>, name: &str) -> Result<&'static dyn Kind> {
    let kind = ALL
        .iter()
        .copied()
        .find(|kind| kind.name() == name)
        .ok_or_else(|| {
            let names: Vec<&str> = ALL.iter().map(|kind| kind.name()).collect();
            Error::Usage(format!(
                "unknown worker kind \"{name}\": there are {}.{}",
                names.join(", "),
                suggest::did_you_mean(name, names.iter().copied()),
            ))
        })?;
    match kind.obstacle(py)? {
        None => Ok(kind),
        Some(obstacle) => Err(Error::Usage(format!(
            "the kind \"{name}\" cannot run here: {obstacle}"
        ))),
    }
}

/// The kind that everything is compared with.
pub(crate) fn baseline() -> &'static dyn Kind {
    &serial::Serial
}

/// The kinds of this list that have workers, cheapest first.
pub(crate) fn in_order(wanted: &[&'static dyn Kind]) -> Vec<&'static dyn Kind> {
    ALL.iter()
        .copied()
        .filter(|kind| kind.plural().is_some())
        .filter(|kind| wanted.iter().any(|wanted| wanted.name() == kind.name()))
        .collect()
}

/// The kinds that are measured where none is asked for, cheapest first.
pub(crate) fn defaults(py: Python<'_>) -> Result<Vec<&'static dyn Kind>> {
    let mut usable = Vec::new();
    for &kind in ALL {
        if kind.plural().is_some() && kind.is_default() && kind.obstacle(py)?.is_none() {
            usable.push(kind);
        }
    }
    Ok(usable)
}

/// Clears up what would survive an end of the program without Python's own clearing up.
pub(crate) fn tidy_up_at_end(py: Python<'_>) {
    // It is the program's last act: there is nothing to do about a failure.
    let _ = cluster::tidy_up_at_end(py);
}

/// Start methods of worker processes.
pub(crate) const START_METHODS: [&str; 3] = ["fork", "forkserver", "spawn"];
