//! The table of strengths: why the winner gains, where others of its like do not.

use super::evidence::{COMPUTING, Evidence, Seen};
use crate::comparison::Gil;

pub(super) struct Strength {
    /// Stable name, also in the JSON document.
    pub(super) name: &'static str,
    when: fn(&Evidence<'_>, &Seen<'_>) -> bool,
    /// How it is told, as a clause.
    pub(super) clause: &'static str,
}

/// In order of precedence. There may be none that holds.
pub(super) const STRENGTHS: &[Strength] = &[Strength {
    name: "own-gil",
    when: |e, winner| {
        winner.kind == "interpreter"
            && winner.workers > 1
            && e.facts.machine.python.gil != Gil::Disabled
            && e.computing_share().is_some_and(|share| share >= COMPUTING)
    },
    clause: "interpreters compute in parallel, since each has a GIL of its own",
}];

/// The strength of a winner.
pub(super) fn of(evidence: &Evidence<'_>, winner: &Seen<'_>) -> Option<&'static Strength> {
    STRENGTHS
        .iter()
        .find(|strength| (strength.when)(evidence, winner))
}
