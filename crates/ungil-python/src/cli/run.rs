//! `ungil run`.

use pyo3::prelude::*;

use super::args::RunArgs;
use super::config::Config;
use crate::error::{Error, Result};
use crate::kinds::{self, PoolOptions};
use crate::options;
use crate::progress::{RunBar, tell};
use crate::run::{Run, count};
use crate::workload::{self, Items, ItemsSource};

/// Tasks without items: the lecture's number.
const TASKS: usize = 24;

/// Runs, and returns the lecture's two lines.
pub(super) fn run(py: Python<'_>, args: RunArgs, config: &Config) -> Result<String> {
    let args = with_defaults(args, config);
    let quiet = args.common.quiet;
    let run = prepare(py, args)?;
    let seconds = run.execute(py, &RunBar::on_stderr(run.tasks, !quiet))?;
    Ok(run.lines(seconds))
}

fn with_defaults(mut args: RunArgs, config: &Config) -> RunArgs {
    let defaults = &config.run;
    args.workload = args.workload.or_else(|| defaults.workload.clone());
    args.worker = args.worker.or_else(|| defaults.worker.clone());
    args.workers = args.workers.or(defaults.workers);
    args.tasks = args.tasks.or(defaults.tasks);
    args.iterations = args.iterations.or(defaults.iterations);
    args.items = args.items.or_else(|| defaults.items.clone());
    args.common.timeout = args.common.timeout.or(defaults.timeout).or(config.timeout);
    args.common.start_method = args
        .common
        .start_method
        .or_else(|| defaults.start_method.clone())
        .or_else(|| config.start_method.clone());
    args.common.quiet |= defaults.quiet.or(config.quiet).unwrap_or(false);
    args
}

fn prepare(py: Python<'_>, args: RunArgs) -> Result<Run> {
    let name = args.workload.ok_or_else(|| {
        Error::Usage(
            "which workload? For example `ungil run io`, or `ungil run module:function`.".into(),
        )
    })?;
    let kind = kinds::named(py, args.worker.as_deref().unwrap_or("thread"))?;
    let workers = match args.workers {
        Some(number) => count("workers", number)?,
        None => options::usable_cores(),
    };
    let tasks = args
        .tasks
        .map(|number| count("tasks", number))
        .transpose()?;
    let timeout = args
        .common
        .timeout
        .map(|limit| options::seconds("timeout", limit))
        .transpose()?;
    let start_method = options::start_method(args.common.start_method)?;
    let mut workload = workload::from_text(py, &name)?;
    if let Some(number) = args.iterations {
        options::set_iterations(&mut workload, number)?;
    }
    let mut number_of_items = None;
    if let Some(text) = &args.items {
        if workload.iterations().is_some() {
            return Err(options::no_items(&workload));
        }
        let items = Items::take(
            py,
            &ItemsSource::Text(text),
            workload.module.as_ref(),
            tasks,
        )?;
        if items.truncated && !args.common.quiet {
            tell(&format!("ungil: {}", options::truncated(&items)));
        }
        number_of_items = Some(items.len());
        workload.feed(py, items)?;
    }
    workload.check_unfed(py)?;
    Ok(Run {
        workload,
        kind,
        options: PoolOptions {
            workers,
            start_method,
        },
        tasks: tasks.or(number_of_items).unwrap_or(TASKS),
        timeout,
    })
}
