//! What kind of work it is, by the share of a serial run that is computing.

use super::evidence::{CPU_BOUND, Evidence};

pub(super) struct Nature {
    pub(super) name: &'static str,
    when: fn(f64) -> bool,
    pub(super) clause: &'static str,
}

/// In order of precedence. The last one always holds.
pub(super) const NATURES: &[Nature] = &[
    Nature {
        name: "cpu-bound",
        when: |computing| computing >= CPU_BOUND,
        clause: "The work is cpu-bound ({computing} of the plain loop's time is computing)",
    },
    Nature {
        name: "waiting",
        when: |computing| computing <= 0.5,
        clause: "The tasks spend {waiting} of their time waiting",
    },
    Nature {
        name: "mixed",
        when: |_| true,
        clause: "The tasks compute for {computing} of their time and wait for the rest",
    },
];

/// The nature of the work; `None` without a baseline.
pub(super) fn of(evidence: &Evidence<'_>) -> Option<&'static Nature> {
    let computing = evidence.computing_share()?;
    NATURES.iter().find(|nature| (nature.when)(computing))
}
