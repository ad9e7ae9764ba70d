//! The samples of one cell, as its visits bring them in.

use ungil_measure::comparison::{Conditions, GilTimeline, RawCell, SystemState};

use super::growth::Growth;
use super::plan::Place;
use super::visit::Findings;

/// A cell being measured.
pub(super) struct Cell {
    /// Where it is in the table.
    pub(super) place: Place,
    /// Seconds that a visit takes, as far as is known.
    pub(super) visit_s: f64,
    raw: RawCell,
}

impl Cell {
    /// A cell without samples.
    pub(super) fn new(place: Place, visit_s: f64) -> Self {
        let raw = RawCell {
            kind: place.kind.name().to_owned(),
            workers: place.workers,
            ..RawCell::default()
        };
        Self {
            place,
            visit_s,
            raw,
        }
    }

    /// Adds a visit.
    pub(super) fn add(&mut self, findings: Findings, growth: &mut Growth) {
        self.raw.startup_s.extend(findings.startup_s);
        self.raw.runs.push(findings.run);
        self.raw.memory.extend(findings.memory);
        if let Some(own) = findings.own.filter(|_| self.raw.memory.is_empty()) {
            // Only the first visit: the next ones find everything there already.
            self.raw.memory.push(growth.per_worker(
                self.place.kind.home(),
                own,
                self.place.workers,
            ));
        }
        self.raw.conditions = Some(match self.raw.conditions {
            None => Conditions {
                before: findings.before,
                after: findings.after,
            },
            Some(sofar) => Conditions {
                before: sofar.before,
                after: continued(sofar.after, findings.before, findings.after),
            },
        });
    }

    /// Keeps what a traced run has shown.
    pub(super) fn set_timeline(&mut self, timeline: Option<GilTimeline>) {
        self.raw.gil_timeline = timeline;
    }

    /// Marks the cell as one that cannot be measured.
    pub(super) fn skip(&mut self, reason: String) {
        self.raw = RawCell {
            skipped: Some(reason),
            ..Cell::new(self.place, 0.0).raw
        };
    }

    /// Whether it is not to be measured.
    pub(super) fn is_skipped(&self) -> bool {
        self.raw.skipped.is_some()
    }

    /// Timed runs so far.
    pub(super) fn runs(&self) -> usize {
        self.raw.runs.len()
    }

    /// The samples.
    pub(super) fn into_raw(self) -> RawCell {
        self.raw
    }
}

/// Where the counters would stand if the runs of a cell had followed each other without the others in between, so that
/// the difference of its conditions is what happened during its own runs.
fn continued(sofar: SystemState, before: SystemState, after: SystemState) -> SystemState {
    let add = |sofar: Option<f64>, before: Option<f64>, after: Option<f64>| {
        Some(sofar? + (after? - before?))
    };
    SystemState {
        uptime_s: add(sofar.uptime_s, before.uptime_s, after.uptime_s),
        steal_s: add(sofar.steal_s, before.steal_s, after.steal_s),
        busy_s: add(sofar.busy_s, before.busy_s, after.busy_s),
        throttled_s: add(sofar.throttled_s, before.throttled_s, after.throttled_s),
        ..after
    }
}
