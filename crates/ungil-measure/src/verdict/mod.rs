//! What to use, and why, in two or three sentences that follow from the figures.
//!
//! ```text
//! Facts (cells, limits, warnings) -> Evidence (who beats whom, who costs what)
//!   -> DECISIONS  first rule that holds names the winner, or says that there is none
//!   -> CERTAINTY  one sentence on how sure that is
//!   -> NATURE     what kind of work it is: computing, waiting, or both
//!   -> STRENGTHS  why the winner gains, where that is not plain
//!   -> REASONS    per losing kind, the first rule that holds says why it loses
//! ```
//!
//! The five tables are data: a rule is a name, a condition on the evidence and a template of words.
//! A winner is named only when its interval lies clear of the baseline's; `docs/verdict.md`
//! explains the rules to users.

mod answer;
mod certainty;
mod decisions;
mod evidence;
mod kinds;
mod nature;
mod reasons;
mod strengths;
mod template;
mod words;

pub use answer::{Confidence, Verdict, Winner};
pub use evidence::{ASSUMED_SPREAD, Facts, MIN_GAIN, NEARLY_SAME, SAME_SPEED};
pub use kinds::{plural, workers};

use evidence::Evidence;

/// Applies the tables to the figures of one workload.
pub fn decide(facts: &Facts<'_>) -> Verdict {
    let evidence = Evidence::of(facts);
    let decision = decisions::first(&evidence);
    let mut verdict = Verdict {
        winner: None,
        confidence: Confidence::None,
        rule: decision.name.to_owned(),
        nature: None,
        reasons: Vec::new(),
        sentences: vec![template::fill(decision.sentence, |word| {
            evidence.word(word)
        })],
    };
    if let Some(winner) = (decision.winner)(&evidence) {
        let (reasons, why) = reasons::explain(&evidence, &winner);
        let level = certainty::level(&evidence, &winner);
        verdict.confidence = level.confidence;
        verdict.nature = nature::of(&evidence).map(|nature| nature.name.to_owned());
        verdict.reasons = reasons;
        verdict.sentences.extend(why);
        verdict
            .sentences
            .push(template::fill(level.sentence, |word| evidence.word(word)));
        verdict.winner = Some(Winner {
            kind: winner.kind.to_owned(),
            workers: winner.workers,
        });
    }
    verdict
}

#[cfg(test)]
mod tests;
