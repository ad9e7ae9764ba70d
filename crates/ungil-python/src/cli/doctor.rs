//! `ungil doctor`.

use std::io;

use clap::ColorChoice;
use pyo3::prelude::*;

use super::args::DoctorArgs;
use super::files::JsonOutput;
use super::output;
use crate::doctor::examine;
use crate::error::Result;

/// Tells what works here; the exit code is 1 where something is broken that ungil needs.
pub(super) fn run(py: Python<'_>, args: &DoctorArgs, color: ColorChoice) -> Result<i32> {
    let json = JsonOutput::open(args.json.as_deref())?;
    let diagnosis = examine(py)?;
    if let Some(json) = json {
        json.write(py, ungil_report::doctor_json(&diagnosis))?;
    } else {
        let options = output::layout(color, &io::stdout());
        let text = ungil_report::doctor(&diagnosis, &options);
        output::print(py, text.as_bytes())?;
    }
    Ok(i32::from(!diagnosis.healthy))
}
