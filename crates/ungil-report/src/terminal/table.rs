//! The two tables, fitted to a width.

use ungil_measure::Comparison;
use ungil_measure::comparison::WorkloadComparison;
use unicode_width::UnicodeWidthStr;

use super::grid::Grid;
use super::paint::{Paint, clean};
use crate::columns::{COLUMNS, Column, cells, is_winner};
use crate::lecture;

/// Marks the winner's row where colour cannot.
const MARK: &str = "▸ ";
const NO_MARK: &str = "  ";

/// The columns that fit the width in every workload's table, so that all tables look alike.
pub(super) struct Fitted {
    shown: Vec<&'static Column>,
    hidden: Vec<&'static Column>,
}

impl Fitted {
    /// Drops columns, least important first, until the widest table fits.
    pub(super) fn to(comparison: &Comparison, width: usize) -> Self {
        let works = &comparison.workloads;
        let filled = |column: &&Column| {
            let mut cells = works.iter().flat_map(cells);
            column.drop == 0 || cells.any(|cell| !column.value(cell).is_empty())
        };
        let mut shown: Vec<&'static Column> = COLUMNS.iter().filter(filled).collect();
        let mut hidden = Vec::new();
        loop {
            let lines = works.iter().flat_map(|work| full_lines(work, &shown));
            let widest = lines.map(|line| line.width()).max().unwrap_or(0);
            let droppable = shown
                .iter()
                .enumerate()
                .filter(|(_, column)| column.drop > 0);
            match droppable
                .max_by_key(|(_, column)| column.drop)
                .map(|(at, _)| at)
            {
                Some(at) if widest > width => hidden.push(shown.remove(at)),
                _ => return Self { shown, hidden },
            }
        }
    }

    /// What the columns mean, those of one meaning together, and which are hidden.
    pub(super) fn legend(&self) -> String {
        let mut meanings: Vec<(&str, Vec<&str>)> = Vec::new();
        for column in &self.shown {
            match meanings
                .iter_mut()
                .find(|(meaning, _)| *meaning == column.meaning)
            {
                Some((_, headers)) => headers.push(column.header),
                None => meanings.push((column.meaning, vec![column.header])),
            }
        }
        let told = meanings
            .iter()
            .map(|(meaning, headers)| format!("{}: {meaning}", headers.join(", ")));
        let mut text = told.collect::<Vec<_>>().join("; ") + ".";
        if !self.hidden.is_empty() {
            let headers: Vec<&str> = self.hidden.iter().map(|column| column.header).collect();
            text.push_str(&format!(" Too wide for here: {}.", headers.join(", ")));
        }
        text
    }
}

/// The full table.
pub(super) fn full(work: &WorkloadComparison, fitted: &Fitted, paint: &Paint) -> String {
    let winner = cells(work).position(|cell| is_winner(work, cell));
    painted(&full_lines(work, &fitted.shown), winner, paint)
}

fn full_lines(work: &WorkloadComparison, shown: &[&Column]) -> Vec<String> {
    let mut table = Grid::new();
    let header = shown.iter().map(|column| column.header.to_owned());
    table.row(format!("{NO_MARK}worker"), header);
    for cell in cells(work) {
        let mark = if is_winner(work, cell) { MARK } else { NO_MARK };
        let label = clean(&format!("{mark}{}", cell.label()));
        if cell.summary.is_none() {
            let why = if cell.skipped.is_some() {
                "skipped"
            } else {
                "no runs"
            };
            let rest = std::iter::repeat_n(String::new(), shown.len() - 1);
            table.row(label, std::iter::once(why.to_owned()).chain(rest));
        } else {
            table.row(label, shown.iter().map(|column| column.value(cell)));
        }
    }
    table.lines()
}

/// The lecture's layout. Worker counts that do not fit beside each other go into further blocks.
pub(super) fn lecture(work: &WorkloadComparison, width: usize, paint: &Paint) -> String {
    let (counts, rows) = lecture::layout(work);
    let unit = lecture::Unit::of(work);
    let block = |from: usize, to: usize| {
        let mut table = Grid::new();
        table.row(
            format!("{NO_MARK}{}", unit.title),
            counts[from..to].iter().map(usize::to_string),
        );
        for row in &rows {
            let figures = row.cells[from..to].iter().map(|cell| unit.wall(*cell));
            table.row(clean(&format!("{NO_MARK}{}", row.name)), figures);
        }
        table.lines()
    };
    let fits = |lines: &[String]| lines.iter().all(|line| line.width() <= width);
    let mut text = String::new();
    let mut from = 0;
    while from < counts.len() {
        // As many counts as fit, but at least one.
        let to = (from + 1..=counts.len())
            .rev()
            .find(|to| fits(&block(from, *to)));
        let to = to.unwrap_or(from + 1);
        if from > 0 {
            text.push('\n');
        }
        text.push_str(&painted(&block(from, to), None, paint));
        from = to;
    }
    text
}

/// The header dim, the winner's row highlighted.
fn painted(lines: &[String], winner: Option<usize>, paint: &Paint) -> String {
    let mut text = String::new();
    for (at, line) in lines.iter().enumerate() {
        text.push_str(&match at {
            0 => paint.dim(line),
            _ if winner == Some(at - 1) => paint.winner(line),
            _ => line.clone(),
        });
        text.push('\n');
    }
    text
}
