//! Sizes that make a comparison fit its budget.
//!
//! Planned for the worst case, in which no kind of workers is faster than the baseline: a run of a cell then takes
//! `tasks + warm-up` tasks one after the other, and the start and end of its pool. For `io` and `cpu` the size of a task
//! is free. For a function of the user it is not; there the repeats go down to three first, then the tasks to
//! two per worker, then the repeats to one.

use ungil_measure::comparison::Scaling;

use super::request::Amount;
use crate::span::span;
use crate::workload::LECTURE_ITERATIONS;

/// Share of the budget that is planned for; the rest is for what the plan does not know.
const PLANNED: f64 = 0.85;
/// Fewest repeats that have an interval.
const FEWEST_WITH_INTERVAL: usize = 3;

/// Seconds to spend.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    /// As given.
    pub(super) whole_s: f64,
    /// What calibration has left of it.
    pub(super) left_s: f64,
}

/// What is scaled.
#[derive(Clone, Debug)]
pub(super) struct Load {
    /// Seconds of one task at full size.
    pub(super) task_s: f64,
    /// Tasks of a run.
    pub(super) tasks: Amount,
    /// Iterations of a task, where they are ours to choose.
    pub(super) iterations: Option<u64>,
    /// Numbers of workers of the cells, the baseline's 1 included.
    pub(super) workers: Vec<usize>,
    /// Seconds in which pools of all these cells start and end, once.
    pub(super) pools_s: f64,
}

/// The sizes decided on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Size {
    /// Tasks of a run.
    pub(super) tasks: usize,
    /// Iterations of a task, where they were ours to choose.
    pub(super) iterations: Option<u64>,
    /// Seconds of one task.
    pub(super) task_s: f64,
    /// What was changed.
    pub(super) scaling: Option<Scaling>,
}

/// Sizes for every load, and the number of repeats for all of them.
pub(super) fn fit(loads: &[Load], repeat: Amount, budget: Option<Budget>) -> (Vec<Size>, usize) {
    let Some(budget) = budget else {
        return (loads.iter().map(Load::unscaled).collect(), repeat.number);
    };
    let share_s = budget.left_s * PLANNED / loads.len().max(1) as f64;
    let enough = |repeat: usize| loads.iter().all(|load| load.fits(repeat, share_s));
    let mut repeats = repeat.number;
    if !repeat.given {
        while repeats > FEWEST_WITH_INTERVAL && !enough(repeats) {
            repeats -= 1;
        }
        while repeats > 1
            && !loads
                .iter()
                .all(|load| load.smallest_fits(repeats, share_s))
        {
            repeats -= 1;
        }
    }
    (
        loads
            .iter()
            .map(|load| load.scaled(repeats, share_s, budget.whole_s))
            .collect(),
        repeats,
    )
}

impl Load {
    /// Seconds of all runs with these sizes.
    pub(super) fn total_s(&self, one_s: f64, tasks: usize, repeat: usize) -> f64 {
        repeat as f64 * (self.pools_s + one_s * self.task_runs(tasks))
    }

    /// Tasks in one run of every cell, warm-ups included.
    fn task_runs(&self, tasks: usize) -> f64 {
        self.workers
            .iter()
            .map(|&workers| (tasks + workers.min(tasks)) as f64)
            .sum()
    }

    /// Without touching the tasks. Where their size is free, pools may take half of the time.
    fn fits(&self, repeat: usize, share_s: f64) -> bool {
        if self.iterations.is_some() {
            return repeat as f64 * self.pools_s <= share_s / 2.0;
        }
        self.total_s(self.task_s, self.tasks.number, repeat) <= share_s
    }

    /// With as few tasks as may be, or with ones of no size.
    fn smallest_fits(&self, repeat: usize, share_s: f64) -> bool {
        if self.iterations.is_some() {
            return repeat as f64 * self.pools_s <= share_s;
        }
        self.total_s(self.task_s, self.fewest_tasks(), repeat) <= share_s
    }

    fn fewest_tasks(&self) -> usize {
        if self.tasks.given {
            return self.tasks.number;
        }
        let most_workers = self.workers.iter().copied().max().unwrap_or(1);
        self.tasks.number.min(2 * most_workers)
    }

    fn unscaled(&self) -> Size {
        Size {
            tasks: self.tasks.number,
            iterations: self.iterations,
            task_s: self.task_s,
            scaling: None,
        }
    }

    fn scaled(&self, repeat: usize, share_s: f64, budget_s: f64) -> Size {
        match self.iterations {
            Some(iterations) => self.with_iterations(iterations, repeat, share_s, budget_s),
            None => self.with_tasks(repeat, share_s, budget_s),
        }
    }

    fn with_iterations(&self, full: u64, repeat: usize, share_s: f64, budget_s: f64) -> Size {
        let tasks = self.tasks.number;
        let for_tasks = (share_s / repeat as f64 - self.pools_s).max(0.1 * share_s / repeat as f64);
        let one_s = for_tasks / self.task_runs(tasks);
        let iteration_s = self.task_s / full as f64;
        let iterations = two_digits((one_s / iteration_s) as u64).clamp(1, full);
        Size {
            tasks,
            iterations: Some(iterations),
            task_s: iteration_s * iterations as f64,
            scaling: (iterations < full).then(|| Scaling {
                what: "iterations".to_owned(),
                from: full,
                to: iterations,
                reason: self.reason(repeat, budget_s),
            }),
        }
    }

    fn with_tasks(&self, repeat: usize, share_s: f64, budget_s: f64) -> Size {
        let full = self.tasks.number;
        let mut tasks = full;
        while tasks > self.fewest_tasks() && self.total_s(self.task_s, tasks, repeat) > share_s {
            tasks -= 1;
        }
        Size {
            tasks,
            iterations: None,
            task_s: self.task_s,
            scaling: (tasks < full).then(|| Scaling {
                what: "tasks".to_owned(),
                from: full as u64,
                to: tasks as u64,
                reason: self.reason(repeat, budget_s),
            }),
        }
    }

    fn reason(&self, repeat: usize, budget_s: f64) -> String {
        let whole = self.total_s(self.task_s, self.tasks.number, repeat);
        format!(
            "The full size would have taken up to {}, the budget is {} (--full measures it all).",
            span(whole),
            span(budget_s),
        )
    }
}

/// The change as the beginning of a sentence.
pub(super) fn told(scaling: &Scaling) -> String {
    let each = if scaling.what == "iterations" {
        " per task"
    } else {
        ""
    };
    let (used, full) = (grouped(scaling.to), grouped(scaling.from));
    format!(
        "{used} instead of {full} {}{each}. {}",
        scaling.what, scaling.reason
    )
}

/// Rounded down to two significant digits: 7,243 iterations claim a care that is not there.
fn two_digits(number: u64) -> u64 {
    let magnitude = 10u64.pow(number.max(1).ilog10().saturating_sub(1));
    number / magnitude * magnitude
}

/// `1,000,000`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// What is ours to choose of a task's size.
pub(super) fn free_iterations(asked: Option<u64>, given: bool) -> Option<u64> {
    asked.filter(|_| !given).map(|_| LECTURE_ITERATIONS)
}
