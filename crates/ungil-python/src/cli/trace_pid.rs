//! `ungil trace --pid`.

use std::io::{self, Write};
use std::time::Duration;

use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use ungil_gil::outside::Target;

use super::args::TraceArgs;
use crate::error::{Error, Result};
use crate::gil::{self, TraceReport};

/// Looks per second, where nobody says.
const RATE: f64 = 1000.0;

/// Traces a process that runs already, in the best way that it allows.
pub(super) fn traced(py: Python<'_>, pid: u32, args: &TraceArgs) -> Result<Py<TraceReport>> {
    if pid == std::process::id() {
        return Err(Error::Usage(format!(
            "process {pid} is this one, which only looks."
        )));
    }
    let target = Target::open(pid).map_err(|error| Error::Usage(error.to_string()))?;
    let (major, minor) = target.version();
    let tell = |how: &str| {
        if !args.quiet {
            let end = match args.duration {
                Some(seconds) => format!("for {seconds} s"),
                None => "until Ctrl-C".to_owned(),
            };
            // Nobody to tell where stderr is closed.
            let _ = writeln!(
                io::stderr(),
                "ungil: process {pid}, Python {major}.{minor}: {how}, {end}"
            );
        }
    };
    let why = if args.sample {
        "--sample asks for this".to_owned()
    } else {
        match asked(py, pid, (major, minor), args.duration, &tell)? {
            Asked::Traced(report) => return Ok(report),
            Asked::Refused(why) => why,
        }
    };
    let rate = args.rate.unwrap_or(RATE);
    tell(&format!("{rate} looks a second from outside ({why})"));
    let duration = args.duration.map(Duration::from_secs_f64);
    let report = gil::sample(py, target, rate, duration, why)?;
    Ok(Py::new(py, report)?)
}

enum Asked {
    Traced(Py<TraceReport>),
    Refused(String),
}

/// Has the process trace itself.
fn asked(
    py: Python<'_>,
    pid: u32,
    version: (u8, u8),
    duration: Option<f64>,
    tell: &dyn Fn(&str),
) -> Result<Asked> {
    if version < (3, 14) {
        let why = format!(
            "Python {}.{} cannot be asked to trace itself, 3.14 and newer can",
            version.0, version.1
        );
        return Ok(Asked::Refused(why));
    }
    let module = py.import("ungil._attach")?;
    let begun = match module.call_method1("begin", (pid, version)) {
        Ok(begun) => begun,
        Err(error) => {
            let refused = error.is_instance(py, &module.getattr("Refused")?);
            if refused {
                return Ok(Asked::Refused(error.value(py).to_string()));
            }
            return Err(error.into());
        }
    };
    tell("it traces itself, exactly");
    let mut ended = begun.call_method1("end_after", (duration,));
    if ended
        .as_ref()
        .is_err_and(|error| error.is_instance_of::<PyKeyboardInterrupt>(py))
    {
        // Before it waited for that.
        ended = begun.call_method1("end_after", (0,));
    }
    begun.call_method0("close")?;
    match ended {
        Ok(report) => Ok(Asked::Traced(report.extract().map_err(PyErr::from)?)),
        Err(error) if error.is_instance(py, &module.getattr("Lost")?) => {
            Err(Error::Usage(error.value(py).to_string()))
        }
        Err(error) => Err(error.into()),
    }
}
