//! Why cells cannot be measured.

use super::plan::Place;
use crate::error::Error;
use crate::kinds::Kind;

/// Something that keeps a workload from a kind of workers, or from all to whom tasks have to be sent.
pub(super) struct Obstacle {
    subject: usize,
    kind: Option<&'static dyn Kind>,
    error: Error,
}

impl Obstacle {
    /// For all kinds that pickle.
    pub(super) fn of_all(subject: usize, error: Error) -> Self {
        Self {
            subject,
            kind: None,
            error,
        }
    }

    /// For the kind of this cell.
    pub(super) fn of_kind(place: Place, error: Error) -> Self {
        Self {
            subject: place.subject,
            kind: Some(place.kind),
            error,
        }
    }

    /// Whether this cell has it.
    pub(super) fn is_in_the_way_of(&self, place: Place) -> bool {
        let of_this_kind = match self.kind {
            None => place.kind.home().pickles(),
            Some(kind) => place.kind.name() == kind.name(),
        };
        self.subject == place.subject && of_this_kind
    }

    /// In a line, without what is drawn below it.
    pub(super) fn reason(&self) -> String {
        let text = self.error.to_string();
        let summary = text.split("\n\n").next().unwrap_or_default();
        summary.replace('\n', " ")
    }

    /// As the reason to give up.
    pub(super) fn into_error(self) -> Error {
        self.error
    }
}
