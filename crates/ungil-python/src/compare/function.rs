//! `ungil.compare(...)`.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use super::{Baseline, Comparison, Request, Wishes, execute};
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
/// `baseline` is an earlier result, or the file of one: its sizes are kept, and the result tells what has changed.
///
/// `trace_gil` traces one more run of the plain loop and of each number of threads, for the page's timeline.
///
/// A function that does not pickle is measured on threads, and the result says why not on processes.
#[pyfunction]
#[pyo3(signature = (
    *workloads, items = None, worker = None, workers = None, tasks = None, repeat = None, iterations = None,
    full = false, budget = None, timeout = None, start_method = None, baseline = None, trace_gil = false, progress = true,
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
    baseline: Option<Earlier<'_>>,
    trace_gil: bool,
    progress: bool,
) -> PyResult<Comparison> {
    let baseline = baseline.map(Earlier::baseline).transpose()?;
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
        trace_gil,
    };
    let workloads = given(py, workloads)?;
    if let Some(baseline) = &baseline {
        baseline.check(workloads.iter().map(|workload| workload.name.as_str()))?;
    }
    let earlier = baseline.as_ref().map(|baseline| &baseline.comparison);
    let request = Request::new(py, workloads, source.as_ref(), wishes, earlier)?;
    let listener = CompareProgress::on_terminal(progress);
    let mut comparison = execute(py, request, &listener)?;
    if let Some(baseline) = baseline {
        py.detach(|| baseline.put_changes_into(&mut comparison));
    }
    Ok(Comparison(comparison))
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

/// An earlier result, or its file.
#[derive(FromPyObject)]
pub(crate) enum Earlier<'py> {
    /// A result of this program.
    Result(PyRef<'py, Comparison>),
    /// What was saved.
    File(PathBuf),
}

impl Earlier<'_> {
    fn baseline(self) -> Result<Baseline> {
        match self {
            Earlier::Result(result) => Ok(Baseline {
                comparison: result.0.clone(),
                name: "the earlier result".to_owned(),
            }),
            Earlier::File(path) => Baseline::read(&path),
        }
    }
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
