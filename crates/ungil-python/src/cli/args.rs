//! The command line's grammar and its help.

use std::ffi::OsString;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, ColorChoice, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub(super) use super::compare_args::CompareArgs;
use super::tour::TourArgs;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const EXIT_CODES: &str = "\
Exit codes:
    0  done
    1  the workload failed: it raised, did not pickle, took longer than --timeout, or lost a worker
    2  the command line, pyproject.toml or an output file is wrong; that is found before anything
       is measured, but for a disk that runs full
    3  compare --fail-if-slower: a cell is slower than in the baseline
  130  interrupted (Ctrl-C)

Defaults can be set in pyproject.toml, under [tool.ungil], [tool.ungil.run] and
[tool.ungil.compare], with the names of the long options; the command line wins.";

/// Threads, processes, or neither? Measure your own code, then run it that way.
#[derive(Parser, Debug)]
#[command(
    name = "ungil",
    bin_name = "ungil",
    version,
    styles = STYLES,
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = EXIT_CODES,
    disable_help_subcommand = true
)]
pub(super) struct Ungil {
    #[command(subcommand)]
    pub(super) verb: Verb,

    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        hide_possible_values = true,
        help = "When to use colour: auto (on a terminal; NO_COLOR is respected), always or never"
    )]
    pub(super) color: Option<Color>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal
    Auto,
    /// Also into files and pipes
    Always,
    /// Nowhere
    Never,
}

impl From<Color> for ColorChoice {
    fn from(color: Color) -> Self {
        match color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        }
    }
}

#[derive(Subcommand, Debug)]
pub(super) enum Verb {
    /// Run a workload on threads, processes or another kind of workers and print the total time
    Run(RunArgs),
    /// Measure a plain loop, threads, processes ... on a workload and say which to use, and why
    Compare(Box<CompareArgs>),
    /// Run a Python program and show who held the GIL, and who waited for it
    Trace(TraceArgs),
    /// Run a threaded function under all schedules and show the one under which it fails
    Race(RaceArgs),
    /// Show a function's source beside its byte code
    Explain(ExplainArgs),
    /// Tell what this machine and this Python can do, and what to do about what is missing
    Doctor(DoctorArgs),
    /// Play the lecture that ungil comes from: its programs, on this machine, beside its figures
    Tour(TourArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
}

const RUN_EXAMPLES: &str = "\
Examples:
  ungil run io --worker thread --workers 4 --tasks 24
      the lecture's example: 24 tasks that wait, on 4 threads
  ungil run cpu --worker process --iterations 100000
      smaller tasks that compute, on one process per usable core
  ungil run mypackage.jobs:crunch --tasks 8
      a function of yours, called 8 times without arguments
  ungil run path/to/jobs.py:crunch --items 'range(100)' --worker process
      a function of one argument, called with 0, 1, ... 99

A workload is `io` (1,000,000 calls of time.sleep(1e-8)), `cpu` (1,000,000 additions),
`module:function` or `path/to/file.py:function`.

Kinds of workers: `interpreter` needs Python 3.13 or newer; `dask` and `ray` start a cluster on this
machine, and need `pip install 'ungil[dask]'` or `'ungil[ray]'`.

Exit codes: 0 done, 1 the workload failed, 2 usage, 130 interrupted.";

#[derive(Args, Debug, Default)]
#[command(after_help = RUN_EXAMPLES)]
pub(super) struct RunArgs {
    /// What to run: io, cpu, module:function or path/to/file.py:function
    pub(super) workload: Option<String>,

    /// Kind of workers: serial, thread, interpreter, process, native, dask or ray [default: thread]
    #[arg(long, value_name = "KIND")]
    pub(super) worker: Option<String>,

    /// Number of workers [default: the usable cores]
    #[arg(long, value_name = "N", value_parser = whole, allow_negative_numbers = true)]
    pub(super) workers: Option<i64>,

    /// Number of tasks [default: one per item, else 24]
    #[arg(long, value_name = "N", value_parser = whole, allow_negative_numbers = true)]
    pub(super) tasks: Option<i64>,

    /// Iterations of one task of io or cpu [default: 1000000]
    #[arg(long, value_name = "N", value_parser = whole, allow_negative_numbers = true)]
    pub(super) iterations: Option<i64>,

    /// Feed a one-argument function: module:iterable, or a Python expression
    #[arg(long, value_name = "ITERABLE")]
    pub(super) items: Option<String>,

    #[command(flatten)]
    pub(super) common: CommonArgs,
}

#[derive(Args, Debug, Default)]
pub(super) struct CommonArgs {
    /// Longest time one task may take; a longer one is stopped and ends the program
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub(super) timeout: Option<f64>,

    /// How worker processes start: fork, forkserver or spawn [default: forkserver]
    #[arg(long, value_name = "METHOD")]
    pub(super) start_method: Option<String>,

    /// Only the result: no progress, no remarks
    #[arg(long, short)]
    pub(super) quiet: bool,
}

/// A whole number as Python writes it, `1_000_000` too.
pub(super) fn whole(text: &str) -> Result<i64, String> {
    text.replace('_', "")
        .parse()
        .map_err(|_| "it must be a whole number, for example 24 or 1_000_000".to_owned())
}

fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    number
        .filter(|number| *number > 0.0)
        .ok_or_else(|| "it must be a number of seconds above 0, for example 10 or 0.5".to_owned())
}

fn rate(text: &str) -> Result<f64, String> {
    let number = text.parse().ok();
    number
        .filter(|number| (1.0..=20_000.0).contains(number))
        .ok_or_else(|| "it must be a number from 1 to 20000".to_owned())
}

const TRACE_EXAMPLES: &str = "\
Examples:
  ungil trace server.py --port 8000
      the program runs as with `python server.py --port 8000`; the summary goes to stderr
  ungil trace -m pytest tests/
      a module, as with `python -m`
  ungil trace -o trace.html crunch.py
      the timeline as a page for any browser, offline, to zoom into
  ungil trace -o trace.json crunch.py
      the same for https://ui.perfetto.dev or chrome://tracing
  ungil trace --json=summary.json crunch.py
      all figures as JSON
  ungil trace --children train.py
      the processes that it forks or starts by multiprocessing, too, each on its own
  ungil trace --pid 4711 --duration 10
      a program that runs already, until Ctrl-C or for 10 seconds

Exact: every take, wait and drop of the GIL by every thread of the process. Options of ungil come
before the program; what follows it is the program's own.

With --pid: a Python of 3.14 or newer that has ungil, too, is asked to trace itself, exactly (PEP 768);
any other one is looked at from outside, many times a second, without being stopped or changed. The
summary says which it was, and how far off the figures may be.

Exit codes: the program's own, with --pid 0; 2 usage, or an output file cannot be written.";

#[derive(Args, Debug)]
#[command(after_help = TRACE_EXAMPLES)]
pub(super) struct TraceArgs {
    /// Write the timeline here: FILE.html, a page, or FILE.json, for Perfetto or Chrome's tracing page
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: Option<String>,

    /// The figures as JSON, to a file or (without one) to stdout
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "-")]
    pub(super) json: Option<String>,

    /// No summary
    #[arg(long, short)]
    pub(super) quiet: bool,

    /// Trace the program's child processes, too: those that it forks, and multiprocessing's
    #[arg(long)]
    pub(super) children: bool,

    /// Trace a process that runs already
    #[arg(long, value_name = "PID", conflicts_with_all = ["program", "children"])]
    pub(super) pid: Option<u32>,

    /// With --pid: for so long [default: until Ctrl-C, or the process ends]
    #[arg(long, value_name = "SECONDS", value_parser = positive, allow_negative_numbers = true)]
    pub(super) duration: Option<f64>,

    /// With --pid: only look from outside, on 3.14 and newer, too
    #[arg(long)]
    pub(super) sample: bool,

    /// With --pid: looks per second, from 1 to 20000 [default: 1000]
    #[arg(long, value_name = "HZ", value_parser = rate, allow_negative_numbers = true)]
    pub(super) rate: Option<f64>,

    /// The program and its arguments: a file, or -m and a module
    #[arg(
        value_name = "PROGRAM",
        required_unless_present = "pid",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub(super) program: Vec<OsString>,
}

const RACE_EXAMPLES: &str = "\
Examples:
  ungil race bank.py::two_withdrawals
      a function without arguments that starts threads, joins them and asserts
  ungil race tests/test_bank.py::two_withdrawals --json=finding.json
      and what was found, for replaying it
  ungil race replay finding.json
      the same schedule again
  ungil race replay finding.json --pdb
      and with the debugger, in the thread and at the step where the bug shows

The function is called once per schedule, in this process, and must make its state itself.

Exit codes: 0 nothing found, 1 a failure was found, 2 usage, 130 interrupted.";

#[derive(Args, Debug)]
#[command(after_help = RACE_EXAMPLES)]
pub(super) struct RaceArgs {
    /// The function, as `path/to/file.py::function`; or `replay` and a finding
    #[arg(value_name = "TARGET")]
    pub(super) target: String,

    /// The finding to replay
    #[arg(value_name = "FINDING")]
    pub(super) finding: Option<String>,

    /// Most schedules to run
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) schedules: u32,

    /// Most seconds to spend
    #[arg(long, value_name = "S", default_value_t = 30.0)]
    pub(super) seconds: f64,

    /// Where sampling begins
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) seed: u64,

    /// Do not report data races where no schedule fails
    #[arg(long)]
    pub(super) no_data_races: bool,

    /// What the function's threads are; without it fibers, and real threads where one blocks
    #[arg(long, value_name = "KIND", value_parser = ["fibers", "real"])]
    pub(super) threads: Option<String>,

    /// Write what was found here, as JSON
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<String>,

    /// Write what was found here, as a page for any browser
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<String>,

    /// Run what was found once more, with Python's debugger where the bug shows
    #[arg(long)]
    pub(super) pdb: bool,
}

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  ungil explain path/to/jobs.py:crunch
      source and byte code, side by side; the function is not run, and its file not imported
  ungil explain path/to/jobs.py:crunch --run '1000, scale=2.0'
      the same after 64 calls with these arguments: the instructions that Python specialises
  ungil explain mypackage.jobs:Account.withdraw --html withdraw.html
      a method, as a page for any browser
  ungil explain path/to/jobs.py:17
      the function in line 17, a lambda for example
  ungil explain __pycache__/jobs.cpython-313.pyc
      a compiled module: its header, and its code if this Python wrote it

Marks show what instructions do to reference counts, and where another thread can get the GIL.

Exit codes: 0 done, 1 the function raised, 2 usage, or there is no byte code to show.";

#[derive(Args, Debug)]
#[command(after_help = EXPLAIN_EXAMPLES)]
pub(super) struct ExplainArgs {
    /// What to explain: file.py:function, module:function, file.py:LINE, file.py or file.pyc
    pub(super) target: String,

    /// Call it with these arguments first, as in --run '1000, scale=2.0'
    #[arg(long, value_name = "ARGUMENTS", allow_hyphen_values = true)]
    pub(super) run: Option<String>,

    /// How often to call it [default: 64 with --run, else 0]
    #[arg(long, value_name = "N", value_parser = whole, allow_negative_numbers = true)]
    pub(super) hot: Option<i64>,

    /// Everything as JSON, to a file or (without one) to stdout
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "-")]
    pub(super) json: Option<String>,

    /// A page for any browser, which needs neither a network nor scripts
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<String>,
}

const DOCTOR_EXAMPLES: &str = "\
Examples:
  ungil doctor
      cores, memory, limits, the GIL, interpreters, the tracer, packages: a line each
  ungil doctor --json | jq '.findings[] | select(.status != \"ok\")'
      machine-readable, with the facts behind it

`ok` is as it should be, `note` is worth knowing, `missing` is optional, `BROKEN` is needed by ungil
and does not work. Below each that is not ok stands what to do.

Exit codes: 0 everything works that ungil needs, 1 something of it is broken, 2 usage.";

#[derive(Args, Debug)]
#[command(after_help = DOCTOR_EXAMPLES)]
pub(super) struct DoctorArgs {
    /// Findings and facts as JSON, to a file or (without one) to stdout
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "-")]
    pub(super) json: Option<String>,
}

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  ungil completions bash > ~/.local/share/bash-completion/completions/ungil
  ungil completions zsh > ~/.zfunc/_ungil        # with ~/.zfunc in $fpath
  ungil completions fish > ~/.config/fish/completions/ungil.fish";

#[derive(Args, Debug)]
#[command(after_help = COMPLETIONS_EXAMPLES)]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_parser = ["bash", "zsh", "fish"])]
    shell: String,
}

impl CompletionsArgs {
    /// The shell that the parser has let through.
    pub(super) fn shell(&self) -> Shell {
        match self.shell.as_str() {
            "zsh" => Shell::Zsh,
            "fish" => Shell::Fish,
            _ => Shell::Bash,
        }
    }
}
