//! The interpreter.

use super::{Facts, Finding, Status, Topic, Tracer};
use crate::comparison::Gil;

/// The versions that ungil is tested on.
const TESTED: std::ops::RangeInclusive<(u32, u32)> = (3, 11)..=(3, 15);

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    vec![
        interpreter(facts),
        gil(facts),
        tracer(facts),
        interpreters(facts),
        start_methods(facts),
    ]
}

fn finding(name: &'static str, status: Status, text: impl Into<String>) -> Finding {
    Finding::new(Topic::Python, name, status, text)
}

fn interpreter(facts: &Facts) -> Finding {
    let (name, python) = (&facts.machine.python, &facts.observed);
    let text = format!(
        "{} {}, {}",
        name.implementation, name.version, python.executable
    );
    if name.implementation != "CPython" {
        return finding("python", Status::Broken, text)
            .advise("ungil needs CPython, 3.11 or newer.");
    }
    if !TESTED.contains(&python.minor) {
        return finding("python", Status::Note, text).advise(
            "ungil has not been tested on this version: if something fails, try 3.11 to 3.15.",
        );
    }
    if python.debug_build {
        return finding("python", Status::Note, format!("{text}, a debug build"))
            .advise("Its assertions take much of the time: do not measure with it.");
    }
    finding("python", Status::Ok, text)
}

fn gil(facts: &Facts) -> Finding {
    let python = &facts.observed;
    let enabled = facts.machine.python.gil != Gil::Disabled;
    match (python.free_threaded_build, enabled) {
        (false, _) => finding(
            "GIL",
            Status::Ok,
            "on, as in every build that is not free-threaded",
        ),
        (true, false) => finding("GIL", Status::Ok, "off: threads compute in parallel"),
        (true, true) if python.gil_chosen => finding(
            "GIL",
            Status::Note,
            "on, by PYTHON_GIL or -X gil, in a free-threaded build",
        )
        .advise("Threads compute one at a time. Unset PYTHON_GIL to have it off."),
        (true, true) => finding("GIL", Status::Note, "on again in a free-threaded build").advise(
            "An extension module that does not declare that it can do without has turned it on when it \
             was imported; ungil's own is one. PYTHON_GIL=0 keeps it off, at your own risk.",
        ),
    }
}

fn tracer(facts: &Facts) -> Finding {
    let found = |status, text: &str| finding("ungil trace", status, text);
    match &facts.tracer {
        Tracer::Exact => found(Status::Ok, "exact: every take and drop is seen"),
        Tracer::Sampled(reason) => {
            found(Status::Note, "sampled: its figures are approximate").advise(reason.clone())
        }
        Tracer::Nothing(reason) => {
            found(Status::Missing, "cannot trace here").advise(reason.clone())
        }
    }
}

fn interpreters(facts: &Facts) -> Finding {
    match &facts.observed.interpreters {
        None => finding("interpreters", Status::Ok, "each with a GIL of its own"),
        Some(reason) => finding("interpreters", Status::Missing, "not in this Python").advise(
            format!("{reason}. Processes run the same tasks in parallel."),
        ),
    }
}

fn start_methods(facts: &Facts) -> Finding {
    let methods = &facts.observed.start_methods;
    if methods.is_empty() {
        return finding(
            "start methods",
            Status::Broken,
            "none: no process can be started",
        )
        .advise("ungil needs one of fork, forkserver and spawn for processes.");
    }
    finding("start methods", Status::Ok, methods.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Observed;

    fn seen(observed: Observed) -> Facts {
        Facts {
            observed,
            ..Facts::default()
        }
    }

    #[test]
    fn only_cpython_will_do() {
        for (implementation, minor, status) in [
            ("CPython", (3, 13), Status::Ok),
            ("CPython", (3, 99), Status::Note),
            ("PyPy", (3, 11), Status::Broken),
        ] {
            let mut facts = seen(Observed {
                minor,
                ..Observed::default()
            });
            facts.machine.python.implementation = implementation.into();
            let found = interpreter(&facts);
            assert_eq!(found.status, status, "{implementation} {minor:?}");
        }
    }

    #[test]
    fn a_gil_that_came_back_is_explained() {
        let with = |free_threaded_build, state, gil_chosen| {
            let mut facts = seen(Observed {
                free_threaded_build,
                gil_chosen,
                ..Observed::default()
            });
            facts.machine.python.gil = state;
            let found = gil(&facts);
            (found.status, found.remedy.unwrap_or_default())
        };
        assert_eq!(with(false, Gil::Enabled, false).0, Status::Ok);
        assert_eq!(with(true, Gil::Disabled, false).0, Status::Ok);
        assert!(
            with(true, Gil::Enabled, false)
                .1
                .contains("ungil's own is one")
        );
        assert!(
            with(true, Gil::Enabled, true)
                .1
                .contains("Unset PYTHON_GIL")
        );
    }

    #[test]
    fn why_there_are_no_interpreters_or_no_trace_is_told() {
        let mut facts = seen(Observed {
            interpreters: Some("they came with 3.12".into()),
            ..Observed::default()
        });
        facts.tracer = Tracer::Nothing("a debug build".into());
        assert!(
            interpreters(&facts)
                .remedy
                .unwrap()
                .starts_with("they came with 3.12. ")
        );
        assert_eq!(tracer(&facts).remedy.as_deref(), Some("a debug build"));
        facts.tracer = Tracer::Sampled("no import slot".into());
        assert_eq!(tracer(&facts).status, Status::Note);
        assert_eq!(tracer(&seen(Observed::default())).status, Status::Ok);
    }

    #[test]
    fn a_python_that_starts_no_processes_is_broken() {
        assert_eq!(
            start_methods(&seen(Observed::default())).status,
            Status::Broken
        );
    }
}
