//! The table of checks. Each looks at one cell (or at the workload) and says what is wrong with it.

use super::{Code, Warning};
use crate::comparison::{Cell, Conditions, KindCurve, Machine};
use crate::statistics::{MIN_SAMPLES, OUTLIER_THRESHOLD, modified_z_scores};

/// A run this close to the median is no concern, however narrow the others lie.
const HARMLESS_DEVIATION: f64 = 0.05;
/// Runs shorter than this are mostly the timing's own cost, seconds.
const SHORT_RUN_S: f64 = 5e-3;
/// Tasks shorter than this cost more to hand over than to do, seconds.
const SHORT_TASK_S: f64 = 100e-6;
/// Cores kept busy by others, absolute and as a share of the machine.
const LOAD_CORES: f64 = 0.25;
const LOAD_SHARE: f64 = 0.05;
/// Share of the cell's CPU time that the hypervisor may take.
const STEAL_SHARE: f64 = 0.02;
/// Share of the cell's duration in which a quota may hold back.
const THROTTLED_SHARE: f64 = 0.02;
/// Relative change of the mean frequency.
const FREQUENCY_CHANGE: f64 = 0.10;
/// Share of computing in a serial run above which workers beyond the cores cannot help.
const COMPUTING: f64 = 0.5;

/// What a check may look at.
struct Scene<'a> {
    machine: &'a Machine,
    serial: &'a Cell,
    tasks: usize,
}

/// One kind of trouble.
struct Check {
    code: Code,
    /// Whether a cell has it.
    found: fn(&Scene<'_>, &Cell) -> bool,
    /// What to tell; `{cells}` stands for the cells that have it.
    message: &'static str,
}

/// The checks, in the order in which they are told.
const CHECKS: &[Check] = &[
    Check {
        code: Code::Skipped,
        found: |_, cell| cell.skipped.is_some(),
        message: "Not measured: {cells}.",
    },
    Check {
        code: Code::OutOfMemory,
        found: |_, cell| {
            delta(
                cell,
                |c| Some((c.before.oom_kills?, c.after.oom_kills?)),
                |a, b| b > a,
            )
        },
        message: "The kernel killed a process for lack of memory during {cells}. Use fewer workers \
                  or smaller inputs.",
    },
    Check {
        code: Code::FewRuns,
        found: |_, cell| (1..MIN_SAMPLES).contains(&cell.runs.len()),
        message: "Fewer than 3 runs of {cells}: their spread is unknown. Use --repeat 5 or more.",
    },
    Check {
        code: Code::SlowFirstRun,
        found: |_, cell| far_runs(cell).first() == Some(&0) && first_is_slow(cell),
        message: "The first run was much slower than the rest in {cells}, so something was still \
                  warming up. Use more runs (--repeat), so that it counts for less.",
    },
    Check {
        code: Code::Outliers,
        found: |_, cell| {
            let slow_first = usize::from(first_is_slow(cell));
            far_runs(cell).iter().any(|run| *run >= slow_first)
        },
        message: "Some runs lie far from the others in {cells}. Measure again on a quiet machine, \
                  or use more runs (--repeat).",
    },
    Check {
        code: Code::ShortTasks,
        found: |scene, cell| {
            cell.summary
                .as_ref()
                .is_some_and(|summary| summary.wall_s.median < SHORT_RUN_S)
                || (std::ptr::eq(cell, scene.serial)
                    && task_s(scene).is_some_and(|task| task < SHORT_TASK_S))
        },
        message: "The work is too short to time well in {cells}: handing a task to a worker costs \
                  about as much. Give each task more to do, or use more --tasks.",
    },
    Check {
        code: Code::MoreWorkersThanCores,
        found: |scene, cell| {
            let computing = scene
                .serial
                .summary
                .as_ref()
                .is_some_and(|s| s.cpu_cores >= COMPUTING);
            computing && !cell.runs.is_empty() && cell.workers > scene.machine.usable_cpus
        },
        message: "More workers than usable cores in {cells}: computing cannot gain from them.",
    },
    Check {
        code: Code::Load,
        found: |scene, cell| {
            others_cores(cell).is_some_and(|cores| {
                cores > LOAD_CORES && cores > LOAD_SHARE * scene.machine.online_cpus as f64
            })
        },
        message: "Other programs used the CPUs during {cells}. Measure again on a quiet machine.",
    },
    Check {
        code: Code::Steal,
        found: |_, cell| {
            let busy = own_cpu(cell);
            delta(
                cell,
                |c| Some((c.before.steal_s?, c.after.steal_s?)),
                |a, b| b - a > STEAL_SHARE * busy && b - a > 0.05,
            )
        },
        message: "The hypervisor gave CPU time to other machines during {cells}: the figures may \
                  be too slow.",
    },
    Check {
        code: Code::Throttled,
        found: |_, cell| {
            let elapsed = cell
                .conditions
                .as_ref()
                .and_then(elapsed)
                .unwrap_or(f64::INFINITY);
            delta(
                cell,
                |c| Some((c.before.throttled_s?, c.after.throttled_s?)),
                |a, b| b - a > THROTTLED_SHARE * elapsed,
            )
        },
        message: "The CPU quota of the container held the work back during {cells}. Use fewer \
                  workers or raise the quota.",
    },
    Check {
        code: Code::Frequency,
        found: |_, cell| {
            delta(
                cell,
                |c| Some((c.before.frequency_mhz?, c.after.frequency_mhz?)),
                |a, b| (b - a).abs() > FREQUENCY_CHANGE * a.max(b),
            )
        },
        message: "The CPU frequency changed during {cells}. Fix it (governor \"performance\") or \
                  use more runs (--repeat).",
    },
];

/// Applies every check to every cell; one warning per kind of trouble.
pub fn find(machine: &Machine, tasks: usize, serial: &Cell, kinds: &[KindCurve]) -> Vec<Warning> {
    let scene = Scene {
        machine,
        serial,
        tasks,
    };
    let cells = || std::iter::once(serial).chain(kinds.iter().flat_map(|curve| &curve.cells));
    CHECKS
        .iter()
        .filter_map(|check| {
            let found: Vec<&Cell> = cells().filter(|cell| (check.found)(&scene, cell)).collect();
            let all = found.len() > 1 && found.len() == cells().count();
            let names = match (check.code, all) {
                (Code::Skipped, _) => skipped(&found),
                (_, true) => "all cells".to_owned(),
                _ => found
                    .iter()
                    .map(|cell| cell.label())
                    .collect::<Vec<_>>()
                    .join(", "),
            };
            (!found.is_empty()).then(|| Warning {
                code: check.code,
                cells: found.iter().map(|cell| cell.label()).collect(),
                message: check.message.replace("{cells}", &names),
            })
        })
        .collect()
}

/// `process x2 (why), process x4 (why)`, a shared reason told once.
fn skipped(cells: &[&Cell]) -> String {
    let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
    for cell in cells {
        let reason = cell
            .skipped
            .as_deref()
            .unwrap_or_default()
            .trim_end_matches('.');
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, labels)) => labels.push(cell.label()),
            None => reasons.push((reason, vec![cell.label()])),
        }
    }
    let told = reasons
        .iter()
        .map(|(reason, labels)| format!("{} ({reason})", labels.join(", ")));
    told.collect::<Vec<_>>().join("; ")
}

/// Outlying runs whose distance matters.
fn far_runs(cell: &Cell) -> Vec<usize> {
    let Some(summary) = &cell.summary else {
        return Vec::new();
    };
    let median = summary.wall_s.median;
    let far = |run: &&usize| {
        cell.runs
            .get(**run)
            .is_some_and(|run| (run.wall_s - median).abs() > HARMLESS_DEVIATION * median)
    };
    summary.outliers.iter().filter(far).copied().collect()
}

fn first_is_slow(cell: &Cell) -> bool {
    let walls: Vec<f64> = cell.runs.iter().map(|run| run.wall_s).collect();
    modified_z_scores(&walls)
        .first()
        .is_some_and(|score| *score > OUTLIER_THRESHOLD)
}

/// Time of one task in a serial run.
fn task_s(scene: &Scene<'_>) -> Option<f64> {
    let wall = scene.serial.summary.as_ref()?.wall_s.median;
    (scene.tasks > 0).then(|| wall / scene.tasks as f64)
}

fn own_cpu(cell: &Cell) -> f64 {
    cell.runs.iter().map(|run| run.cpu_s).sum()
}

fn elapsed(conditions: &Conditions) -> Option<f64> {
    let elapsed = conditions.after.uptime_s? - conditions.before.uptime_s?;
    (elapsed > 0.0).then_some(elapsed)
}

/// Cores kept busy by everybody but the cell's own runs.
fn others_cores(cell: &Cell) -> Option<f64> {
    let conditions = cell.conditions.as_ref()?;
    let busy = conditions.after.busy_s? - conditions.before.busy_s?;
    // /proc counts in steps of 10 ms: a cell shorter than this tells nothing about others.
    let elapsed = elapsed(conditions).filter(|elapsed| *elapsed >= 0.2)?;
    Some((busy - own_cpu(cell)) / elapsed)
}

/// Whether a figure before and after the cell has changed as told; false where it is unknown.
fn delta<Figure>(
    cell: &Cell,
    figures: impl Fn(&Conditions) -> Option<(Figure, Figure)>,
    changed: impl Fn(Figure, Figure) -> bool,
) -> bool {
    cell.conditions
        .as_ref()
        .and_then(figures)
        .is_some_and(|(before, after)| changed(before, after))
}
