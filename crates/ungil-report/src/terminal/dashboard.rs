//! A comparison while it is being measured: cells done, medians, speed-ups so far.

use ungil_measure::statistics::Sample;
use ungil_measure::units::{seconds, three_digits};
use unicode_width::UnicodeWidthStr;

use super::paint::{Paint, clean};
use super::{ColorChoice, TerminalOptions};

/// A cell on the dashboard.
#[derive(Clone, Debug, Default)]
pub struct LiveCell {
    /// The workload's name.
    pub workload: String,
    /// The cell's name: `thread x4`.
    pub label: String,
    /// Whether speed-ups are measured against it.
    pub is_baseline: bool,
    /// Wall times of its runs so far, seconds.
    pub walls: Vec<f64>,
}

/// The whole dashboard.
#[derive(Clone, Debug, Default)]
pub struct Dashboard {
    /// All cells, those of a workload together, its baseline first.
    pub cells: Vec<LiveCell>,
    /// Runs that each cell will have.
    pub repeat: usize,
    /// The cell that is being measured.
    pub current: Option<usize>,
}

/// Columns of the longest bar.
const BAR: usize = 24;
/// Parts of a block, from an eighth to seven.
const PARTS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// A line of the dashboard.
struct Line {
    text: String,
    /// Of which cell; `None` for a heading.
    cell: Option<usize>,
}

impl Dashboard {
    /// One more run of a cell.
    pub fn add(&mut self, cell: usize, wall_s: f64) {
        if let Some(cell) = self.cells.get_mut(cell) {
            cell.walls.push(wall_s);
        }
    }

    /// Its lines: no more than `rows`, those about the cell that is being measured in any case, none wider than the
    /// terminal.
    pub fn lines(&self, options: &TerminalOptions, rows: usize) -> Vec<String> {
        let paint = Paint::new(options.color);
        let lines = self.all(options);
        let current = lines
            .iter()
            .position(|line| line.cell.is_some() && line.cell == self.current);
        // A window around the current line.
        let rows = rows.max(1);
        let begin = current.map_or(0, |current| {
            current
                .saturating_sub(rows / 2)
                .min(lines.len().saturating_sub(rows))
        });
        let shown = lines.into_iter().skip(begin).take(rows);
        shown
            .map(|line| match line.cell {
                None => paint.bold(&line.text),
                Some(cell) if Some(cell) == self.current => paint.winner(&line.text),
                Some(_) => line.text,
            })
            .collect()
    }

    fn all(&self, options: &TerminalOptions) -> Vec<Line> {
        let most = (0..self.cells.len()).filter_map(|at| self.speedup(at));
        let most = most.fold(1.0, f64::max);
        let widest = self
            .cells
            .iter()
            .map(|cell| clean(&cell.label).width())
            .max();
        let name = widest.unwrap_or(0);
        let mut lines = Vec::new();
        for (at, cell) in self.cells.iter().enumerate() {
            if at == 0 || self.cells[at - 1].workload != cell.workload {
                let text = fitted(&clean(&cell.workload), options.width);
                lines.push(Line { text, cell: None });
            }
            let mark = if Some(at) == self.current { '▸' } else { ' ' };
            let label = clean(&cell.label);
            let pad = " ".repeat(name - label.width());
            let runs = format!("{}/{}", cell.walls.len(), self.repeat);
            let median = median(cell).map(seconds).unwrap_or_default();
            let mut text = format!("{mark} {label}{pad}  {runs:>5}  {median:>8}");
            if let Some(speedup) = self.speedup(at).filter(|_| !cell.is_baseline) {
                text.push_str(&format!("  {:>6}x ", three_digits(speedup)));
                let room = options.width.saturating_sub(text.width() + 1).min(BAR);
                text.push_str(&bar(speedup / most, room));
            }
            let text = fitted(&text, options.width);
            lines.push(Line {
                text,
                cell: Some(at),
            });
        }
        lines
    }

    /// Times faster than the plain loop of the same workload, so far.
    fn speedup(&self, at: usize) -> Option<f64> {
        let cell = &self.cells[at];
        let baseline = self
            .cells
            .iter()
            .find(|other| other.is_baseline && other.workload == cell.workload)?;
        let wall = median(cell).filter(|wall| *wall > 0.0)?;
        Some(median(baseline)? / wall)
    }
}

fn median(cell: &LiveCell) -> Option<f64> {
    Sample::new(cell.walls.iter().copied()).map(|walls| walls.median())
}

/// A bar of this share of `columns`, to an eighth of a column.
fn bar(share: f64, columns: usize) -> String {
    let eighths = (share.clamp(0.0, 1.0) * columns as f64 * 8.0).round() as usize;
    let mut bar = "█".repeat(eighths / 8);
    if let Some(part) = (eighths % 8).checked_sub(1) {
        bar.push(PARTS[part]);
    }
    bar
}

/// As much of it as fits.
fn fitted(text: &str, width: usize) -> String {
    let mut fitted = String::new();
    for character in text.chars() {
        fitted.push(character);
        if fitted.width() > width {
            fitted.pop();
            break;
        }
    }
    fitted.trim_end().to_owned()
}

impl TerminalOptions {
    /// For a terminal of this width, without colour.
    pub fn plain(width: usize) -> Self {
        Self {
            width,
            color: ColorChoice::Never,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dashboard() -> Dashboard {
        let cell = |label: &str, walls: &[f64]| LiveCell {
            workload: "cpu".to_owned(),
            label: label.to_owned(),
            is_baseline: label == "serial",
            walls: walls.to_vec(),
        };
        Dashboard {
            cells: vec![
                cell("serial", &[1.0, 1.2, 1.1]),
                cell("thread x4", &[1.1, 1.1]),
                cell("process x4", &[0.275]),
                cell("process x8", &[]),
            ],
            repeat: 5,
            current: Some(2),
        }
    }

    #[test]
    fn it_shows_runs_medians_and_speedups_so_far() {
        assert_eq!(
            dashboard().lines(&TerminalOptions::plain(60), 20),
            [
                "cpu",
                "  serial        3/5    1.10 s",
                "  thread x4     2/5    1.10 s    1.00x █████",
                "▸ process x4    1/5    275 ms    4.00x ████████████████████",
                "  process x8    0/5",
            ]
        );
    }

    #[test]
    fn no_line_is_wider_and_there_are_no_more_than_fit() {
        for width in [0, 1, 20, 33, 47, 80] {
            for rows in [0, 1, 2, 3, 9] {
                let lines = dashboard().lines(&TerminalOptions::plain(width), rows);
                assert!(lines.len() <= rows.max(1));
                assert!(
                    lines.iter().all(|line| line.width() <= width),
                    "{width}: {lines:?}"
                );
                if rows > 0 && width > 20 {
                    assert!(lines.iter().any(|line| line.starts_with("▸ process x4")));
                }
            }
        }
    }

    #[test]
    fn names_cannot_move_the_cursor() {
        let mut dashboard = dashboard();
        dashboard.cells[0].workload = "\u{1b}[2Jcpu\n".to_owned();
        let lines = dashboard.lines(&TerminalOptions::plain(80), 20).join("");
        assert!(!lines.contains(['\u{1b}', '\n']));
    }
}
