//! The command line's stdout and stderr: colour, closed pipes, what the workload prints.

use std::io::{self, IsTerminal, Write};

use clap::ColorChoice;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use ungil_report::TerminalOptions;

use crate::error::{Error, Result};

/// Whether to colour what goes to stdout.
pub(super) fn colored(choice: ColorChoice, stream: &impl IsTerminal) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
            stream.is_terminal() && !no_color && !dumb
        }
    }
}

/// How a report is laid out on this stream.
pub(super) fn layout(choice: ColorChoice, stream: &impl IsTerminal) -> TerminalOptions {
    let color = if colored(choice, stream) {
        ungil_report::ColorChoice::Always
    } else {
        ungil_report::ColorChoice::Never
    };
    TerminalOptions {
        width: width(),
        color,
    }
}

/// A document that could be made of figures: it always can, so that anything else is a mistake of ours.
pub(super) fn rendered(text: std::result::Result<String, ungil_report::Error>) -> Result<String> {
    text.map_err(|error| Error::Internal(PyRuntimeError::new_err(error.to_string())))
}

/// Columns to write for: the terminal's, or enough for every column of a table.
pub(super) fn width() -> usize {
    const UNLIMITED: usize = 120;
    let told = std::env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse().ok());
    told.or_else(|| {
        let size = rustix::termios::tcgetwinsize(rustix::stdio::stdout()).ok()?;
        Some(usize::from(size.ws_col))
    })
    .filter(|&columns| columns > 0)
    .unwrap_or(UNLIMITED)
}

/// Writes to stdout, behind what Python code has printed before.
pub(super) fn print(py: Python<'_>, bytes: &[u8]) -> Result<()> {
    flush_python(py)?;
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(bytes)
        .and_then(|()| stdout.flush())
        .map_err(unwritable)
}

fn unwritable(source: io::Error) -> Error {
    if source.kind() == io::ErrorKind::BrokenPipe {
        Error::ClosedPipe
    } else {
        Error::Output {
            path: "standard output".into(),
            source,
        }
    }
}

/// Flushes `sys.stdout`, which Python would otherwise do at its end, with a complaint if nobody reads.
pub(super) fn flush_python(py: Python<'_>) -> Result<()> {
    let flushed = py
        .import("sys")
        .and_then(|sys| sys.getattr("stdout"))
        .and_then(|out| {
            if out.is_none() {
                Ok(())
            } else {
                out.call_method0("flush").map(drop)
            }
        });
    flushed.map_err(|error| {
        if error.is_instance_of::<pyo3::exceptions::PyBrokenPipeError>(py) {
            Error::ClosedPipe
        } else {
            error.into()
        }
    })
}

/// Sends what is still to come to nowhere, so that Python's own flush at its end finds no closed pipe.
pub(super) fn discard_stdout() {
    if let Ok(nowhere) = std::fs::OpenOptions::new().write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stdout(nowhere);
    }
}

/// While it lives, what the workload prints to stdout goes to stderr: stdout is for results.
pub(super) struct StdoutToStderr(Option<rustix::fd::OwnedFd>);

impl StdoutToStderr {
    /// Redirects descriptor 1, also for workers started meanwhile.
    pub(super) fn begin(py: Python<'_>) -> Result<Self> {
        flush_python(py)?;
        let kept = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3).ok();
        if kept.is_some() {
            let _ = rustix::stdio::dup2_stdout(rustix::stdio::stderr());
        }
        Ok(Self(kept))
    }
}

impl Drop for StdoutToStderr {
    fn drop(&mut self) {
        if let Some(kept) = self.0.take() {
            // What was printed meanwhile belongs to stderr; a failing flush is reported at the end.
            Python::attach(|py| drop(flush_python(py)));
            let _ = rustix::stdio::dup2_stdout(kept);
        }
    }
}
