//! Checks of options that more than one command has.

use ungil_measure::os::linux::System;

use crate::error::{Error, Result};
use crate::kinds::START_METHODS;
use crate::run::count;
use crate::suggest;
use crate::workload::{Items, Workload};

/// CPUs that this process can keep busy, at least 1.
pub(crate) fn usable_cores() -> usize {
    System::host().limits().usable_cpus
}

/// Refuses what is no length of time.
pub(crate) fn seconds(option: &str, given: f64) -> Result<f64> {
    if given.is_finite() && given > 0.0 {
        Ok(given)
    } else {
        Err(Error::Usage(format!(
            "{option} must be a number of seconds above 0, not {given}."
        )))
    }
}

/// Refuses unknown start methods.
pub(crate) fn start_method(given: Option<String>) -> Result<Option<String>> {
    match given {
        Some(name) if !START_METHODS.contains(&name.as_str()) => Err(Error::Usage(format!(
            "unknown start method \"{name}\": there are {}.{}",
            START_METHODS.join(", "),
            suggest::did_you_mean(&name, START_METHODS),
        ))),
        known => Ok(known),
    }
}

/// Sets the size of a task, which only the lecture's workloads have.
pub(crate) fn set_iterations(workload: &mut Workload, given: i64) -> Result<()> {
    let number = count("iterations", given)?;
    if workload.iterations().is_none() {
        return Err(no_iterations(workload));
    }
    workload.set_iterations(number as u64);
    Ok(())
}

/// That `iterations` means nothing to this workload.
pub(crate) fn no_iterations(workload: &Workload) -> Error {
    let name = &workload.name;
    Error::Usage(format!(
        "iterations are for io and cpu; \"{name}\" decides its size itself."
    ))
}

/// That `items` mean nothing to this workload.
pub(crate) fn no_items(workload: &Workload) -> Error {
    Error::Usage(format!(
        "\"{}\" takes no items: they feed a function of yours, given as module:function.",
        workload.name
    ))
}

/// The remark that an iterable without a known end was cut.
pub(crate) fn truncated(items: &Items) -> String {
    format!(
        "there are more than {0} items: the first {0} are used (--tasks says how many)",
        items.len()
    )
}
