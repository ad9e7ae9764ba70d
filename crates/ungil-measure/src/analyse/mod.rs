//! From samples to a [`Comparison`]: summaries, curves, fits, warnings, verdicts.

mod summary;

use crate::comparison::{
    AnalysisOptions, Cell, Comparison, KindCurve, RawCell, RawComparison, RawWorkload,
    SCHEMA_VERSION, WorkloadComparison,
};
use crate::statistics::SplitMix64;
use crate::{scaling, verdict, warning};
use summary::{Baseline, summarise};

/// Derives every figure, fit, warning and verdict from the samples, and keeps the samples.
///
/// Deterministic: the same samples and options give the same result. It never fails: a cell without
/// runs has no summary, a curve too short has a refusal in place of a fit, and a workload without
/// figures has a verdict that says so.
pub fn analyse(raw: RawComparison, options: &AnalysisOptions) -> Comparison {
    let RawComparison {
        ungil_version,
        created,
        machine,
        settings,
        workloads,
    } = raw;
    let mut random = SplitMix64::new(options.seed);
    let workloads = workloads
        .into_iter()
        .map(|workload| {
            // Each workload has its own stream, so that adding one leaves the others' figures.
            let mut random = SplitMix64::new(random.next_u64());
            let (serial, kinds) = summaries(&workload, &settings.kinds, options, &mut random);
            let warnings = warning::find(&machine, workload.tasks, &serial, &kinds);
            let verdict = verdict::decide(&verdict::Facts {
                machine: &machine,
                options,
                tasks: workload.tasks,
                scaling: workload.scaling.as_ref(),
                serial: &serial,
                kinds: &kinds,
                warnings: &warnings,
            });
            let RawWorkload {
                name,
                tasks,
                scaling,
                ..
            } = workload;
            WorkloadComparison {
                name,
                tasks,
                scaling,
                serial,
                kinds,
                verdict,
                warnings,
            }
        })
        .collect();
    Comparison {
        schema_version: SCHEMA_VERSION,
        ungil_version,
        created,
        machine,
        settings,
        analysis: *options,
        workloads,
        change: None,
    }
}

fn summaries(
    workload: &RawWorkload,
    order: &[String],
    options: &AnalysisOptions,
    random: &mut SplitMix64,
) -> (Cell, Vec<KindCurve>) {
    let baseline = Baseline::of(&workload.serial);
    let mut cell = |raw: &RawCell| {
        let summary = summarise(raw, baseline.as_ref(), options, random);
        Cell::new(raw.clone(), summary)
    };
    let serial = cell(&workload.serial);
    let kinds = kinds_in_order(order, &workload.cells)
        .into_iter()
        .map(|kind| {
            let mut cells: Vec<Cell> = workload
                .cells
                .iter()
                .filter(|raw| raw.kind == kind)
                .map(&mut cell)
                .collect();
            cells.sort_by_key(|cell| cell.workers);
            curve(kind, cells)
        })
        .collect();
    (serial, kinds)
}

/// The kinds asked for, then any others in the order of their first cell; only those with cells.
fn kinds_in_order(order: &[String], cells: &[RawCell]) -> Vec<String> {
    let measured = cells.iter().map(|cell| &cell.kind);
    let asked = order
        .iter()
        .filter(|kind| measured.clone().any(|other| other == *kind));
    let mut kinds: Vec<String> = Vec::new();
    for kind in asked.chain(measured.clone()) {
        if !kinds.contains(kind) {
            kinds.push(kind.clone());
        }
    }
    kinds
}

fn curve(kind: String, cells: Vec<Cell>) -> KindCurve {
    let points: Vec<(usize, f64)> = cells
        .iter()
        .filter_map(|cell| Some((cell.workers, cell.summary.as_ref()?.speedup?)))
        .collect();
    KindCurve {
        kind,
        cells,
        amdahl: scaling::fit_amdahl(&points),
        usl: scaling::fit_usl(&points),
    }
}
