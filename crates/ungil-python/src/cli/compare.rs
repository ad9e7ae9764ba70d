//! `ungil compare`.

use std::io;

use clap::ColorChoice;
use pyo3::prelude::*;
use ungil_measure::Comparison;
use ungil_report::{Format, PICTURES};

use super::args::CompareArgs;
use super::config::Config;
use super::files::OutputFile;
use super::output::{self, StdoutToStderr};
use crate::compare::{Baseline, Listener, Request, Wishes, execute};
use crate::dashboard::LiveProgress;
use crate::error::{Error, Result};
use crate::progress::CompareProgress;
use crate::workload::{self, BUILTIN_NAMES, ItemsSource};

/// Measures, writes the files, prints the result.
pub(super) fn run(
    py: Python<'_>,
    args: CompareArgs,
    config: &Config,
    color: ColorChoice,
) -> Result<()> {
    let args = with_defaults(args, config);
    let baseline = args.baseline.as_deref().map(Baseline::read).transpose()?;
    let most = args.fail_if_slower;
    let earlier = args.from.as_deref().map(Baseline::read).transpose()?;
    let outputs = Outputs::open(&args)?;
    let mut comparison = match earlier {
        Some(earlier) => earlier.comparison,
        None => measured(py, args, baseline.as_ref(), color)?,
    };
    if let Some(baseline) = &baseline {
        py.detach(|| baseline.put_changes_into(&mut comparison));
    }
    outputs.write(py, &comparison, color)?;
    most.map_or(Ok(()), |most| check_slower(&comparison, most))
}

fn measured(
    py: Python<'_>,
    args: CompareArgs,
    baseline: Option<&Baseline>,
    color: ColorChoice,
) -> Result<Comparison> {
    let progress = progress(&args, color);
    let _results_only = StdoutToStderr::begin(py)?;
    let request = request(py, args, baseline)?;
    execute(py, request, &*progress)
}

/// What the user sees meanwhile.
fn progress(args: &CompareArgs, color: ColorChoice) -> Box<dyn Listener> {
    if args.live {
        let color = output::layout(color, &io::stderr()).color;
        if let Some(live) = LiveProgress::on_stderr(color) {
            return Box::new(live);
        }
    }
    let lines = CompareProgress::of_command(args.common.quiet);
    if args.live {
        lines.remark("--live needs a terminal on stderr that can move its cursor: lines instead.");
    }
    Box::new(lines)
}

/// What `--fail-if-slower` says about the changes.
fn check_slower(comparison: &Comparison, percent: f64) -> Result<()> {
    let Some(change) = &comparison.change else {
        return Ok(());
    };
    if change.workloads.iter().all(|work| work.cells.is_empty()) {
        return Err(Error::Usage(format!(
            "--fail-if-slower has nothing to go by: no cell can be compared with {}. {}",
            change.baseline,
            change.remarks.join(" ")
        )));
    }
    let slower: Vec<String> = change
        .slower_by(percent / 100.0)
        .map(|(work, cell)| {
            let more = (cell.ratio - 1.0) * 100.0;
            format!("{work}, {} by {more:.0} %", cell.label())
        })
        .collect();
    if slower.is_empty() {
        return Ok(());
    }
    Err(Error::Slower(format!(
        "slower than in {} by more than {percent} %: {}",
        change.baseline,
        slower.join("; ")
    )))
}

fn with_defaults(mut args: CompareArgs, config: &Config) -> CompareArgs {
    let defaults = &config.compare;
    if args.workloads.is_empty() {
        args.workloads = match &defaults.workloads {
            Some(workloads) => workloads.clone(),
            None => BUILTIN_NAMES.map(str::to_owned).to_vec(),
        };
    }
    args.worker = args.worker.or_else(|| defaults.worker.clone());
    args.workers = args.workers.or_else(|| defaults.workers.clone());
    args.tasks = args.tasks.or(defaults.tasks);
    args.repeat = args.repeat.or(defaults.repeat);
    args.items = args.items.or_else(|| defaults.items.clone());
    // These three exclude each other: what the command line says sets the others' defaults aside.
    let sized = args.full || args.budget.is_some() || args.iterations.is_some();
    if !sized {
        args.full = defaults.full.unwrap_or(false);
        args.iterations = defaults.iterations;
    }
    args.budget = args.budget.or(defaults.budget);
    args.common.timeout = args.common.timeout.or(defaults.timeout).or(config.timeout);
    args.common.start_method = args
        .common
        .start_method
        .or_else(|| defaults.start_method.clone())
        .or_else(|| config.start_method.clone());
    args.common.quiet |= defaults.quiet.or(config.quiet).unwrap_or(false);
    args
}

fn request(py: Python<'_>, args: CompareArgs, baseline: Option<&Baseline>) -> Result<Request> {
    let workloads = args
        .workloads
        .iter()
        .map(|name| workload::from_text(py, name))
        .collect::<Result<Vec<_>>>()?;
    if let Some(baseline) = baseline {
        baseline.check(workloads.iter().map(|workload| workload.name.as_str()))?;
    }
    let items = args.items.as_deref().map(ItemsSource::Text);
    let wishes = Wishes {
        kinds: args.worker,
        workers: args.workers,
        tasks: args.tasks,
        repeat: args.repeat,
        iterations: args.iterations,
        full: args.full,
        budget: args.budget,
        timeout: args.common.timeout,
        start_method: args.common.start_method,
        trace_gil: args.trace_gil,
    };
    let earlier = baseline.map(|baseline| &baseline.comparison);
    Request::new(py, workloads, items.as_ref(), wishes, earlier)
}

/// Where the result goes: any number of files, and one thing on stdout.
struct Outputs {
    files: Vec<(OutputFile, Format)>,
    /// `None`: the terminal's report.
    stdout: Option<Format>,
    pictures: Vec<&'static str>,
}

impl Outputs {
    /// Opens the files now: what cannot be written should not be measured first.
    fn open(args: &CompareArgs) -> Result<Self> {
        let wanted = [
            (&args.json, Format::Json),
            (&args.csv, Format::Csv),
            (&args.markdown, Format::Markdown),
            (&args.html, Format::Html),
            (&args.svg, Format::Svg),
            (&args.png, Format::Png),
        ];
        if args.picture.is_some() && args.svg.is_none() && args.png.is_none() {
            return Err(Error::Usage(
                "--picture is for --svg and --png: give one of them a file.".to_owned(),
            ));
        }
        let mut outputs = Self {
            files: Vec::new(),
            stdout: None,
            pictures: args.picture.clone().unwrap_or_else(|| vec![PICTURES[0]]),
        };
        for (target, format) in wanted {
            match target.as_deref() {
                None => {}
                Some("-") if outputs.stdout.is_some() => {
                    return Err(Error::Usage(
                        "only one of the documents can go to stdout: give the others a file, as in \
                         --json=result.json."
                            .to_owned(),
                    ));
                }
                Some("-") => outputs.stdout = Some(format),
                Some(path) => outputs.files.push((OutputFile::open(path)?, format)),
            }
        }
        Ok(outputs)
    }

    /// Everywhere it can be written; the error is the first of those that came.
    fn write(self, py: Python<'_>, comparison: &Comparison, color: ColorChoice) -> Result<()> {
        let bytes = |format: Format| {
            format
                .bytes(comparison, &self.pictures)
                .map_err(|error| Error::Usage(error.to_string()))
        };
        let files = self
            .files
            .into_iter()
            .map(|(file, format)| file.write(&bytes(format)?));
        // All of them, before any error is looked at: what has been measured is not to be lost.
        let written: Vec<Result<()>> = files.collect();
        let printed = if let Some(document) = self.stdout.map(bytes) {
            document.and_then(|document| output::print(py, &document))
        } else {
            let options = output::layout(color, &io::stdout());
            let report = ungil_report::terminal(comparison, &options);
            output::print(py, report.as_bytes())
        };
        written.into_iter().chain([printed]).collect()
    }
}
