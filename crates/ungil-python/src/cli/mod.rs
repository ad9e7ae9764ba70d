//! The command line: from `sys.argv` to an exit code.

mod args;
mod compare;
mod compare_args;
mod completions;
mod config;
mod doctor;
mod explain;
mod files;
mod output;
mod race;
mod run;
mod tour;
mod trace;
mod trace_pid;

use std::ffi::OsString;
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Mutex, PoisonError};

use anstyle::{AnsiColor, Style};
use clap::{ColorChoice, CommandFactory, FromArgMatches};
use pyo3::prelude::*;

use crate::error::{Error, Result};
use crate::kinds;
use crate::process_end;
use crate::running;
use crate::traceback;
use args::{Color, Ungil, Verb};

/// Run the command line on these arguments (without the program's name) and return its exit code.
#[pyfunction]
pub(crate) fn cli_main(py: Python<'_>, argv: Vec<OsString>) -> i32 {
    process_end::claim();
    keep_panics();
    let code = panic::catch_unwind(AssertUnwindSafe(|| run_to_exit_code(py, argv)))
        .unwrap_or_else(|_| internal(&last_panic()));
    if let Err(Error::ClosedPipe) = output::flush_python(py) {
        output::discard_stdout();
    }
    if running::any() {
        // A thread that hangs in a task, a cluster that takes its time: Python would wait for them.
        kinds::tidy_up_at_end(py);
        process_end::now(code);
    }
    code
}

fn run_to_exit_code(py: Python<'_>, argv: Vec<OsString>) -> i32 {
    let color = color_in(&argv);
    let parsed = Ungil::command()
        .color(color)
        .try_get_matches_from(std::iter::once("ungil".into()).chain(argv))
        .and_then(|matches| Ungil::from_arg_matches(&matches));
    let outcome = match parsed {
        Ok(ungil) => dispatch(py, ungil, color),
        Err(answer) => return answer_parser(py, &answer, color),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            report(py, &error, color);
            error.exit_code()
        }
    }
}

/// Does it; the exit code where that is not an error's.
fn dispatch(py: Python<'_>, ungil: Ungil, color: ColorChoice) -> Result<i32> {
    match ungil.verb {
        Verb::Trace(args) => return trace::run(py, &args, color),
        Verb::Race(args) => return race::run(py, args, color),
        Verb::Doctor(args) => return doctor::run(py, &args, color),
        Verb::Tour(args) => return tour::run(py, &args, color),
        Verb::Run(args) => {
            let config = config::nearest()?;
            config.color()?; // not used here, but a mistake is one everywhere
            let lines = run::run(py, args, &config).map_err(|error| config.with_origin(error))?;
            output::print(py, lines.as_bytes())
        }
        Verb::Compare(args) => {
            let config = config::nearest()?;
            let color = if ungil.color.is_some() {
                color
            } else {
                config.color()?
            };
            compare::run(py, *args, &config, color).map_err(|error| config.with_origin(error))
        }
        Verb::Explain(args) => explain::run(py, &args, color),
        Verb::Completions(args) => output::print(py, &completions::script(&args)),
    }?;
    Ok(0)
}

/// `--color` before the arguments are parsed, so that help and usage errors follow it too.
fn color_in(argv: &[OsString]) -> ColorChoice {
    let words: Vec<&str> = argv.iter().filter_map(|word| word.to_str()).collect();
    let given = words.iter().enumerate().find_map(|(at, word)| match *word {
        "--color" => words.get(at + 1).copied(),
        word => word.strip_prefix("--color="),
    });
    given
        .and_then(|name| <Color as clap::ValueEnum>::from_str(name, false).ok())
        .map_or(ColorChoice::Auto, ColorChoice::from)
}

/// Help and version go to stdout with code 0, mistakes to stderr with code 2.
fn answer_parser(py: Python<'_>, answer: &clap::Error, color: ColorChoice) -> i32 {
    if answer.use_stderr() {
        let _ = answer.print();
        return answer.exit_code();
    }
    let text = answer.render();
    let text = if output::colored(color, &io::stdout()) {
        text.ansi().to_string()
    } else {
        text.to_string()
    };
    match output::print(py, text.as_bytes()) {
        Ok(()) => 0,
        Err(error) => {
            report(py, &error, color);
            error.exit_code()
        }
    }
}

/// Tells on stderr why there is no result.
fn report(py: Python<'_>, error: &Error, color: ColorChoice) {
    let mut text = String::new();
    match error {
        Error::ClosedPipe => return output::discard_stdout(),
        Error::Internal(cause) => {
            internal(&traceback::users_own(py, cause));
            return;
        }
        Error::UserCode { source, .. } => text.push_str(&traceback::users_own(py, source)),
        Error::Raised { traceback, .. } => text.push_str(traceback),
        _ => {}
    }
    let style = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
    let mark = match error {
        Error::Interrupted(_) => "ungil: ".to_owned(),
        _ if output::colored(color, &io::stderr()) => format!("{style}error:{style:#} "),
        _ => "error: ".to_owned(),
    };
    // Nobody to tell where stderr is closed.
    let _ = writeln!(io::stderr(), "{text}{mark}{error}");
}

/// Tells on stderr that the mistake is ours, and returns the exit code for that.
fn internal(details: &str) -> i32 {
    const SOFTWARE: i32 = 70;
    let _ = writeln!(
        io::stderr(),
        "error: internal error in ungil {}; please report it at {}/issues with these lines:\n{}",
        env!("CARGO_PKG_VERSION"),
        env!("CARGO_PKG_REPOSITORY"),
        details.trim_end(),
    );
    SOFTWARE
}

/// What panicked last, kept for [`internal`] instead of being printed by Rust.
static LAST_PANIC: Mutex<String> = Mutex::new(String::new());

fn keep_panics() {
    panic::set_hook(Box::new(|information| {
        *LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner) = information.to_string();
    }));
}

fn last_panic() -> String {
    LAST_PANIC
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}
