//! An earlier comparison: what this one is compared with.

use std::path::Path;

use ungil_measure::change::changes;
use ungil_measure::comparison::Comparison;

use crate::error::{Error, Result};

/// The earlier comparison and what it is called.
pub(crate) struct Baseline {
    pub(crate) comparison: Comparison,
    pub(crate) name: String,
}

impl Baseline {
    /// Reads what `ungil compare --json` or `Comparison.save` wrote.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let refused =
            |why: String| Error::Usage(format!("cannot use {name} as a comparison: {why}"));
        let text = std::fs::read(path).map_err(|error| refused(error.to_string()))?;
        let comparison =
            ungil_report::read_json(&text).map_err(|error| refused(error.to_string()))?;
        Ok(Self { comparison, name })
    }

    /// Refuses one that has none of these workloads.
    pub(crate) fn check<'a>(&self, workloads: impl Iterator<Item = &'a str>) -> Result<()> {
        let known: Vec<&str> = self
            .comparison
            .workloads
            .iter()
            .map(|work| work.name.as_str())
            .collect();
        let asked: Vec<&str> = workloads.collect();
        if asked.iter().any(|name| known.contains(name)) {
            return Ok(());
        }
        Err(Error::Usage(format!(
            "{} has other workloads ({}) than those asked for ({}): there is nothing to compare it with.",
            self.name,
            known.join(", "),
            asked.join(", ")
        )))
    }

    /// Puts what has changed since then into a later comparison.
    pub(crate) fn put_changes_into(&self, later: &mut Comparison) {
        later.change = Some(changes(&self.comparison, later, &self.name));
    }
}
