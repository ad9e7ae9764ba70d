use super::*;
use crate::comparison::{Gil, RawCell, RawComparison, RawWorkload, RunSample, Scaling};
use crate::{AnalysisOptions, analyse};

/// A comparison of one workload: threads with 1 to `counts` workers, `runs` runs about these seconds.
fn measured(runs: usize, counts: usize, seconds: impl Fn(usize) -> f64) -> Comparison {
    let cell = |kind: &str, workers: usize| RawCell {
        kind: kind.to_owned(),
        workers,
        runs: (0..runs)
            .map(|run| RunSample {
                wall_s: seconds(workers) * (1.0 + 0.004 * run as f64),
                ..RunSample::default()
            })
            .collect(),
        ..RawCell::default()
    };
    let raw = RawComparison {
        workloads: vec![RawWorkload {
            name: "cpu".to_owned(),
            tasks: 24,
            serial: cell(SERIAL, 1),
            cells: (1..=counts)
                .map(|workers| cell("thread", workers))
                .collect(),
            ..RawWorkload::default()
        }],
        ..RawComparison::default()
    };
    analyse(raw, &AnalysisOptions::default())
}

fn directions(change: &Change) -> Vec<Direction> {
    change.workloads[0]
        .cells
        .iter()
        .map(|cell| cell.direction)
        .collect()
}

#[test]
fn a_cell_that_takes_longer_is_found_among_others() {
    let before = measured(10, 3, |_| 1.0);
    let now = measured(10, 3, |workers| if workers == 2 { 1.3 } else { 1.0 });
    let change = changes(&before, &now, "old.json");
    assert_eq!(
        directions(&change),
        [
            Direction::Unclear,
            Direction::Unclear,
            Direction::Slower,
            Direction::Unclear
        ]
    );
    assert_eq!(
        change.sentence,
        "1 cell is slower (worst: cpu, thread x2, by 30 %), 3 cells show no clear change."
    );
    let slower = &change.workloads[0].cells[2];
    let interval = slower.interval.expect("ten runs");
    assert!(interval.low < 1.3 && 1.3 < interval.high);
    assert_eq!(change.slower_by(0.2).count(), 1);
    assert_eq!(change.slower_by(0.4).count(), 0);
}

#[test]
fn what_is_nearly_the_same_has_not_changed_however_sure_that_is() {
    let change = changes(
        &measured(20, 1, |_| 1.0),
        &measured(20, 1, |_| 1.029 * 0.99),
        "old",
    );
    assert!(
        change.workloads[0]
            .cells
            .iter()
            .all(|cell| cell.direction == Direction::Unclear)
    );
}

#[test]
fn faster_is_no_failure() {
    let change = changes(&measured(10, 1, |_| 1.0), &measured(10, 1, |_| 0.5), "old");
    assert_eq!(directions(&change), [Direction::Faster, Direction::Faster]);
    assert_eq!(change.slower_by(0.0).count(), 0);
}

#[test]
fn too_few_runs_say_how_many_would_do() {
    let change = changes(&measured(5, 9, |_| 1.0), &measured(5, 9, |_| 1.0), "old");
    let remark = change.remarks.last().expect("a remark");
    assert!(remark.starts_with("With 5 runs then and 5 now"), "{remark}");
    // 10 cells need a p-value of 0.005; 5 and 6 runs have 2 / 462 at least.
    assert!(remark.ends_with("--repeat 6 would."), "{remark}");
    let change = changes(&measured(2, 1, |_| 1.0), &measured(2, 1, |_| 2.0), "old");
    assert_eq!(directions(&change), [Direction::TooFewRuns; 2]);
    assert!(
        change
            .remarks
            .last()
            .unwrap()
            .ends_with("both times would.")
    );
}

#[test]
fn other_machines_pythons_and_sizes_are_told() {
    let before = measured(5, 1, |_| 1.0);
    let mut now = before.clone();
    now.machine.cpu_model = Some("another".to_owned());
    now.machine.python.version = "3.14.0".to_owned();
    now.machine.python.gil = Gil::Disabled;
    now.workloads[0].scaling = Some(Scaling {
        what: "iterations".to_owned(),
        from: 1_000_000,
        to: 500,
        reason: String::new(),
    });
    let change = changes(&before, &now, "old");
    let remarks = change.remarks.join("\n");
    for told in [
        "on another processor (unknown then, another now)",
        "by another Python",
        "3.14.0 without GIL now",
        "cpu was of another size then, and is not compared: 24 tasks then, 24 tasks of 500 iterations now.",
    ] {
        assert!(remarks.contains(told), "{told}: {remarks}");
    }
    assert_eq!(
        change.sentence,
        "There is nothing that was measured both times."
    );
}
