//! What a machine and its Python can do for ungil, and what to do about what is missing.
//!
//! [`Facts`] in, [`Diagnosis`] out: `machine`, `python` and `packages` have the rules, a function per
//! finding. Finding the facts out is the caller's.

mod facts;
mod machine;
mod packages;
mod python;

use serde::Serialize;

pub use facts::{Compiler, Facts, Limit, Observed, Package, Space, Tracer};

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// As it should be.
    Ok,
    /// Works, and there is something to know.
    Note,
    /// Optional, and not there.
    Missing,
    /// Needed, and not working.
    Broken,
}

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// Cores, memory, limits.
    Machine,
    /// The interpreter.
    Python,
    /// What can be installed beside ungil.
    Packages,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about.
    pub topic: Topic,
    /// A word or two.
    pub name: &'static str,
    /// How it stands.
    pub status: Status,
    /// What was found, in a few words, without a full stop.
    pub text: String,
    /// What to do, or what it means for the user, in sentences.
    pub remedy: Option<String>,
}

impl Finding {
    fn new(topic: Topic, name: &'static str, status: Status, text: impl Into<String>) -> Self {
        Self {
            topic,
            name,
            status,
            text: text.into(),
            remedy: None,
        }
    }

    fn advise(self, remedy: impl Into<String>) -> Self {
        Self {
            remedy: Some(remedy.into()),
            ..self
        }
    }
}

/// All findings, and the facts that they follow from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Diagnosis {
    /// Whether everything works that ungil needs: nothing is [`Status::Broken`].
    pub healthy: bool,
    /// In the order of reading.
    pub findings: Vec<Finding>,
    /// What they follow from.
    pub facts: Facts,
}

/// Judges the facts.
pub fn diagnose(facts: Facts) -> Diagnosis {
    let mut findings = machine::findings(&facts);
    findings.extend(python::findings(&facts));
    findings.extend(packages::findings(&facts));
    Diagnosis {
        healthy: findings
            .iter()
            .all(|finding| finding.status != Status::Broken),
        findings,
        facts,
    }
}
