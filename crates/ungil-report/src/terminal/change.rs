//! What differs from an earlier comparison.

use ungil_measure::change::{Change, Direction, WorkloadChange};
use unicode_width::UnicodeWidthStr;

use super::Page;
use super::grid::Grid;
use super::paint::clean;
use crate::change::{COLUMNS, fields, headline, workloads};

/// Columns that narrow terminals drop, first what is least important.
const DROPPED: [usize; 4] = [3, 4, 0, 1];

impl Page {
    /// The result, what stands in its way, a table per workload.
    pub(super) fn change(&self, change: &Change) -> String {
        let mut text = self.prose(&headline(change), "", |line| self.paint.bold(line));
        for remark in &change.remarks {
            text.push_str(&self.item(&format!("Note: {remark}"), |line| self.paint.warning(line)));
        }
        for work in workloads(change) {
            text.push('\n');
            text.push_str(&self.table_of(work));
        }
        text
    }

    fn table_of(&self, work: &WorkloadChange) -> String {
        let mut shown: Vec<usize> = (0..COLUMNS.len()).collect();
        let mut lines = grid(work, &shown);
        for dropped in DROPPED {
            if lines.iter().all(|line| line.width() <= self.width) {
                break;
            }
            shown.retain(|column| *column != dropped);
            lines = grid(work, &shown);
        }
        let mut text = String::new();
        for (at, line) in lines.iter().enumerate() {
            let direction = at.checked_sub(1).map(|at| work.cells[at].direction);
            text.push_str(&match direction {
                None => self.paint.dim(line),
                Some(Direction::Slower) => self.paint.failure(line),
                Some(Direction::Faster) => self.paint.winner(line),
                Some(Direction::Unclear | Direction::TooFewRuns) => line.clone(),
            });
            text.push('\n');
        }
        text
    }
}

fn grid(work: &WorkloadChange, shown: &[usize]) -> Vec<String> {
    let mut grid = Grid::new();
    let headers = shown.iter().map(|column| COLUMNS[*column].0.to_owned());
    grid.row(format!("  {}", clean(&work.name)), headers);
    for cell in &work.cells {
        let fields = fields(cell);
        let figures = shown.iter().map(|column| fields[*column].clone());
        grid.row(format!("  {}", clean(&cell.label())), figures);
    }
    grid.lines()
}
