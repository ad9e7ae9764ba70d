//! What differs from an earlier comparison: the words and figures that every format shares.

use ungil_measure::change::{CellChange, Change, Direction, WorkloadChange};
use ungil_measure::units::seconds;

/// The columns after the worker's own, each with what it means.
pub(crate) const COLUMNS: [(&str, &str); 6] = [
    ("before", "median time of a run then"),
    ("now", "median time of a run now"),
    ("change", "of the median; + is slower"),
    ("interval", "confidence interval of the change"),
    (
        "p",
        "how likely chance alone does this, adjusted for the number of cells",
    ),
    ("", "what follows"),
];

/// `Against old.json of 2026-11-20: ...`.
pub(crate) fn headline(change: &Change) -> String {
    let day = change.baseline_created.get(..10).unwrap_or_default();
    format!("Against {} of {day}: {}", change.baseline, change.sentence)
}

/// The workloads that have something to show.
pub(crate) fn workloads(change: &Change) -> impl Iterator<Item = &WorkloadChange> {
    change
        .workloads
        .iter()
        .filter(|work| !work.cells.is_empty())
}

/// The fields of a row, one for each of [`COLUMNS`].
pub(crate) fn fields(cell: &CellChange) -> [String; 6] {
    let interval = cell.interval.map_or_else(String::new, |interval| {
        format!("{} to {}", percent(interval.low), percent(interval.high))
    });
    [
        seconds(cell.before_s),
        seconds(cell.now_s),
        percent(cell.ratio),
        interval,
        cell.adjusted_p.map_or_else(String::new, probability),
        word(cell.direction).to_owned(),
    ]
}

/// What a row is sorted by in each column.
pub(crate) fn orders(cell: &CellChange) -> [f64; 6] {
    let low = cell.interval.map_or(-1.0, |interval| interval.low);
    let p = cell.adjusted_p.unwrap_or(-1.0);
    let direction = match cell.direction {
        Direction::Slower => 3.0,
        Direction::Faster => 2.0,
        Direction::Unclear => 1.0,
        Direction::TooFewRuns => 0.0,
    };
    [cell.before_s, cell.now_s, cell.ratio, low, p, direction]
}

pub(crate) fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::Slower => "slower",
        Direction::Faster => "faster",
        Direction::Unclear => "no clear change",
        Direction::TooFewRuns => "too few runs",
    }
}

/// A ratio as the change in percent, with its sign.
fn percent(ratio: f64) -> String {
    let change = (ratio - 1.0) * 100.0;
    let decimals = usize::from(change.abs() < 9.95);
    let text = format!("{change:+.decimals$}");
    let text = text.replace("-0.0", "+0.0").replace('-', "\u{2212}");
    format!("{text} %")
}

fn probability(p: f64) -> String {
    if p < 0.001 {
        return "<0.001".to_owned();
    }
    let decimals = if p < 0.1 { 3 } else { 2 };
    format!("{p:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_have_a_sign_and_two_digits_or_more() {
        let told = [1.24, 0.98, 1.0, 0.9999, 3.5].map(percent);
        assert_eq!(
            told,
            ["+24 %", "\u{2212}2.0 %", "+0.0 %", "+0.0 %", "+250 %"]
        );
    }

    #[test]
    fn small_probabilities_are_not_zero() {
        assert_eq!(
            [0.0004, 0.0432, 0.5].map(probability),
            ["<0.001", "0.043", "0.50"]
        );
    }
}
