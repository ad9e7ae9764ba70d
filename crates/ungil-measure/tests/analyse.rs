//! `analyse`: every figure of a summary, the order of curves, and every warning.

#![allow(clippy::float_cmp)] // exact by construction

use std::collections::BTreeSet;

use ungil_measure::comparison::{
    Conditions, Machine, MemorySample, RawCell, RawComparison, RawWorkload, RunSample, Settings,
    SystemState, TaskSample, WorkloadComparison,
};
use ungil_measure::scaling::Fit;
use ungil_measure::warning::Code;
use ungil_measure::{AnalysisOptions, Comparison, analyse};

fn cell(kind: &str, workers: usize, walls: &[f64]) -> RawCell {
    let runs = walls.iter().map(|wall_s| RunSample {
        wall_s: *wall_s,
        cpu_s: *wall_s,
        ..RunSample::default()
    });
    RawCell {
        kind: kind.into(),
        workers,
        runs: runs.collect(),
        ..RawCell::default()
    }
}

fn raw(serial: RawCell, cells: Vec<RawCell>) -> RawComparison {
    RawComparison {
        machine: Machine {
            online_cpus: 4,
            usable_cpus: 4,
            ..Machine::default()
        },
        settings: Settings {
            kinds: vec!["thread".into(), "process".into()],
            ..Settings::default()
        },
        workloads: vec![RawWorkload {
            name: "work".into(),
            tasks: 10,
            serial,
            cells,
            ..RawWorkload::default()
        }],
        ..RawComparison::default()
    }
}

fn compare(serial: RawCell, cells: Vec<RawCell>) -> WorkloadComparison {
    analyse(raw(serial, cells), &AnalysisOptions::default())
        .workloads
        .remove(0)
}

const STEADY: [f64; 5] = [1.0, 1.01, 0.99, 1.005, 0.995];

#[test]
fn summary_has_the_figures_of_the_samples() {
    let task = |start_s: f64, end_s: f64| TaskSample {
        start_s,
        end_s,
        cpu_s: None,
    };
    let mut process = cell("process", 2, &[0.5, 0.4, 0.6]);
    process.runs[0].cpu_s = 1.0;
    process.runs[1].cpu_s = 0.6;
    process.runs[2].cpu_s = 1.08;
    process.runs[0].tasks = vec![task(0.0, 0.1), task(0.1, 0.3)];
    process.runs[1].tasks = vec![task(0.0, 0.3), task(0.05, 0.45)];
    process.runs[2].tasks = vec![task(0.0, 0.5)];
    process.runs[0].pickle_s = Some(0.01);
    process.startup_s = vec![0.3, 0.1, 0.2];
    process.memory = [10, 30, 20]
        .map(|n| MemorySample {
            pss_bytes: n * 1000,
            uss_bytes: n * 100,
        })
        .to_vec();
    let compared = compare(cell("serial", 1, &[1.0, 1.2, 0.8]), vec![process]);
    let summary = compared.kinds[0].cells[0]
        .summary
        .clone()
        .expect("three runs");
    assert_eq!(
        (
            summary.wall_s.median,
            summary.wall_s.min,
            summary.wall_s.max
        ),
        (0.5, 0.4, 0.6)
    );
    assert!((summary.wall_s.mad - 0.1).abs() < 1e-12 && (summary.wall_s.iqr - 0.1).abs() < 1e-12);
    assert_eq!(
        (summary.speedup, summary.efficiency),
        (Some(2.0), Some(1.0))
    );
    let interval = summary.speedup_interval.expect("three runs on both sides");
    assert!(interval.low < 2.0 && interval.high > 2.0 && interval.high <= 1.2 / 0.4 + 1e-12);
    assert!(
        (summary.cpu_cores - 1.8).abs() < 1e-12 && (summary.cpu_per_worker - 0.9).abs() < 1e-12
    );
    assert_eq!(summary.startup_s, Some(0.2));
    assert_eq!(summary.pickle_s, Some(0.01));
    let memory = summary.memory.expect("three samples");
    assert_eq!((memory.pss_bytes, memory.uss_bytes), (20_000, 2_000));
    // Task times 0.1, 0.2, 0.3, 0.4, 0.5: type 7 puts p95 at position 3.8 and p99 at 3.96.
    let latency = summary.latency_s.expect("five tasks");
    for (found, expected) in [
        (latency.p50, 0.3),
        (latency.p95, 0.48),
        (latency.p99, 0.496),
    ] {
        assert!((found - expected).abs() < 1e-12, "{found}");
    }
    let serial = compared.serial.summary.expect("three runs");
    assert_eq!(
        (serial.speedup, serial.speedup_interval, serial.startup_s),
        (Some(1.0), None, None)
    );
}

#[test]
fn curves_follow_the_registry_and_the_worker_count() {
    let cells = vec![
        cell("dask", 2, &STEADY),
        cell("process", 4, &STEADY),
        cell("thread", 2, &STEADY),
        cell("process", 1, &STEADY),
    ];
    let compared = compare(cell("serial", 1, &STEADY), cells);
    let order: Vec<_> = compared
        .kinds
        .iter()
        .map(|curve| {
            (
                curve.kind.as_str(),
                curve.cells.iter().map(|c| c.workers).collect(),
            )
        })
        .collect();
    let expected: Vec<(&str, Vec<usize>)> = vec![
        ("thread", vec![2]),
        ("process", vec![1, 4]),
        ("dask", vec![2]),
    ];
    assert_eq!(order, expected);
    assert!(matches!(compared.kinds[0].amdahl, Fit::Refused { .. }));
}

#[test]
fn fits_go_through_the_speedups() {
    let walls = |n: f64| [0.1 + 0.9 / n; 3];
    let cells = [1, 2, 4, 8]
        .map(|n| cell("process", n, &walls(n as f64)))
        .to_vec();
    let compared = compare(cell("serial", 1, &[1.0; 3]), cells);
    let Fit::Fitted { law, quality } = &compared.kinds[0].amdahl else {
        panic!("four points")
    };
    assert!((law.serial_fraction - 0.1).abs() < 1e-9, "{law:?}");
    assert_eq!(quality.points.len(), 4);
    let Fit::Fitted { law, .. } = &compared.kinds[0].usl else {
        panic!("four points")
    };
    assert!(
        law.coherency < 1e-9 && (law.contention - 0.1).abs() < 1e-6,
        "{law:?}"
    );
}

#[test]
fn broken_samples_give_no_figures_but_a_result() {
    for walls in [vec![], vec![f64::NAN], vec![f64::INFINITY, 1.0]] {
        let compared = compare(cell("serial", 1, &STEADY), vec![cell("thread", 2, &walls)]);
        assert_eq!(compared.kinds[0].cells[0].summary, None);
    }
    let compared = compare(
        cell("serial", 1, &[0.0; 3]),
        vec![cell("thread", 0, &[0.0; 3])],
    );
    let summary = compared.kinds[0].cells[0]
        .summary
        .as_ref()
        .expect("three runs");
    assert_eq!((summary.speedup, summary.efficiency), (None, None));
    assert_eq!(compared.verdict.winner, None);
}

#[test]
fn comparison_survives_json() {
    let first = analyse(
        raw(cell("serial", 1, &STEADY), vec![cell("thread", 2, &STEADY)]),
        &AnalysisOptions::default(),
    );
    let text = serde_json::to_string(&first).expect("plain data");
    let second: Comparison = serde_json::from_str(&text).expect("what was written");
    assert_eq!(serde_json::to_string(&second).expect("plain data"), text);
}

/// A steady cell with these states before and after.
fn within(before: SystemState, after: SystemState) -> RawCell {
    RawCell {
        conditions: Some(Conditions { before, after }),
        ..cell("process", 2, &STEADY)
    }
}

fn at(uptime_s: f64) -> SystemState {
    SystemState {
        uptime_s: Some(uptime_s),
        ..SystemState::default()
    }
}

#[test]
fn every_warning_has_its_cause() {
    let skipped = RawCell {
        skipped: Some("The argument does not pickle.".into()),
        ..cell("process", 2, &[])
    };
    // The cell's own runs keep 5 CPU seconds busy.
    let busy = |busy_s: f64, uptime_s: f64| SystemState {
        busy_s: Some(busy_s),
        ..at(uptime_s)
    };
    let steal = |steal_s: f64| SystemState {
        steal_s: Some(steal_s),
        ..at(steal_s)
    };
    let throttled = |s: f64, up: f64| SystemState {
        throttled_s: Some(s),
        ..at(up)
    };
    let clock = |mhz: f64| SystemState {
        frequency_mhz: Some(mhz),
        ..at(mhz)
    };
    let kills = |n: u64| SystemState {
        oom_kills: Some(n),
        ..SystemState::default()
    };
    let cases: Vec<(Code, RawCell, &str)> = vec![
        (
            Code::Skipped,
            skipped,
            "process x2 (The argument does not pickle).",
        ),
        (
            Code::OutOfMemory,
            within(kills(1), kills(2)),
            "lack of memory during process x2",
        ),
        (
            Code::FewRuns,
            cell("process", 2, &[0.5, 0.5]),
            "Fewer than 3 runs of process x2",
        ),
        (
            Code::SlowFirstRun,
            cell("process", 2, &[3.0, 0.5, 0.51, 0.49, 0.5]),
            "(--repeat), so that it counts for less",
        ),
        (
            Code::Outliers,
            cell("process", 2, &[0.5, 0.51, 3.0, 0.49, 0.5]),
            "far from the others",
        ),
        (
            Code::ShortTasks,
            cell("process", 2, &[0.001, 0.0011, 0.0009]),
            "too short to time",
        ),
        (
            Code::MoreWorkersThanCores,
            cell("process", 8, &STEADY),
            "usable cores in process x8",
        ),
        (
            Code::Load,
            within(busy(0.0, 0.0), busy(8.0, 6.0)),
            "Other programs",
        ),
        (Code::Steal, within(steal(1.0), steal(2.0)), "hypervisor"),
        (
            Code::Throttled,
            within(throttled(0.0, 0.0), throttled(1.0, 6.0)),
            "quota",
        ),
        (
            Code::Frequency,
            within(clock(3000.0), clock(2000.0)),
            "frequency",
        ),
    ];
    let mut seen = BTreeSet::new();
    for (code, troubled, words) in cases {
        let warnings = compare(cell("serial", 1, &STEADY), vec![troubled]).warnings;
        assert_eq!(warnings.iter().map(|w| w.code).collect::<Vec<_>>(), [code]);
        assert!(warnings[0].message.contains(words), "{:?}", warnings[0]);
        assert!(!warnings[0].message.contains('{'), "{:?}", warnings[0]);
        assert_eq!(warnings[0].cells.len(), 1);
        seen.insert(code);
    }
    assert_eq!(seen.len(), 11, "one case per code");
}

#[test]
fn quiet_figures_have_no_warning() {
    let calm = |uptime_s: f64, busy_s: f64| SystemState {
        uptime_s: Some(uptime_s),
        load_1min: Some(1.0),
        steal_s: Some(4.0),
        busy_s: Some(busy_s),
        throttled_s: Some(2.0),
        frequency_mhz: Some(3000.0 + uptime_s),
        oom_kills: Some(3),
    };
    // 0.05 cores of others, and a first run that is an outlier by one percent only.
    let mut quiet = within(calm(10.0, 50.0), calm(16.0, 55.3));
    quiet.runs = cell("process", 2, &[1.01, 1.0, 1.0, 1.0, 1.0]).runs;
    assert_eq!(
        compare(cell("serial", 1, &STEADY), vec![quiet]).warnings,
        []
    );
}

#[test]
fn waiting_work_may_have_more_workers_than_cores() {
    let mut serial = cell("serial", 1, &STEADY);
    serial.runs.iter_mut().for_each(|run| run.cpu_s *= 0.1);
    assert_eq!(
        compare(serial, vec![cell("thread", 16, &STEADY)]).warnings,
        []
    );
}

#[test]
fn short_tasks_are_told_from_the_plain_loop() {
    let walls = STEADY.map(|wall| wall * 0.01);
    let mut raw = raw(cell("serial", 1, &walls), vec![cell("thread", 2, &walls)]);
    raw.workloads[0].tasks = 1000;
    let warnings = analyse(raw, &AnalysisOptions::default())
        .workloads
        .remove(0)
        .warnings;
    assert_eq!(warnings[0].code, Code::ShortTasks);
    assert_eq!(warnings[0].cells, ["serial"]);
}

#[test]
fn a_trouble_of_every_cell_is_told_once() {
    let compared = compare(cell("serial", 1, &[1.0]), vec![cell("thread", 2, &[1.0])]);
    assert_eq!(
        compared.warnings[0].message.split(':').next(),
        Some("Fewer than 3 runs of all cells")
    );
}
