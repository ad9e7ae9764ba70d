//! `ungil tour`.

use std::io;

use clap::{Args, ColorChoice};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::output;
use crate::error::{Error, Result};

const TOUR_EXAMPLES: &str = "\
Examples:
  ungil tour
      all chapters, a program at a time: Enter goes on, q ends
  ungil tour --list
      the chapters and their programs
  ungil tour 3
      one chapter: why threads do not compute in parallel

It takes about a minute. The programs are ordinary scripts, and their paths are shown.

Exit codes: 0 done, 1 a program failed, 2 usage, 130 interrupted.";

#[derive(Args, Debug)]
#[command(after_help = TOUR_EXAMPLES)]
pub(super) struct TourArgs {
    /// The chapter's number [default: all of them]
    #[arg(value_name = "CHAPTER", value_parser = number)]
    chapter: Option<u32>,

    /// Only list the chapters and their programs
    #[arg(long, conflicts_with = "chapter")]
    list: bool,

    /// Go on without waiting for Enter, as where input or output is no terminal
    #[arg(long, short)]
    yes: bool,
}

fn number(text: &str) -> std::result::Result<u32, String> {
    text.parse()
        .map_err(|_| "it must be a chapter's number, see `ungil tour --list`".to_owned())
}

/// Plays chapters, or lists them; 1 where a script failed.
pub(super) fn run(py: Python<'_>, args: &TourArgs, color: ColorChoice) -> Result<i32> {
    let tour = py.import("ungil._tour")?;
    if args.list {
        let contents: String = tour.call_method0("contents")?.extract()?;
        output::print(py, contents.as_bytes())?;
        return Ok(0);
    }
    let options = PyDict::new(py);
    options.set_item("go_on", args.yes)?;
    options.set_item("color", output::colored(color, &io::stdout()))?;
    tour.call_method("play", (args.chapter,), Some(&options))
        .map_err(|error| Error::refused(&tour, error))?
        .extract()
        .map_err(Error::from)
}
