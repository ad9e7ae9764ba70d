//! The kinds of workers: one file each, one table of all.
//!
//! To add a kind: write its file with a value that implements [`Kind`], and name it in [`ALL`]. The
//! command line, the resolver of defaults and the comparison know kinds only through this table.

mod pool;
mod process;
mod serial;
mod thread;

use pyo3::prelude::*;

use crate::error::{Error, Result};
use crate::suggest;

pub(crate) use pool::Pool;

/// Every kind, cheapest first: the order decides between equals.
const ALL: &[&dyn Kind] = &[&serial::Serial, &thread::Thread, &process::Process];

/// A way to run tasks.
pub(crate) trait Kind: Sync {
    /// Its name on the command line and in results.
    fn name(&self) -> &'static str;

    /// What its workers are called, for `# threads = 4`; `None` where there are no workers.
    fn plural(&self) -> Option<&'static str>;

    /// Whether workers are processes of their own: tasks are pickled, workers can be killed, and
    /// their memory is theirs alone.
    fn has_processes(&self) -> bool;

    /// A fresh executor, or `None` where the calling thread does the work.
    fn executor<'py>(
        &self,
        py: Python<'py>,
        options: &PoolOptions,
    ) -> PyResult<Option<Bound<'py, PyAny>>>;
}

/// What a pool is opened with.
#[derive(Clone, Debug)]
pub(crate) struct PoolOptions {
    /// Number of workers, at least 1.
    pub(crate) workers: usize,
    /// How worker processes are started; the default where `None`.
    pub(crate) start_method: Option<String>,
}

/// The kind of that name.
pub(crate) fn named(name: &str) -> Result<&'static dyn Kind> {
    ALL.iter()
        .copied()
        .find(|kind| kind.name() == name)
        .ok_or_else(|| {
            let names: Vec<&str> = names().collect();
            Error::Usage(format!(
                "unknown worker kind \"{name}\": there are {}.{}",
                names.join(", "),
                suggest::did_you_mean(name, names.iter().copied()),
            ))
        })
}

/// The names of all kinds, cheapest first.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|kind| kind.name())
}

/// The kind that everything is compared with.
pub(crate) fn baseline() -> &'static dyn Kind {
    &serial::Serial
}

/// The kinds that have workers, cheapest first: all but the baseline.
pub(crate) fn with_workers() -> impl Iterator<Item = &'static dyn Kind> {
    ALL.iter().copied().filter(|kind| kind.plural().is_some())
}

/// Start methods of worker processes.
pub(crate) const START_METHODS: [&str; 3] = ["fork", "forkserver", "spawn"];
