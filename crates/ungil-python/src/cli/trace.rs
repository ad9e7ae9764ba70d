//! `ungil trace`.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;

use clap::ColorChoice;
use pyo3::prelude::*;
use ungil_report::TraceFormat;

use super::args::TraceArgs;
use super::files::{JsonOutput, OutputFile};
use super::{output, trace_pid};
use crate::error::{Error, Result};
use crate::gil::TraceReport;

/// Runs the program under the tracer, tells what was found, and returns the program's exit code.
pub(super) fn run(py: Python<'_>, args: &TraceArgs, color: ColorChoice) -> Result<i32> {
    if args.pid.is_none() {
        let alone = [
            ("--duration", args.duration.is_some()),
            ("--rate", args.rate.is_some()),
            ("--sample", args.sample),
        ];
        if let Some((option, _)) = alone.iter().find(|(_, given)| *given) {
            return Err(Error::Usage(format!("{option} needs --pid.")));
        }
        check(&args.program)?;
    }
    let timeline = args.output.as_deref().map(Timeline::open).transpose()?;
    let figures = JsonOutput::open(args.json.as_deref())?;

    let name = args.pid.is_none().then(|| program_name(&args.program));
    let (report, code) = match args.pid {
        Some(pid) => (Some(trace_pid::traced(py, pid, args)?), 0),
        None => traced(py, args)?,
    };
    let Some(report) = report else {
        return Ok(code); // a child that the program forked
    };
    let report = &report.get().0;
    if !args.quiet {
        summarise(report, color);
    }
    if let Some(timeline) = timeline {
        let Timeline { file, format } = timeline;
        file.write_with(|out| format.write(report, name.as_deref(), out))?;
    }
    if let Some(figures) = figures {
        figures.write(py, ungil_report::trace_json(report))?;
    }
    Ok(code)
}

/// Where the timeline goes, and in which form.
struct Timeline {
    file: OutputFile,
    format: TraceFormat,
}

impl Timeline {
    fn open(path: &str) -> Result<Self> {
        let format =
            TraceFormat::of(Path::new(path)).map_err(|error| Error::Usage(error.to_string()))?;
        let file = OutputFile::open(path)?;
        Ok(Self { file, format })
    }
}

/// The program without its arguments, which may be nobody else's business.
fn program_name(program: &[OsString]) -> String {
    let name = |at: usize| {
        program
            .get(at)
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    };
    match name(0).as_str() {
        "-m" => name(1),
        path => Path::new(path).file_name().map_or_else(
            || path.to_owned(),
            |name| name.to_string_lossy().into_owned(),
        ),
    }
}

/// A program must be one, and come last.
fn check(program: &[OsString]) -> Result<()> {
    let first = program[0].to_string_lossy();
    if first.starts_with('-') && first != "-m" {
        return Err(Error::Usage(format!(
            "`{first}` is no option of `ungil trace`, and no program. Options of the program come \
             after it, as in `ungil trace server.py {first}`."
        )));
    }
    if first == "-m" && program.len() < 2 {
        return Err(Error::Usage(
            "which module? As in `ungil trace -m pytest tests/`.".to_owned(),
        ));
    }
    Ok(())
}

/// What the tracer saw while the program ran, and the program's exit code.
fn traced(py: Python<'_>, args: &TraceArgs) -> Result<(Option<Py<TraceReport>>, i32)> {
    let runner = py.import("ungil._traced_program")?;
    let outcome = runner
        .call_method1("run", (&args.program, args.children, args.quiet))
        .map_err(|error| Error::refused(&runner, error))?;
    Ok(outcome.extract()?)
}

/// To stderr: stdout is the program's.
fn summarise(report: &ungil_gil::Report, color: ColorChoice) {
    let stderr = io::stderr();
    let options = output::layout(color, &stderr);
    let text = ungil_report::trace_terminal(report, &options);
    // Nobody to tell where stderr is closed.
    let _ = stderr.lock().write_all(format!("\n{text}").as_bytes());
}
