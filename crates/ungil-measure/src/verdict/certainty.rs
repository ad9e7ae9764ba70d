//! How sure a verdict is, and how that is told.

use super::answer::Confidence;
use super::evidence::{Evidence, MIN_GAIN, Seen};
use crate::comparison::SERIAL;

/// Space that a pool's interval must leave to the next slower one, as a share of the latter's end.
const WIDE_MARGIN: f64 = 0.10;
/// The same for the plain loop, which wins already by being no slower.
const WIDE_SERIAL_MARGIN: f64 = 0.03;
/// Runs that make a verdict sure: five enclose the true median with 94 %.
const MANY_RUNS: usize = 5;

pub(super) struct Level {
    pub(super) confidence: Confidence,
    when: fn(&Evidence<'_>, &Seen<'_>) -> bool,
    pub(super) sentence: &'static str,
}

/// In order of precedence. The last one always holds.
pub(super) const LEVELS: &[Level] = &[
    Level {
        confidence: Confidence::Low,
        when: |e, _| e.decisive().iter().any(|cell| cell.assumed),
        sentence: "Take it as a first impression: with {runs} the spread is unknown (--repeat 5 \
                   would show it).",
    },
    Level {
        confidence: Confidence::Moderate,
        when: |e, _| e.disturbed(),
        sentence: "This is likely rather than sure: something disturbed the measuring (see the \
                   warnings).",
    },
    Level {
        confidence: Confidence::Moderate,
        when: |e, _| e.decisive().iter().any(|cell| cell.runs < MANY_RUNS),
        sentence: "This is likely rather than sure: {runs} show little of the spread (--repeat 5 \
                   would show more).",
    },
    Level {
        confidence: Confidence::Moderate,
        when: |e, winner| !wide_margin(e, winner),
        sentence: "This is likely rather than sure: the {level} intervals lie close together.",
    },
    Level {
        confidence: Confidence::High,
        when: |_, _| true,
        sentence: "This is sure: the {level} intervals of {runs} leave no doubt.",
    },
];

/// The level that applies to a winner.
pub(super) fn level(evidence: &Evidence<'_>, winner: &Seen<'_>) -> &'static Level {
    LEVELS
        .iter()
        .find(|level| (level.when)(evidence, winner))
        .unwrap_or(&LEVELS[LEVELS.len() - 1])
}

fn wide_margin(e: &Evidence<'_>, winner: &Seen<'_>) -> bool {
    let Some(serial) = e.serial else { return false };
    if winner.kind == SERIAL {
        let bar = serial.range.high * (1.0 - MIN_GAIN) * (1.0 + WIDE_SERIAL_MARGIN);
        // Where the start-up decided, pools may well be faster once they run.
        return e.fastest_warm.is_some() || e.cells.iter().all(|cell| cell.range.low >= bar);
    }
    let leaves_space =
        |other: &Seen<'_>| other.range.low >= winner.range.high * (1.0 + WIDE_MARGIN);
    leaves_space(&serial)
        && e.best_of_other_kinds(winner.kind)
            .all(|other| other.equals(winner) || leaves_space(other))
}
