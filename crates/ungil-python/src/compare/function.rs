//! `ungil.compare(...)`.

use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use super::{Comparison, Request, Wishes, execute};
use crate::error::Result;
use crate::progress::CompareProgress;
use crate::workload::{self, BUILTIN_NAMES, ItemsSource, Workload};

/// Measure workloads on every kind of workers and say which to use, and why.
///
/// A workload is a callable, or "io", "cpu", "module:function" or "path/to/file.py:function"; without any, the
/// lecture's "io" and "cpu". `items` feeds functions of one argument: an iterable, or the text of `--items`. `worker`
/// names the kinds beside the serial baseline ("thread", "interpreter", "process", "native", "dask", "ray"; by default
/// threads, processes, and interpreters where this Python has them), `workers` their numbers. `budget` and `timeout` are seconds; `full`
/// measures at full size. Progress goes to stderr if that is a terminal, unless `progress` is false.
///
/// A function that does not pickle is measured on threads, and the result says why not on processes.
#[pyfunction]
#[pyo3(signature = (
    *workloads, items = None, worker = None, workers = None, tasks = None, repeat = None, iterations = None,
    full = false, budget = None, timeout = None, start_method = None, progress = true,
))]
#[allow(clippy::too_many_arguments)] // keywords of a Python function
pub(crate) fn compare(
    py: Python<'_>,
    workloads: &Bound<'_, PyTuple>,
    items: Option<Bound<'_, PyAny>>,
    worker: Option<OneOrMore<String>>,
    workers: Option<OneOrMore<i64>>,
    tasks: Option<i64>,
    repeat: Option<i64>,
    iterations: Option<i64>,
    full: bool,
    budget: Option<f64>,
    timeout: Option<f64>,
    start_method: Option<String>,
    progress: bool,
) -> PyResult<Comparison> {
    let text = items
        .as_ref()
        .and_then(|items| items.extract::<String>().ok());
    let source = match (&text, items) {
        (Some(text), _) => Some(ItemsSource::Text(text)),
        (None, Some(object)) => Some(ItemsSource::Object(object)),
        (None, None) => None,
    };
    let wishes = Wishes {
        kinds: worker.map(OneOrMore::into_vec),
        workers: workers.map(OneOrMore::into_vec),
        tasks,
        repeat,
        iterations,
        full,
        budget,
        timeout,
        start_method,
    };
    let request = Request::new(py, given(py, workloads)?, source.as_ref(), wishes)?;
    let listener = CompareProgress::on_terminal(progress);
    Ok(Comparison(execute(py, request, &listener)?))
}

fn given(py: Python<'_>, workloads: &Bound<'_, PyTuple>) -> Result<Vec<Workload>> {
    if workloads.is_empty() {
        return BUILTIN_NAMES
            .iter()
            .map(|name| workload::from_text(py, name))
            .collect();
    }
    let one = |workload: Bound<'_, PyAny>| match workload.cast::<PyString>() {
        Ok(name) => workload::from_text(py, name.to_str()?),
        Err(_) => workload::from_callable(&workload),
    };
    workloads.iter().map(one).collect()
}

/// `4` or `[1, 2, 4]`.
#[derive(FromPyObject)]
pub(crate) enum OneOrMore<T> {
    /// One.
    One(T),
    /// More.
    More(Vec<T>),
}

impl<T> OneOrMore<T> {
    fn into_vec(self) -> Vec<T> {
        match self {
            OneOrMore::One(one) => vec![one],
            OneOrMore::More(more) => more,
        }
    }
}
