//! `ungil explain`.

use std::io;

use clap::ColorChoice;
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;

use super::args::ExplainArgs;
use super::files::{JsonOutput, OutputFile};
use super::output::{self, StdoutToStderr};
use crate::error::{Error, Result};
use crate::{explain, workload};

/// Shows the source and the byte code of what is named.
pub(super) fn run(py: Python<'_>, args: &ExplainArgs, color: ColorChoice) -> Result<()> {
    let page = args.html.as_deref().map(OutputFile::open).transpose()?;
    let json = JsonOutput::open(args.json.as_deref())?;
    let document = document(py, args)?;
    let explanation = explain::read(&document)?;
    let wants_text = json.is_none() && page.is_none();
    if let Some(json) = json {
        json.write(py, ungil_report::explanation_json(&explanation))?;
    }
    if let Some(page) = page {
        page.write_with(|out| ungil_report::explanation_page(&explanation, out))?;
    }
    if wants_text {
        let options = output::layout(color, &io::stdout());
        let text = ungil_report::explanation(&explanation, &options);
        output::print(py, text.as_bytes())?;
    }
    Ok(())
}

/// What the interpreter finds; the function is called only if that was asked for.
fn document(py: Python<'_>, args: &ExplainArgs) -> Result<String> {
    let finder = py.import("ungil._explain")?;
    let refusals = py.import("ungil._explain.refused")?;
    if args.run.is_none() && args.hot.is_none() {
        let found = finder.call_method1("of_text", (&args.target,));
        return Ok(found
            .map_err(|error| Error::refused(&refusals, error))?
            .extract()?);
    }
    let calls = match args.hot {
        None => finder.getattr("HOT")?.extract()?,
        Some(calls) if calls > 0 => calls,
        Some(calls) => {
            return Err(Error::Usage(format!(
                "--hot must be a number of calls, 1 or more, not {calls}."
            )));
        }
    };
    if !args.target.contains(':') || args.target.contains(".pyc") {
        return Err(Error::Usage(format!(
            "\"{}\" cannot be called: --run and --hot need file.py:function or module:function.",
            args.target
        )));
    }
    let _quiet = StdoutToStderr::begin(py)?;
    let function = workload::object(py, &args.target)?;
    let arguments = args.run.as_deref().unwrap_or_default();
    let called = finder.call_method1("of_call", (function, arguments, calls));
    match called {
        Ok(document) => Ok(document.extract()?),
        Err(error) if error.is_instance_of::<PyKeyboardInterrupt>(py) => Err(error.into()),
        Err(error) => Err(match Error::refused(&refusals, error) {
            Error::Internal(source) => {
                without_our_frames(py, &source)?;
                Error::UserCode {
                    what: format!("calling {}({arguments})", args.target),
                    source,
                }
            }
            error => error,
        }),
    }
}

/// Cuts off the frames between us and the user's function.
fn without_our_frames(py: Python<'_>, error: &PyErr) -> Result<()> {
    let mut frame = error.traceback(py).map(Bound::into_any);
    while let Some(current) = &frame {
        let code = current.getattr("tb_frame")?.getattr("f_code")?;
        let file: String = code.getattr("co_filename")?.extract()?;
        if file != "--run" && !file.contains("ungil/_explain/") {
            break;
        }
        let next = current.getattr("tb_next")?;
        frame = (!next.is_none()).then_some(next);
    }
    let users = frame.map(Bound::cast_into).transpose();
    error.set_traceback(py, users.map_err(PyErr::from)?);
    Ok(())
}
