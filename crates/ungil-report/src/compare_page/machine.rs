//! Where it was measured, and what was asked for.

use std::io::{self, Write};

use ungil_measure::Comparison;
use ungil_measure::comparison::Gil;
use ungil_measure::units::{bytes, percent};

use crate::page::escape;

pub(super) fn write(comparison: &Comparison, out: &mut dyn Write) -> io::Result<()> {
    definitions("The machine", machine(comparison), out)?;
    definitions("What was asked for", settings(comparison), out)
}

type Facts = Vec<(&'static str, Option<String>)>;

fn machine(comparison: &Comparison) -> Facts {
    let machine = &comparison.machine;
    let python = &machine.python;
    let gil = match python.gil {
        Gil::Enabled => Some("on"),
        Gil::Disabled => Some("off: free-threaded"),
        Gil::Unknown => None,
    };
    let hypervisor = machine.hypervisor.map(|is| if is { "yes" } else { "no" });
    vec![
        ("Processor", machine.cpu_model.clone()),
        ("Architecture", Some(machine.architecture.clone())),
        ("Usable cores", Some(machine.usable_cpus.to_string())),
        ("CPUs online", Some(machine.online_cpus.to_string())),
        (
            "Physical cores",
            machine.physical_cores.map(|n| n.to_string()),
        ),
        (
            "CPUs in the affinity mask",
            machine.affinity_cpus.map(|n| n.to_string()),
        ),
        (
            "CPU quota",
            machine.cgroup_cpus.map(|cpus| format!("{cpus} CPUs")),
        ),
        ("Memory", machine.memory_bytes.map(bytes)),
        ("Memory limit", machine.memory_limit_bytes.map(bytes)),
        ("Kernel", machine.kernel.clone()),
        ("Under a hypervisor", hypervisor.map(str::to_owned)),
        ("Frequency governor", machine.frequency_governor.clone()),
        (
            "Python",
            Some(format!("{} {}", python.implementation, python.version)),
        ),
        ("GIL", gil.map(str::to_owned)),
        ("ungil", Some(comparison.ungil_version.clone())),
        ("Measured", Some(comparison.created.clone())),
    ]
}

fn settings(comparison: &Comparison) -> Facts {
    let settings = &comparison.settings;
    let counts: Vec<String> = settings.workers.iter().map(usize::to_string).collect();
    let analysis = &comparison.analysis;
    vec![
        ("Kinds", Some(settings.kinds.join(", "))),
        ("Workers", Some(counts.join(", "))),
        ("Runs per cell", Some(settings.repeat.to_string())),
        ("Untimed runs before", Some(settings.warmup.to_string())),
        (
            "Budget",
            settings.budget_s.map(|seconds| format!("{seconds} s")),
        ),
        (
            "Time limit of a task",
            settings.timeout_s.map(|seconds| format!("{seconds} s")),
        ),
        ("Processes start by", settings.start_method.clone()),
        ("Items", settings.items.clone()),
        (
            "Intervals",
            Some(format!(
                "{}, {} bootstrap resamples, seed {}",
                percent(analysis.confidence),
                analysis.resamples,
                analysis.seed
            )),
        ),
    ]
}

fn definitions(title: &str, facts: Facts, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<section>\n<h2>{title}</h2>\n<dl class=\"facts\">")?;
    for (name, fact) in facts {
        if let Some(fact) = fact.filter(|fact| !fact.trim().is_empty()) {
            writeln!(out, "<div><dt>{name}</dt><dd>{}</dd></div>", escape(&fact))?;
        }
    }
    out.write_all(b"</dl>\n</section>\n")
}
