//! Sentences and lines that every text format shares.

use std::iter;

use ungil_measure::Comparison;
use ungil_measure::comparison::{Gil, KindCurve, WorkloadComparison};
use ungil_measure::scaling::{Amdahl, Fit, Quality, Usl};
use ungil_measure::units::{bytes, three_digits};
use ungil_measure::verdict::plural;

use crate::columns::cells;

/// `cpu: 24 tasks, 5 runs per cell`.
pub(crate) fn title(work: &WorkloadComparison) -> (String, String) {
    let fewest = cells(work)
        .map(|cell| cell.runs.len())
        .filter(|n| *n > 0)
        .min()
        .unwrap_or(0);
    let ending = |n: usize| if n == 1 { "" } else { "s" };
    let rest = format!(
        "{} task{}, {fewest} run{} per cell",
        work.tasks,
        ending(work.tasks),
        ending(fewest)
    );
    (work.name.clone(), rest)
}

/// How the size was chosen, as a sentence; `None` at full size.
pub(crate) fn scaling(work: &WorkloadComparison) -> Option<String> {
    let scaling = work.scaling.as_ref()?;
    let (what, from, to) = (
        &scaling.what,
        thousands(scaling.from),
        thousands(scaling.to),
    );
    Some(format!(
        "Scaled down: {to} {what} instead of {from}. {}",
        scaling.reason
    ))
}

pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// One line about the machine.
pub(crate) fn machine(comparison: &Comparison) -> String {
    let machine = &comparison.machine;
    let mut parts = Vec::new();
    parts.extend(machine.cpu_model.clone());
    let (usable, online) = (machine.usable_cpus, machine.online_cpus);
    parts.push(if usable == online {
        format!("{online} core{}", if online == 1 { "" } else { "s" })
    } else {
        format!("{usable} of {online} cores usable")
    });
    parts.extend(
        machine
            .memory_limit_bytes
            .or(machine.memory_bytes)
            .map(bytes),
    );
    parts.extend(machine.kernel.clone());
    let python = &machine.python;
    if !python.version.is_empty() {
        let gil = match python.gil {
            Gil::Enabled => " (GIL)",
            Gil::Disabled => " (no GIL)",
            Gil::Unknown => "",
        };
        parts.push(
            format!("{} {}{gil}", python.implementation, python.version)
                .trim()
                .to_owned(),
        );
    }
    parts.join(", ")
}

/// Where and when it was measured, for below a picture.
pub(crate) fn provenance(comparison: &Comparison) -> String {
    let day = comparison.created.get(..10).unwrap_or_default();
    let version = &comparison.ungil_version;
    format!("{}; ungil {version}, {day}", machine(comparison))
}

/// One line per law and measured kind; a refusal that kinds share is told once, for all of them.
pub(crate) fn fits(work: &WorkloadComparison) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut refusals: Vec<(&str, Vec<String>)> = Vec::new();
    let measured = |curve: &&KindCurve| curve.cells.iter().any(|cell| cell.summary.is_some());
    for curve in work.kinds.iter().filter(measured) {
        let kinds = plural(&curve.kind);
        let most = curve
            .cells
            .iter()
            .map(|cell| cell.workers)
            .max()
            .unwrap_or(1);
        let amdahl = amdahl(&curve.amdahl, most);
        // The second law needs more counts than the first: one reason is enough.
        let usl = amdahl.is_ok().then(|| usl(&curve.usl));
        for told in iter::once(amdahl).chain(usl) {
            match told {
                Ok(line) => lines.push(format!("{kinds}, {line}")),
                Err(reason) => match refusals.iter_mut().find(|(known, _)| *known == reason) {
                    Some((_, names)) => names.push(kinds.clone()),
                    None => refusals.push((reason, vec![kinds.clone()])),
                },
            }
        }
    }
    lines.extend(
        refusals
            .iter()
            .map(|(reason, names)| format!("{}: {reason}", names.join(", "))),
    );
    lines
}

/// A limit this many times beyond the measured counts is a guess, not a figure.
const FAR: f64 = 10.0;

fn amdahl(fit: &Fit<Amdahl>, most: usize) -> Result<String, &str> {
    let (law, quality) = match fit {
        Fit::Refused { reason } => return Err(reason),
        Fit::Fitted { law, quality } => (law, quality),
    };
    let near = law.limit.filter(|limit| *limit <= FAR * most as f64);
    let limit = near.map_or_else(
        || "no limit in sight".to_owned(),
        |limit| format!("at most {}x", three_digits(limit)),
    );
    let fraction = significant(law.serial_fraction);
    Ok(format!(
        "Amdahl: serial fraction {fraction}, {limit} ({})",
        residual(quality)
    ))
}

fn usl(fit: &Fit<Usl>) -> Result<String, &str> {
    let (law, quality) = match fit {
        Fit::Refused { reason } => return Err(reason),
        Fit::Fitted { law, quality } => (law, quality),
    };
    let peak = law.peak_workers.map_or_else(
        || "no peak".to_owned(),
        |peak| {
            let plural = if peak < 1.5 { "" } else { "s" };
            format!("peak at {peak:.0} worker{plural}")
        },
    );
    Ok(format!(
        "USL: contention {}, coherency {}, {peak} ({})",
        significant(law.contention),
        significant(law.coherency),
        residual(quality)
    ))
}

fn residual(quality: &Quality) -> String {
    let rmse = format!("RMSE {}", significant(quality.rmse));
    quality
        .r_squared
        .map_or_else(|| rmse.clone(), |r| format!("{rmse}, R² {r:.3}"))
}

/// A parameter with two significant digits; 0 where nothing is left.
fn significant(number: f64) -> String {
    if number.abs() < 1e-6 {
        return "0".to_owned();
    }
    if number.abs() >= 0.1 {
        return format!("{number:.2}");
    }
    let decimals = (1.0 - number.abs().log10().floor()) as usize;
    format!("{number:.decimals$}")
}
