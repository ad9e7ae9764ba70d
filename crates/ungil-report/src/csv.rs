//! CSV: one row per cell, plain numbers in seconds, bytes and ratios.

use ungil_measure::Comparison;
use ungil_measure::comparison::{Cell, Interval, WorkloadComparison};

use crate::Error;
use crate::columns::{cells, is_winner};

/// One column: its name and its value in a row.
type Column = (
    &'static str,
    fn(&WorkloadComparison, &Cell) -> Option<String>,
);

/// The columns in their order. Empty fields are figures that could not be had.
const COLUMNS: &[Column] = &[
    ("workload", |work, _| Some(work.name.clone())),
    ("kind", |_, cell| Some(cell.kind.clone())),
    ("workers", |_, cell| Some(cell.workers.to_string())),
    ("tasks", |work, _| Some(work.tasks.to_string())),
    ("runs", |_, cell| Some(cell.runs.len().to_string())),
    ("winner", |work, cell| {
        Some(is_winner(work, cell).to_string())
    }),
    ("wall_median_s", |_, cell| {
        number(cell.summary.as_ref()?.wall_s.median)
    }),
    ("wall_low_s", |_, cell| number(wall_interval(cell)?.low)),
    ("wall_high_s", |_, cell| number(wall_interval(cell)?.high)),
    ("wall_min_s", |_, cell| {
        number(cell.summary.as_ref()?.wall_s.min)
    }),
    ("wall_max_s", |_, cell| {
        number(cell.summary.as_ref()?.wall_s.max)
    }),
    ("wall_mad_s", |_, cell| {
        number(cell.summary.as_ref()?.wall_s.mad)
    }),
    ("wall_iqr_s", |_, cell| {
        number(cell.summary.as_ref()?.wall_s.iqr)
    }),
    ("outliers", |_, cell| {
        Some(cell.summary.as_ref()?.outliers.len().to_string())
    }),
    ("speedup", |_, cell| number(cell.summary.as_ref()?.speedup?)),
    ("speedup_low", |_, cell| {
        number(cell.summary.as_ref()?.speedup_interval?.low)
    }),
    ("speedup_high", |_, cell| {
        number(cell.summary.as_ref()?.speedup_interval?.high)
    }),
    ("efficiency", |_, cell| {
        number(cell.summary.as_ref()?.efficiency?)
    }),
    ("latency_p50_s", |_, cell| {
        number(cell.summary.as_ref()?.latency_s?.p50)
    }),
    ("latency_p95_s", |_, cell| {
        number(cell.summary.as_ref()?.latency_s?.p95)
    }),
    ("latency_p99_s", |_, cell| {
        number(cell.summary.as_ref()?.latency_s?.p99)
    }),
    ("cpu_cores", |_, cell| {
        number(cell.summary.as_ref()?.cpu_cores)
    }),
    ("cpu_per_worker", |_, cell| {
        number(cell.summary.as_ref()?.cpu_per_worker)
    }),
    ("startup_s", |_, cell| {
        number(cell.summary.as_ref()?.startup_s?)
    }),
    ("pss_bytes", |_, cell| {
        Some(cell.summary.as_ref()?.memory?.pss_bytes.to_string())
    }),
    ("uss_bytes", |_, cell| {
        Some(cell.summary.as_ref()?.memory?.uss_bytes.to_string())
    }),
    ("pickle_s", |_, cell| {
        number(cell.summary.as_ref()?.pickle_s?)
    }),
    ("skipped", |_, cell| cell.skipped.clone()),
];

/// The comparison as CSV (RFC 4180 with newlines as line ends), a header first.
///
/// # Errors
/// [`Error::Csv`] when the writer fails; in memory it does not.
pub fn csv(comparison: &Comparison) -> Result<String, Error> {
    let failed = |error: csv::Error| Error::Csv(error.to_string());
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer
        .write_record(COLUMNS.iter().map(|(name, _)| name))
        .map_err(failed)?;
    for work in &comparison.workloads {
        for cell in cells(work) {
            let fields = COLUMNS
                .iter()
                .map(|(_, value)| value(work, cell).unwrap_or_default());
            writer.write_record(fields).map_err(failed)?;
        }
    }
    let bytes = writer
        .into_inner()
        .map_err(|error| Error::Csv(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| Error::Csv(error.to_string()))
}

#[allow(clippy::unnecessary_wraps)] // the columns' values are optional
fn number(number: f64) -> Option<String> {
    Some(number.to_string())
}

fn wall_interval(cell: &Cell) -> Option<Interval> {
    cell.summary.as_ref()?.wall_s.interval
}
