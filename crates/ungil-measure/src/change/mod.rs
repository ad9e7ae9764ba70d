//! What differs between a comparison and an earlier one of the same work, cell by cell.
//!
//! A cell's wall times are compared by the rank-sum test; the p-values of all cells are adjusted together, so that
//! among many cells some do not seem changed by chance. How large the change is says the ratio of medians with its
//! bootstrap interval.

mod differences;
mod words;

use serde::{Deserialize, Serialize};

use crate::comparison::{Cell, Comparison, Interval, SERIAL, WorkloadComparison};
use crate::statistics::{
    MIN_SAMPLES, Sample, SplitMix64, adjusted_for_discoveries, least_rank_sum_p, rank_sum_p,
    ratio_interval,
};
use crate::verdict::NEARLY_SAME;

/// A change counts where its adjusted p-value is at most this.
pub const LEVEL: f64 = 0.05;

/// The changes since an earlier comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// What the earlier comparison was called: its file.
    pub baseline: String,
    /// When it was measured, RFC 3339.
    pub baseline_created: String,
    /// Highest adjusted p-value at which a cell counts as changed.
    pub level: f64,
    /// What stands in the way of comparing the two, as sentences.
    pub remarks: Vec<String>,
    /// One entry per workload that both have, in the order of the later one.
    pub workloads: Vec<WorkloadChange>,
    /// The result as one sentence.
    pub sentence: String,
}

/// The changes of one workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkloadChange {
    /// Its name.
    pub name: String,
    /// Cells measured both times, the baseline of the speed-ups first.
    pub cells: Vec<CellChange>,
}

/// The change of one cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CellChange {
    /// Kind of worker.
    pub kind: String,
    /// Number of workers.
    pub workers: usize,
    /// Median wall time of the earlier comparison.
    pub before_s: f64,
    /// Median wall time now.
    pub now_s: f64,
    /// `now_s / before_s`: above 1 is slower.
    pub ratio: f64,
    /// Bootstrap interval of the ratio; `None` with fewer than 3 runs on either side.
    pub interval: Option<Interval>,
    /// p-value of the rank-sum test; `None` with fewer than 3 runs on either side.
    pub p: Option<f64>,
    /// The same, adjusted for the number of cells.
    pub adjusted_p: Option<f64>,
    /// What that means.
    pub direction: Direction,
}

impl CellChange {
    /// How messages name the cell.
    pub fn label(&self) -> String {
        if self.kind == SERIAL {
            SERIAL.to_owned()
        } else {
            format!("{} x{}", self.kind, self.workers)
        }
    }
}

/// What became of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// It takes longer: the test says so, and the medians differ by more than 3 %.
    Slower,
    /// It takes less time, likewise.
    Faster,
    /// Chance alone explains the difference, or it is 3 % or less.
    Unclear,
    /// Fewer than 3 runs on either side.
    TooFewRuns,
}

impl Change {
    /// The slower cells whose medians differ by more than a share of the earlier one, with their workloads' names.
    pub fn slower_by(&self, share: f64) -> impl Iterator<Item = (&str, &CellChange)> {
        let cells = self.workloads.iter().flat_map(|work| {
            let name = work.name.as_str();
            work.cells.iter().map(move |cell| (name, cell))
        });
        cells.filter(move |(_, cell)| {
            cell.direction == Direction::Slower && cell.ratio > 1.0 + share
        })
    }
}

/// Finds what differs in `now` from `before`, which was called `name`.
pub fn changes(before: &Comparison, now: &Comparison, name: &str) -> Change {
    let mut remarks = differences::of_places(before, now);
    let mut random = SplitMix64::new(now.analysis.seed);
    let mut workloads = Vec::new();
    let mut runs = Vec::new();
    for work in &now.workloads {
        let Some(earlier) = before.workloads.iter().find(|each| each.name == work.name) else {
            remarks.push(format!("{} was not measured then.", work.name));
            continue;
        };
        if let Some(remark) = differences::of_sizes(earlier, work) {
            remarks.push(remark);
            continue;
        }
        let mut cells = Vec::new();
        for cell in all_cells(work) {
            let same = |other: &&Cell| other.kind == cell.kind && other.workers == cell.workers;
            let Some(other) = all_cells(earlier).find(same) else {
                continue;
            };
            if let Some(change) = cell_change(other, cell, now, &mut random) {
                runs.push((other.runs.len(), cell.runs.len()));
                cells.push(change);
            }
        }
        workloads.push(WorkloadChange {
            name: work.name.clone(),
            cells,
        });
    }
    judge(&mut workloads);
    remarks.extend(too_few_runs(&runs));
    let sentence = words::sentence(&workloads);
    Change {
        baseline: name.to_owned(),
        baseline_created: before.created.clone(),
        level: LEVEL,
        remarks,
        workloads,
        sentence,
    }
}

fn all_cells(work: &WorkloadComparison) -> impl Iterator<Item = &Cell> {
    std::iter::once(&work.serial).chain(work.kinds.iter().flat_map(|curve| &curve.cells))
}

/// The figures of a change; `None` where a side was not measured.
fn cell_change(
    before: &Cell,
    now: &Cell,
    comparison: &Comparison,
    random: &mut SplitMix64,
) -> Option<CellChange> {
    let walls = |cell: &Cell| cell.runs.iter().map(|run| run.wall_s).collect::<Vec<f64>>();
    let (earlier, later) = (walls(before), walls(now));
    let (old, new) = (
        Sample::new(earlier.iter().copied())?,
        Sample::new(later.iter().copied())?,
    );
    if old.median() <= 0.0 {
        return None;
    }
    let enough = earlier.len().min(later.len()) >= MIN_SAMPLES;
    Some(CellChange {
        kind: now.kind.clone(),
        workers: now.workers,
        before_s: old.median(),
        now_s: new.median(),
        ratio: new.median() / old.median(),
        interval: ratio_interval(&new, &old, &comparison.analysis, random),
        p: enough.then(|| rank_sum_p(&earlier, &later)),
        adjusted_p: None,
        direction: Direction::TooFewRuns,
    })
}

/// Adjusts the p-values of all cells together and says what they mean.
fn judge(workloads: &mut [WorkloadChange]) {
    let mut tested: Vec<&mut CellChange> = workloads
        .iter_mut()
        .flat_map(|work| &mut work.cells)
        .filter(|cell| cell.p.is_some())
        .collect();
    let p: Vec<f64> = tested.iter().filter_map(|cell| cell.p).collect();
    for (cell, adjusted) in tested.iter_mut().zip(adjusted_for_discoveries(&p)) {
        cell.adjusted_p = Some(adjusted);
        let is_large = (cell.ratio - 1.0).abs() > NEARLY_SAME;
        cell.direction = match (adjusted <= LEVEL && is_large, cell.ratio > 1.0) {
            (false, _) => Direction::Unclear,
            (true, true) => Direction::Slower,
            (true, false) => Direction::Faster,
        };
    }
}

/// What to do where a change of a single cell could not be told from chance, whatever its size.
fn too_few_runs(runs: &[(usize, usize)]) -> Option<String> {
    let (earlier, later) = *runs.iter().min_by_key(|(a, b)| a.min(b))?;
    let cells = runs.len() as f64;
    let tells = |earlier, later| least_rank_sum_p(earlier, later) * cells <= LEVEL;
    if tells(earlier, later) {
        return None;
    }
    let more = (later..=60).find(|&later| tells(earlier, later));
    let remedy = match more {
        Some(more) if earlier >= MIN_SAMPLES => format!("--repeat {more} would"),
        _ => {
            let both = (MIN_SAMPLES..=60)
                .find(|&both| tells(both, both))
                .unwrap_or(60);
            format!("--repeat {both} both times would")
        }
    };
    Some(format!(
        "With {earlier} runs then and {later} now, a change of a single one of the {} cells cannot be told from \
         chance, however large it is; {remedy}.",
        runs.len()
    ))
}

#[cfg(test)]
mod tests;
