//! The lecture's own layout: a row per kind, a column per worker count, wall seconds.

use ungil_measure::comparison::{Cell, SERIAL, WorkloadComparison};
use ungil_measure::units::three_digits;
use ungil_measure::verdict::plural;

use crate::columns::cells;

/// One kind over the worker counts.
pub(crate) struct Row<'a> {
    pub(crate) name: String,
    pub(crate) cells: Vec<Option<&'a Cell>>,
}

/// The worker counts, and a row per kind with a cell per count.
pub(crate) fn layout(work: &WorkloadComparison) -> (Vec<usize>, Vec<Row<'_>>) {
    let mut counts: Vec<usize> = cells(work).map(|cell| cell.workers).collect();
    counts.sort_unstable();
    counts.dedup();
    let serial = |n: &usize| (*n == work.serial.workers).then_some(&work.serial);
    let mut rows = vec![Row {
        name: SERIAL.to_owned(),
        cells: counts.iter().map(serial).collect(),
    }];
    for curve in &work.kinds {
        let find = |n: &usize| curve.cells.iter().find(|cell| cell.workers == *n);
        rows.push(Row {
            name: plural(&curve.kind),
            cells: counts.iter().map(find).collect(),
        });
    }
    (counts, rows)
}

/// The unit of a workload's table: seconds as in the lecture, or less for shorter work.
pub(crate) struct Unit {
    pub(crate) title: &'static str,
    per_second: f64,
}

impl Unit {
    /// The largest unit in which the longest wall time is not a small fraction.
    pub(crate) fn of(work: &WorkloadComparison) -> Self {
        let walls = cells(work).filter_map(|cell| Some(cell.summary.as_ref()?.wall_s.median));
        let longest = walls.fold(0.0, f64::max);
        let (title, per_second) = if longest >= 0.1 || longest == 0.0 {
            ("wall seconds", 1.0)
        } else if longest >= 1e-4 {
            ("wall ms", 1e3)
        } else {
            ("wall µs", 1e6)
        };
        Self { title, per_second }
    }

    /// A wall time with three digits, as the lecture prints them; `-` without a figure.
    pub(crate) fn wall(&self, cell: Option<&Cell>) -> String {
        let summary = cell.and_then(|cell| cell.summary.as_ref());
        summary.map_or_else(
            || "-".to_owned(),
            |summary| {
                let wall = summary.wall_s.median * self.per_second;
                if wall < 0.9995 {
                    format!("{wall:.3}")
                } else {
                    three_digits(wall)
                }
            },
        )
    }
}
