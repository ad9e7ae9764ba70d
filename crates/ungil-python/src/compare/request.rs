//! What is wanted of a comparison, checked before anything is measured.

use pyo3::prelude::*;
use ungil_measure::comparison::{Comparison, Scaling, WorkloadComparison};

use crate::error::{Error, Result};
use crate::kinds::{self, Kind};
use crate::options;
use crate::run::count;
use crate::workload::{Items, ItemsSource, LECTURE_ITERATIONS, Workload};

/// Tasks of a run without items: the lecture's number.
const TASKS: usize = 24;
/// Timed runs of a cell: the fewest of which the bootstrap makes a usable interval.
const REPEAT: usize = 5;
/// Seconds that a comparison takes unless told otherwise.
const BUDGET_S: f64 = 60.0;

/// What the user gave, `None` where nothing.
#[derive(Default)]
pub(crate) struct Wishes {
    /// Kinds beside the baseline.
    pub(crate) kinds: Option<Vec<String>>,
    /// Numbers of workers.
    pub(crate) workers: Option<Vec<i64>>,
    /// Tasks of a run.
    pub(crate) tasks: Option<i64>,
    /// Runs of a cell.
    pub(crate) repeat: Option<i64>,
    /// Iterations of a task of `io` or `cpu`.
    pub(crate) iterations: Option<i64>,
    /// Full size.
    pub(crate) full: bool,
    /// Seconds.
    pub(crate) budget: Option<f64>,
    /// Seconds.
    pub(crate) timeout: Option<f64>,
    /// How worker processes start.
    pub(crate) start_method: Option<String>,
    /// One more run of threads, traced.
    pub(crate) trace_gil: bool,
}

/// A comparison that makes sense.
pub(crate) struct Request {
    /// What is measured.
    pub(crate) workloads: Vec<Subject>,
    /// Kinds beside the baseline, cheapest first.
    pub(crate) kinds: Vec<&'static dyn Kind>,
    /// Numbers of workers, increasing.
    pub(crate) workers: Vec<usize>,
    /// Timed runs of a cell.
    pub(crate) repeat: Amount,
    /// Seconds to spend; `None` for full size.
    pub(crate) budget: Option<f64>,
    /// Longest time of a task, seconds.
    pub(crate) timeout: Option<f64>,
    /// How worker processes start.
    pub(crate) start_method: Option<String>,
    /// The text or repr of the items.
    pub(crate) items: Option<String>,
    /// Whether one more run of threads is traced.
    pub(crate) traces_gil: bool,
    /// What the user should know about the request.
    pub(crate) remarks: Vec<String>,
}

/// A workload and how much of it.
pub(crate) struct Subject {
    /// The workload.
    pub(crate) workload: Workload,
    /// Tasks of a run.
    pub(crate) tasks: Amount,
    /// Whether the size of a task was chosen by the user.
    pub(crate) size_is_given: bool,
    /// The scaling of an earlier comparison, which is kept.
    pub(crate) kept: Option<Scaling>,
}

impl Subject {
    /// Takes the size that an earlier comparison had, where none was asked for: other sizes cannot be compared.
    fn keep_size_of(&mut self, earlier: &Comparison) {
        let same = |work: &&WorkloadComparison| work.name == self.workload.name;
        let Some(work) = earlier.workloads.iter().find(same) else {
            return;
        };
        if !self.tasks.given {
            self.tasks = Amount {
                number: work.tasks,
                given: true,
            };
        }
        let Some(scaling) = work.scaling.clone().filter(|_| !self.size_is_given) else {
            return;
        };
        if self.workload.iterations().is_some() {
            self.workload.set_iterations(scaling.to);
            self.size_is_given = true;
        }
        self.kept = Some(Scaling {
            reason: "As in the earlier comparison.".to_owned(),
            ..scaling
        });
    }
}

/// A number, and whether the user insists on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Amount {
    /// The number.
    pub(crate) number: usize,
    /// Whether it was given, and is not ours to change.
    pub(crate) given: bool,
}

impl Request {
    /// Checks the wishes and feeds the workloads.
    pub(crate) fn new(
        py: Python<'_>,
        workloads: Vec<Workload>,
        items: Option<&ItemsSource<'_>>,
        wishes: Wishes,
        earlier: Option<&Comparison>,
    ) -> Result<Self> {
        let kinds = chosen_kinds(py, wishes.kinds)?;
        let workers = chosen_workers(wishes.workers)?;
        let tasks = wishes
            .tasks
            .map(|number| count("tasks", number))
            .transpose()?;
        let repeat = wishes
            .repeat
            .map(|number| count("repeat", number))
            .transpose()?;
        let budget = wishes
            .budget
            .map(|given| options::seconds("budget", given))
            .transpose()?;
        let timeout = wishes
            .timeout
            .map(|given| options::seconds("timeout", given))
            .transpose()?;
        let start_method = options::start_method(wishes.start_method)?;
        let mut remarks = Vec::new();
        let mut subjects = Vec::new();
        for mut workload in workloads {
            if let (Some(number), Some(_)) = (wishes.iterations, workload.iterations()) {
                options::set_iterations(&mut workload, number)?;
            } else if wishes.full {
                workload.set_iterations(LECTURE_ITERATIONS);
            }
            let mut of_items = None;
            if let Some(source) = items.filter(|_| workload.iterations().is_none()) {
                let taken = Items::take(py, source, workload.module.as_ref(), tasks)?;
                if taken.truncated {
                    remarks.push(options::truncated(&taken));
                }
                of_items = Some(taken.len());
                workload.feed(py, taken)?;
            }
            workload.check_unfed(py)?;
            let mut subject = Subject {
                workload,
                tasks: Amount {
                    number: tasks.or(of_items).unwrap_or(TASKS),
                    given: tasks.is_some() || wishes.full,
                },
                size_is_given: wishes.iterations.is_some() || wishes.full,
                kept: None,
            };
            if let Some(earlier) = earlier {
                subject.keep_size_of(earlier);
            }
            subjects.push(subject);
        }
        check_use(&subjects, items.is_some(), wishes.iterations.is_some())?;
        Ok(Self {
            workloads: subjects,
            kinds,
            workers,
            repeat: Amount {
                number: repeat.unwrap_or(REPEAT),
                given: repeat.is_some() || wishes.full,
            },
            budget: (!wishes.full).then_some(budget.unwrap_or(BUDGET_S)),
            timeout,
            start_method,
            items: items.map(ItemsSource::label),
            traces_gil: wishes.trace_gil,
            remarks,
        })
    }
}

/// Refuses options that no workload has a use for.
fn check_use(subjects: &[Subject], items: bool, iterations: bool) -> Result<()> {
    let sized = subjects
        .iter()
        .any(|subject| subject.workload.iterations().is_some());
    let fed = subjects
        .iter()
        .any(|subject| subject.workload.iterations().is_none());
    if iterations && !sized {
        return Err(options::no_iterations(&subjects[0].workload));
    }
    if items && !fed {
        return Err(options::no_items(&subjects[0].workload));
    }
    Ok(())
}

fn chosen_kinds(py: Python<'_>, given: Option<Vec<String>>) -> Result<Vec<&'static dyn Kind>> {
    let Some(names) = given else {
        return kinds::defaults(py);
    };
    let wanted = names
        .iter()
        .map(|name| kinds::named(py, name))
        .collect::<Result<Vec<_>>>()?;
    // The baseline is always measured; naming it is no mistake.
    Ok(kinds::in_order(&wanted))
}

fn chosen_workers(given: Option<Vec<i64>>) -> Result<Vec<usize>> {
    let Some(numbers) = given else {
        return Ok(doubling(2 * options::usable_cores()));
    };
    let mut counts = numbers
        .into_iter()
        .map(|number| count("workers", number))
        .collect::<Result<Vec<_>>>()?;
    counts.sort_unstable();
    counts.dedup();
    if counts.is_empty() {
        return Err(Error::Usage(
            "workers is empty: give at least one number.".to_owned(),
        ));
    }
    Ok(counts)
}

/// 1, 2, 4, ... up to `most`, which is there too if it is no power of two.
fn doubling(most: usize) -> Vec<usize> {
    let powers = std::iter::successors(Some(1), |workers| Some(workers * 2));
    let mut counts: Vec<usize> = powers.take_while(|&workers| workers < most).collect();
    counts.push(most);
    counts
}
