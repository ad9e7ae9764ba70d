//! A finding of `ungil race` as a page: a column per thread, source lines in the order of execution.

mod page;

use serde::Deserialize;

pub use page::race_page;

/// A run that fails; what of `ungil.race.Finding`'s JSON a page shows.
#[derive(Clone, Debug, Deserialize)]
pub struct RaceFinding {
    /// What kind of bug.
    pub kind: String,
    /// The bug in a sentence.
    pub sentence: String,
    /// Where the model is, as `ungil race` takes it.
    pub model: Option<String>,
    /// The Python that it was found on.
    pub python: String,
    /// Names of threads, by their numbers.
    pub threads: Vec<String>,
    /// What was done, in order.
    pub steps: Vec<RaceStep>,
    /// What threads wait for that never go on.
    pub waiting: Vec<RaceStep>,
}

/// One step of a thread.
#[derive(Clone, Debug, Deserialize)]
pub struct RaceStep {
    /// Whose.
    pub thread: usize,
    /// "reads", "writes", "acquires" ...
    pub verb: String,
    /// What it is done to.
    pub what: String,
    /// The value read or written, as Python writes it.
    pub value: Option<String>,
    /// Where: empty for what the standard library does.
    pub file: String,
    /// The line there, from 1.
    pub line: u32,
    /// The line's text.
    pub source: String,
}

impl RaceStep {
    fn is_beside(&self, other: &Self) -> bool {
        (self.thread, &self.file, self.line) == (other.thread, &other.file, other.line)
    }

    fn changes(&self) -> bool {
        !matches!(self.verb.as_str(), "reads" | "looks at")
    }

    /// "reads x = 0"
    fn operation(&self) -> String {
        let value = self
            .value
            .as_ref()
            .map_or_else(String::new, |value| format!(" = {value}"));
        format!("{} {}{value}", self.verb, self.what)
    }

    /// "bank.py:12"
    fn place(&self) -> String {
        let file = self.file.rsplit('/').next().unwrap_or_default();
        format!("{file}:{}", self.line)
    }
}

impl RaceFinding {
    fn thread(&self, number: usize) -> &str {
        self.threads.get(number).map_or("?", String::as_str)
    }

    /// Threads that do something, in the order of their numbers.
    fn columns(&self) -> Vec<usize> {
        let mut seen: Vec<usize> = self.steps.iter().map(|step| step.thread).collect();
        seen.sort_unstable();
        seen.dedup();
        seen
    }

    fn switches(&self) -> usize {
        self.steps
            .windows(2)
            .filter(|two| two[0].thread != two[1].thread)
            .count()
    }
}
