//! The cells of a comparison and the order in which they run.

use crate::kinds::{self, Kind};

use super::request::Request;

/// One cell of the table.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// Index of the workload.
    pub(super) subject: usize,
    /// The kind; the baseline's too.
    pub(super) kind: &'static dyn Kind,
    /// Number of workers; 1 for the baseline.
    pub(super) workers: usize,
}

/// The cells of one workload: the baseline, then kind by kind with increasing numbers of workers.
pub(super) fn cells(request: &Request, subject: usize) -> Vec<Place> {
    let baseline = Place {
        subject,
        kind: kinds::baseline(),
        workers: 1,
    };
    let others = request.kinds.iter().flat_map(|&kind| {
        request.workers.iter().map(move |&workers| Place {
            subject,
            kind,
            workers,
        })
    });
    std::iter::once(baseline).chain(others).collect()
}

/// The order of the cells in a round. All cells run once before any runs again, so that a disturbance of some seconds
/// hits one run of many cells and not all runs of one; every other round goes backwards, so that a slow drift (heat,
/// a growing load) cancels out.
pub(super) fn order(cells: usize, round: usize) -> Vec<usize> {
    if round.is_multiple_of(2) {
        (0..cells).collect()
    } else {
        (0..cells).rev().collect()
    }
}
