//! The answer itself.

use serde::{Deserialize, Serialize};

/// The answer of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// What to use; `None` when the figures do not say.
    pub winner: Option<Winner>,
    /// How sure that is.
    pub confidence: Confidence,
    /// The rule that decided; its name is stable.
    pub rule: String,
    /// What kind of work it is: `cpu-bound`, `waiting` or `mixed`; `None` without a winner.
    pub nature: Option<String>,
    /// The rules that explain why the winner gains, where that is not plain, and why the others lose, as `kind: rule`.
    pub reasons: Vec<String>,
    /// Two or three sentences of plain English.
    pub sentences: Vec<String>,
}

/// The cell to use; kind `serial` with one worker means a plain loop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Winner {
    /// Kind of worker.
    pub kind: String,
    /// Number of workers.
    pub workers: usize,
}

/// How sure a verdict is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// No winner can be named.
    None,
    /// Too few runs to know the spread.
    Low,
    /// The intervals are apart, but the runs are few or the gap is narrow.
    Moderate,
    /// The intervals are well apart.
    High,
}
