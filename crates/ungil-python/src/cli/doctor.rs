//! `ungil doctor`.

use std::io;

use clap::ColorChoice;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use ungil_report::TerminalOptions;

use super::args::DoctorArgs;
use super::files::OutputFile;
use super::output;
use crate::doctor::examine;
use crate::error::{Error, Result};

/// Tells what works here; the exit code is 1 where something is broken that ungil needs.
pub(super) fn run(py: Python<'_>, args: &DoctorArgs, color: ColorChoice) -> Result<i32> {
    let file = match args.json.as_deref() {
        None | Some("-") => None,
        Some(path) => Some(OutputFile::open(path)?),
    };
    let diagnosis = examine(py)?;
    if args.json.is_some() {
        let text = ungil_report::doctor_json(&diagnosis)
            .map_err(|error| Error::Internal(PyRuntimeError::new_err(error.to_string())))?;
        match file {
            Some(file) => file.write(&text)?,
            None => output::print(py, text.as_bytes())?,
        }
    } else {
        let options = TerminalOptions {
            width: output::width(),
            color: output::report_color(color, &io::stdout()),
        };
        let text = ungil_report::doctor(&diagnosis, &options);
        output::print(py, text.as_bytes())?;
    }
    Ok(i32::from(!diagnosis.healthy))
}
