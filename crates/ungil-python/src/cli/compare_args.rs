//! The options of `ungil compare` and their help.

use std::path::PathBuf;

use clap::Args;

use super::args::{CommonArgs, whole};

const COMPARE_EXAMPLES: &str = "\
Examples:
  ungil compare
      the lecture's io and cpu, made small enough to end within about a minute
  ungil compare cpu --full
      at the lecture's size, however long that takes
  ungil compare mypackage.jobs:crunch --items 'range(100)' --workers 1,2,4,8
      a function of yours, on one argument each
  ungil compare path/to/jobs.py:crunch --items inputs --tasks 50
      the items are `inputs` of the function's own module
  ungil compare cpu --worker process,dask --workers 2
      processes beside a Dask cluster on this machine (`pip install 'ungil[dask]'`; Ray likewise)
  ungil compare --json=result.json --markdown=result.md
      the terminal's table, and everything in files
  ungil compare --html report.html --svg speedup.svg
      curves, distributions and tables as one page, and the curves for a paper
  ungil compare --baseline result.json --fail-if-slower 10
      what has changed since; exit code 3 where a cell takes 10 % longer, beyond chance
  ungil compare --from result.json --html report.html
      an earlier result as a page; nothing is measured
  ungil compare cpu --json | jq .workloads[0].verdict
      machine-readable; progress stays on stderr

The repeats of all cells are interleaved (every cell once, then every cell again, in the opposite
order), so that a disturbance of the machine hits all of them alike. What the workload itself prints
goes to stderr.

Exit codes: 0 done, 1 the workload failed, 2 usage, 3 slower (--fail-if-slower), 130 interrupted.";

#[derive(Args, Debug, Default)]
#[command(after_help = COMPARE_EXAMPLES)]
pub(super) struct CompareArgs {
    /// What to measure: io, cpu, module:function or path/to/file.py:function [default: io cpu]
    #[arg(value_name = "WORKLOAD")]
    pub(super) workloads: Vec<String>,

    /// Kinds of workers beside the serial baseline: thread, interpreter (Python 3.13 or newer),
    /// process, native (the function compiled as by `@ungil.native`), dask, ray [default: thread,
    /// process, and interpreter where this Python has it; the last two only when asked for: they take
    /// seconds to start, for every run of every cell]
    #[arg(
        long,
        visible_alias = "kinds",
        value_name = "KIND,KIND,...",
        value_delimiter = ','
    )]
    pub(super) worker: Option<Vec<String>>,

    /// Numbers of workers [default: 1, 2, 4 ... up to twice the usable cores]
    #[arg(
        long,
        value_name = "N,N,...",
        value_parser = whole,
        value_delimiter = ',',
        allow_negative_numbers = true
    )]
    pub(super) workers: Option<Vec<i64>>,

    /// Tasks of one run [default: one per item, else 24]
    #[arg(long, value_name = "N", value_parser = whole, allow_negative_numbers = true)]
    pub(super) tasks: Option<i64>,

    /// Timed runs of each cell [default: 5]
    #[arg(long, value_name = "N", value_parser = whole, allow_negative_numbers = true)]
    pub(super) repeat: Option<i64>,

    /// Iterations of one task of io or cpu [default: as the budget allows]
    #[arg(
        long,
        value_name = "N",
        value_parser = whole,
        allow_negative_numbers = true,
        conflicts_with = "full"
    )]
    pub(super) iterations: Option<i64>,

    /// Feed one-argument functions: module:iterable, or a Python expression
    #[arg(long, value_name = "ITERABLE")]
    pub(super) items: Option<String>,

    /// Full size: the lecture's iterations, all tasks, all repeats
    #[arg(long, conflicts_with = "budget")]
    pub(super) full: bool,

    /// Time that the whole comparison may take, about [default: 60]
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub(super) budget: Option<f64>,

    /// Everything as JSON, to a file or (without one) to stdout
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "-")]
    pub(super) json: Option<String>,

    /// A row per cell as CSV, to a file or (without one) to stdout
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "-")]
    pub(super) csv: Option<String>,

    /// The tables and verdicts as Markdown, to a file or (with -) to stdout
    #[arg(long, value_name = "FILE|-")]
    pub(super) markdown: Option<String>,

    /// Everything as a page for any browser, which needs no network
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<String>,

    /// Pictures as SVG
    #[arg(long, value_name = "FILE")]
    pub(super) svg: Option<String>,

    /// Pictures as PNG
    #[arg(long, value_name = "FILE")]
    pub(super) png: Option<String>,

    /// One more run of the plain loop and of threads, traced: who held the GIL when (--html, --picture timeline)
    #[arg(long)]
    pub(super) trace_gil: bool,

    /// Show all cells on the terminal while they are measured: runs, medians, speed-ups so far
    #[arg(long, conflicts_with = "quiet")]
    pub(super) live: bool,

    /// An earlier comparison (--json=FILE): keep its sizes and tell what has changed since
    #[arg(long, value_name = "FILE")]
    pub(super) baseline: Option<PathBuf>,

    /// With --baseline: exit code 3 where a cell takes longer by more than so much, beyond chance
    #[arg(long, value_name = "PERCENT", requires = "baseline", value_parser = percent)]
    pub(super) fail_if_slower: Option<f64>,

    /// Measure nothing: show an earlier comparison (--json=FILE) again, in any form
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["workloads", "worker", "workers", "tasks", "repeat", "iterations", "items", "full", "budget", "trace_gil"]
    )]
    pub(super) from: Option<PathBuf>,

    /// Which pictures --svg and --png show: speedup, time, memory, latency, gil, timeline [default: speedup]
    #[arg(long, value_name = "NAME,NAME,...", value_delimiter = ',', value_parser = ungil_report::picture)]
    pub(super) picture: Option<Vec<&'static str>>,

    #[command(flatten)]
    pub(super) common: CommonArgs,
}

fn percent(text: &str) -> Result<f64, String> {
    let number = text.trim_end_matches('%').trim().parse().ok();
    number
        .filter(|number: &f64| number.is_finite() && *number >= 0.0)
        .ok_or_else(|| "it must be a number of percent, 0 or more, for example 10".to_owned())
}
