//! The table of decisions: the first rule that holds decides.

use super::evidence::{Evidence, Seen};

/// One way the comparison can end.
pub(super) struct Decision {
    /// Stable name, also in the JSON document.
    pub(super) name: &'static str,
    /// Whether the comparison ends this way.
    when: fn(&Evidence<'_>) -> bool,
    /// What to use then.
    pub(super) winner: for<'a> fn(&Evidence<'a>) -> Option<Seen<'a>>,
    /// How it is told; see [`super::template`] for the words in braces.
    pub(super) sentence: &'static str,
}

/// In order of precedence. The last one always holds.
pub(super) const DECISIONS: &[Decision] = &[
    Decision {
        name: "nothing-to-compare",
        when: |e| e.serial.is_none() || e.cells.is_empty(),
        winner: |_| None,
        sentence: "No verdict: without both a plain loop and a pool measured there is nothing to \
                   compare.",
    },
    Decision {
        name: "serial-wins",
        when: |e| e.cells.iter().all(|cell| e.cannot_gain(cell)),
        winner: |e| e.serial,
        sentence: "Keep the plain loop: it takes {serial.wall}, and the best pool, {fastest}, takes \
                   {fastest.wall}.",
    },
    Decision {
        name: "start-up-eats-the-gain",
        when: |e| e.fastest_warm.is_some() && e.best.is_none(),
        winner: |e| e.serial,
        sentence: "Keep the plain loop for a single batch: {warm} would save {warm.gain} per batch \
                   but take {warm.startup} to start; a pool that stays for {warm.batches} batches or \
                   more pays off.",
    },
    Decision {
        name: "no-clear-winner-over-serial",
        when: |e| e.best.is_none(),
        winner: |_| None,
        sentence: "No clear winner: {fastest} took {fastest.range} and the plain loop \
                   {serial.range}, too close to tell apart in this noise. More runs (--repeat), \
                   more work per run (--tasks) or a quieter machine would tell.",
    },
    Decision {
        name: "more-than-the-cores-can-give",
        when: |e| e.disturbed() && e.best.is_some_and(|best| e.is_too_good(&best)),
        winner: |_| None,
        sentence: "No clear winner: {best} came out {best.speedup} times as fast as a plain loop, \
                   more than {best.cores_used} can compute; something disturbed the measuring (see \
                   the warnings). Measure again on a quiet machine.",
    },
    Decision {
        name: "no-clear-winner-between-kinds",
        when: |e| e.rival.is_some(),
        winner: |_| None,
        sentence: "No clear winner: {best} ({best.range}) and {rival} ({rival.range}) cannot be \
                   told apart in this noise, though the plain loop takes {serial.wall}. More runs \
                   (--repeat) or a quieter machine would tell.",
    },
    Decision {
        name: "cheapest-of-equals",
        when: |e| matches!((e.choice, e.best), (Some(choice), Some(best)) if !choice.is(&best)),
        winner: |e| e.choice,
        sentence: "Use {choice}: {choice.speedup} times as fast as a plain loop ({choice.wall} \
                   instead of {serial.wall}){choice.memory}; the fastest, {best} with {best.wall}, gains \
                   next to nothing more.",
    },
    Decision {
        name: "clear-winner",
        when: |_| true,
        winner: |e| e.choice,
        sentence: "Use {choice}: {choice.speedup} times as fast as a plain loop ({choice.wall} \
                   instead of {serial.wall}){choice.memory}.",
    },
];

/// The decision that applies.
pub(super) fn first(evidence: &Evidence<'_>) -> &'static Decision {
    DECISIONS
        .iter()
        .find(|decision| (decision.when)(evidence))
        .unwrap_or(&DECISIONS[DECISIONS.len() - 1])
}
