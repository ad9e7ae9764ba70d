//! The figures of one cell.

use crate::comparison::{
    AnalysisOptions, GilUse, Interval, Latency, Memory, MemorySample, RawCell, RunSample, SERIAL,
    Spread, Summary,
};
use crate::statistics::{Sample, SplitMix64, median_interval, outliers, ratio_interval};

/// The wall times that every speed-up is measured against.
pub(super) struct Baseline(Sample);

impl Baseline {
    /// The baseline of a serial cell; `None` where it has no runs or takes no time.
    pub(super) fn of(serial: &RawCell) -> Option<Self> {
        Sample::new(walls(serial))
            .filter(|sample| sample.median() > 0.0)
            .map(Self)
    }
}

/// Summarises a cell; `None` without runs, or with a wall time that is no number.
pub(super) fn summarise(
    raw: &RawCell,
    baseline: Option<&Baseline>,
    options: &AnalysisOptions,
    random: &mut SplitMix64,
) -> Option<Summary> {
    let wall = Sample::new(walls(raw))?;
    let wall_s = spread(&wall, options, random);
    let (speedup, speedup_interval) = if raw.kind == SERIAL {
        (baseline.map(|_| 1.0), None)
    } else {
        speedup(&wall, baseline, options, random)
    };
    let workers = raw.workers.max(1) as f64;
    let busy = raw
        .runs
        .iter()
        .filter(|run| run.wall_s > 0.0)
        .map(|run| run.cpu_s / run.wall_s);
    let cpu_cores = median(busy).unwrap_or(0.0);
    Some(Summary {
        wall_s,
        speedup,
        speedup_interval,
        efficiency: speedup.map(|speedup| speedup / workers),
        latency_s: latency(&raw.runs),
        cpu_cores,
        cpu_per_worker: cpu_cores / workers,
        startup_s: median(raw.startup_s.iter().copied()),
        memory: memory(&raw.memory),
        pickle_s: median(raw.runs.iter().filter_map(|run| run.pickle_s)),
        gil: gil(&raw.runs),
        outliers: outliers(&walls(raw).collect::<Vec<_>>()),
    })
}

fn walls(cell: &RawCell) -> impl Iterator<Item = f64> {
    cell.runs.iter().map(|run| run.wall_s)
}

fn median(numbers: impl Iterator<Item = f64>) -> Option<f64> {
    Sample::new(numbers).map(|sample| sample.median())
}

fn spread(sample: &Sample, options: &AnalysisOptions, random: &mut SplitMix64) -> Spread {
    Spread {
        median: sample.median(),
        interval: median_interval(sample, options, random),
        min: sample.min(),
        max: sample.max(),
        mad: sample.mad(),
        iqr: sample.iqr(),
    }
}

fn speedup(
    wall: &Sample,
    baseline: Option<&Baseline>,
    options: &AnalysisOptions,
    random: &mut SplitMix64,
) -> (Option<f64>, Option<Interval>) {
    let (Some(Baseline(serial)), true) = (baseline, wall.median() > 0.0) else {
        return (None, None);
    };
    let ratio = serial.median() / wall.median();
    (Some(ratio), ratio_interval(serial, wall, options, random))
}

fn latency(runs: &[RunSample]) -> Option<Latency> {
    let tasks = runs.iter().flat_map(|run| &run.tasks);
    let sample = Sample::new(tasks.map(|task| task.end_s - task.start_s))?;
    Some(Latency {
        p50: sample.quantile(0.50),
        p95: sample.quantile(0.95),
        p99: sample.quantile(0.99),
    })
}

fn gil(runs: &[RunSample]) -> Option<GilUse> {
    let share = |part: fn(GilUse) -> f64| {
        let seen = runs.iter().filter(|run| run.wall_s > 0.0);
        median(seen.filter_map(|run| Some(part(run.gil?) / run.wall_s)))
    };
    Some(GilUse {
        held: share(|gil| gil.held)?,
        waited: share(|gil| gil.waited)?,
    })
}

fn memory(samples: &[MemorySample]) -> Option<Memory> {
    let middle = |size: fn(&MemorySample) -> u64| {
        median(samples.iter().map(|sample| size(sample) as f64)).map(|bytes| bytes as u64)
    };
    Some(Memory {
        pss_bytes: middle(|sample| sample.pss_bytes)?,
        uss_bytes: middle(|sample| sample.uss_bytes)?,
    })
}
