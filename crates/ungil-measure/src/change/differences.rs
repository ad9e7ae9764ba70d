//! What stands in the way of comparing two comparisons.

use crate::comparison::{Comparison, Gil, WorkloadComparison};
use crate::units::bytes;

/// Differences of machines and interpreters, a sentence each.
pub(super) fn of_places(before: &Comparison, now: &Comparison) -> Vec<String> {
    let (then, here) = (&before.machine, &now.machine);
    let memory = |size: Option<u64>| size.map(bytes).unwrap_or_default();
    let python = |comparison: &Comparison| {
        let python = &comparison.machine.python;
        let gil = match python.gil {
            Gil::Disabled => " without GIL",
            Gil::Enabled | Gil::Unknown => "",
        };
        format!("{} {}{gil}", python.implementation, python.version)
    };
    let cpu = |model: &Option<String>| model.clone().unwrap_or_default();
    let facts = [
        (
            "on another processor",
            cpu(&then.cpu_model),
            cpu(&here.cpu_model),
        ),
        (
            "with another number of usable cores",
            then.usable_cpus.to_string(),
            here.usable_cpus.to_string(),
        ),
        (
            "with other memory",
            memory(then.memory_bytes),
            memory(here.memory_bytes),
        ),
        ("by another Python", python(before), python(now)),
        (
            "by another ungil",
            before.ungil_version.clone(),
            now.ungil_version.clone(),
        ),
        (
            "with processes started in another way",
            before.settings.start_method.clone().unwrap_or_default(),
            now.settings.start_method.clone().unwrap_or_default(),
        ),
    ];
    let differing = facts.into_iter().filter(|(_, then, now)| then != now);
    differing
        .map(|(what, then, now)| {
            format!(
                "The earlier comparison was measured {what} ({} then, {} now).",
                named(&then),
                named(&now)
            )
        })
        .collect()
}

/// Why two measurements of a workload are not of the same work.
pub(super) fn of_sizes(before: &WorkloadComparison, now: &WorkloadComparison) -> Option<String> {
    let size = |work: &WorkloadComparison| {
        let scaled = work.scaling.as_ref();
        scaled.map(|scaling| (scaling.what.clone(), scaling.to))
    };
    let told = |work: &WorkloadComparison| match size(work) {
        Some((what, to)) if what != "tasks" => format!("{} tasks of {to} {what}", work.tasks),
        _ => format!("{} tasks", work.tasks),
    };
    (before.tasks != now.tasks || size(before) != size(now)).then(|| {
        format!(
            "{} was of another size then, and is not compared: {} then, {} now.",
            now.name,
            told(before),
            told(now)
        )
    })
}

fn named(fact: &str) -> &str {
    if fact.is_empty() { "unknown" } else { fact }
}
