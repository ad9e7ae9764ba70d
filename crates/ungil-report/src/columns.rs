//! The figures of a cell as columns: what they are called, and how they are written.

use ungil_measure::comparison::{Cell, Summary, WorkloadComparison};
use ungil_measure::units::{bytes, percent, seconds, three_digits};

/// A column of the full table.
pub(crate) struct Column {
    pub(crate) header: &'static str,
    /// One line of explanation.
    pub(crate) meaning: &'static str,
    /// The order in which narrow terminals drop columns: the greatest goes first, 0 stays.
    pub(crate) drop: u8,
    value: fn(&Summary) -> Option<String>,
    /// What rows are sorted by.
    order: fn(&Summary) -> Option<f64>,
}

impl Column {
    /// What a cell is sorted by in this column.
    pub(crate) fn order(&self, cell: &Cell) -> Option<f64> {
        cell.summary.as_ref().and_then(self.order)
    }

    /// The figure of a cell; empty where there is none.
    pub(crate) fn value(&self, cell: &Cell) -> String {
        cell.summary
            .as_ref()
            .and_then(self.value)
            .unwrap_or_default()
    }
}

/// The columns after the worker's own, in their order.
pub(crate) const COLUMNS: &[Column] = &[
    Column {
        header: "wall",
        meaning: "median time of a run",
        drop: 0,
        value: |s| Some(seconds(s.wall_s.median)),
        order: |s| Some(s.wall_s.median),
    },
    Column {
        header: "±",
        meaning: "reach of its confidence interval",
        drop: 2,
        value: |s| {
            Some(
                relative_reach(s)
                    .map_or_else(|| "?".to_owned(), |r| format!("{} %", short(r * 100.0))),
            )
        },
        order: relative_reach,
    },
    Column {
        header: "speed-up",
        meaning: "against the plain loop",
        drop: 0,
        value: |s| Some(format!("{}x", three_digits(s.speedup?))),
        order: |s| s.speedup,
    },
    Column {
        header: "interval",
        meaning: "confidence interval of the speed-up",
        drop: 10,
        value: |s| {
            let interval = s.speedup_interval?;
            Some(format!(
                "{}–{}",
                three_digits(interval.low),
                three_digits(interval.high)
            ))
        },
        order: |s| Some(s.speedup_interval?.low),
    },
    Column {
        header: "eff.",
        meaning: "speed-up per worker",
        drop: 6,
        value: |s| Some(percent(s.efficiency?)),
        order: |s| s.efficiency,
    },
    Column {
        header: "p50",
        meaning: "quantiles of a task's time on its worker",
        drop: 7,
        value: |s| Some(seconds(s.latency_s?.p50)),
        order: |s| Some(s.latency_s?.p50),
    },
    Column {
        header: "p95",
        meaning: "quantiles of a task's time on its worker",
        drop: 8,
        value: |s| Some(seconds(s.latency_s?.p95)),
        order: |s| Some(s.latency_s?.p95),
    },
    Column {
        header: "p99",
        meaning: "quantiles of a task's time on its worker",
        drop: 4,
        value: |s| Some(seconds(s.latency_s?.p99)),
        order: |s| Some(s.latency_s?.p99),
    },
    Column {
        header: "CPU",
        meaning: "100 % is one core kept busy",
        drop: 3,
        value: |s| Some(percent(s.cpu_cores)),
        order: |s| Some(s.cpu_cores),
    },
    Column {
        header: "start",
        meaning: "until the pool's first result",
        drop: 5,
        value: |s| Some(seconds(s.startup_s?)),
        order: |s| s.startup_s,
    },
    Column {
        header: "PSS",
        meaning: "memory per worker, shared pages divided among their users",
        drop: 1,
        value: |s| Some(bytes(s.memory?.pss_bytes)),
        order: |s| Some(s.memory?.pss_bytes as f64),
    },
    Column {
        header: "USS",
        meaning: "memory per worker, its own pages only",
        drop: 9,
        value: |s| Some(bytes(s.memory?.uss_bytes)),
        order: |s| Some(s.memory?.uss_bytes as f64),
    },
];

/// The farther end of the interval of the median, as a share of it.
fn relative_reach(summary: &Summary) -> Option<f64> {
    let (wall, interval) = (summary.wall_s, summary.wall_s.interval?);
    let reach = (interval.high - wall.median).max(wall.median - interval.low);
    (wall.median > 0.0).then(|| reach / wall.median)
}

/// One decimal below 10, none above.
fn short(number: f64) -> String {
    if number < 9.95 {
        format!("{number:.1}")
    } else {
        format!("{number:.0}")
    }
}

/// All cells of a workload, the baseline first.
pub(crate) fn cells(work: &WorkloadComparison) -> impl Iterator<Item = &Cell> {
    std::iter::once(&work.serial).chain(work.kinds.iter().flat_map(|curve| &curve.cells))
}

/// Whether the verdict names this cell.
pub(crate) fn is_winner(work: &WorkloadComparison, cell: &Cell) -> bool {
    work.verdict
        .winner
        .as_ref()
        .is_some_and(|winner| winner.kind == cell.kind && winner.workers == cell.workers)
}
