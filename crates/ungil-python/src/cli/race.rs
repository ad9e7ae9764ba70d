//! `ungil race`.

use std::io;

use clap::ColorChoice;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::args::RaceArgs;
use super::files::OutputFile;
use super::output;
use crate::error::{Error, Result};

/// Explores a function, or replays a finding; 1 where something was found.
pub(super) fn run(py: Python<'_>, args: RaceArgs, color: ColorChoice) -> Result<i32> {
    if args.seconds.is_nan() || args.seconds <= 0.0 {
        return Err(Error::Usage(format!(
            "--seconds is more than 0, not {}.",
            args.seconds
        )));
    }
    let json = args.json.as_deref().map(OutputFile::open).transpose()?;
    let page = args.html.as_deref().map(OutputFile::open).transpose()?;
    let command = py.import("ungil.race._command")?;
    let options = PyDict::new(py);
    options.set_item("color", output::colored(color, &io::stdout()))?;
    options.set_item("width", output::width())?;
    options.set_item("pdb", args.pdb)?;
    let outcome = match (args.target.as_str(), args.finding) {
        ("replay", Some(finding)) => command.call_method("replay", (finding,), Some(&options)),
        ("replay", None) => {
            return Err(Error::Usage(
                "which finding? As in `ungil race replay finding.json`.".to_owned(),
            ));
        }
        (_, Some(more)) => {
            return Err(Error::Usage(format!(
                "one function at a time: `{more}` is too many."
            )));
        }
        (target, None) => {
            options.set_item("schedules", args.schedules)?;
            options.set_item("seconds", args.seconds)?;
            options.set_item("seed", args.seed)?;
            options.set_item("data_races", !args.no_data_races)?;
            options.set_item("threads", args.threads)?;
            command.call_method("explore", (target,), Some(&options))
        }
    };
    let (text, finding): (String, Option<Bound<'_, PyAny>>) = outcome
        .map_err(|error| Error::refused(&command, error))?
        .extract()?;
    if let Some(finding) = &finding {
        for (file, method) in [(json, "to_json"), (page, "to_html")] {
            if let Some(file) = file {
                file.write(
                    finding
                        .call_method0(method)?
                        .extract::<String>()?
                        .as_bytes(),
                )?;
            }
        }
    }
    output::print(py, text.as_bytes())?;
    Ok(i32::from(finding.is_some()))
}
