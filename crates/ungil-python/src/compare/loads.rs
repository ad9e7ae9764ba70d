//! What the cells of each workload cost at full size, found out by opening a pool of each kind.

use pyo3::prelude::*;

use super::calibrate::{self, Known};
use super::obstacle::Obstacle;
use super::plan::{self, Place};
use super::request::Request;
use super::scale::{self, Load};
use crate::error::{Error, Result};
use crate::kinds::{Kind, PoolOptions};

/// The loads. A kind that does not work here for a workload is one obstacle more.
pub(super) fn of(
    py: Python<'_>,
    request: &Request,
    known: &[Known],
    obstacles: &mut Vec<Obstacle>,
) -> Result<Vec<Load>> {
    let most = request.workers.iter().copied().max().unwrap_or(1);
    let mut starts = Vec::new();
    for &kind in &request.kinds {
        starts.push((kind.name(), start_s(py, request, kind, most, obstacles)?));
    }
    let loads = request.workloads.iter().zip(known).enumerate();
    let loads = loads.map(|(index, (subject, known))| {
        let cells: Vec<Place> = plan::cells(request, index)
            .into_iter()
            .filter(|&cell| !is_obstructed(obstacles, cell))
            .collect();
        let pool_s = |cell: &Place| {
            let largest = starts.iter().find(|(name, _)| *name == cell.kind.name());
            // Part of a pool's start is the same for every size.
            let share = f64::midpoint(1.0, cell.workers as f64 / most as f64);
            largest.map_or(0.0, |(_, seconds)| seconds * share)
        };
        let asked = subject.workload.iterations();
        let iterations = scale::free_iterations(asked, subject.size_is_given);
        let to_full = iterations
            .zip(asked)
            .map_or(1.0, |(full, asked)| full as f64 / asked as f64);
        Load {
            task_s: known.task_s * to_full,
            tasks: subject.tasks,
            iterations,
            workers: cells.iter().map(|cell| cell.workers).collect(),
            pools_s: cells.iter().map(pool_s).sum(),
        }
    });
    Ok(loads.collect())
}

/// Seconds in which the largest pool of a kind starts and ends; tried with the first workload that it can run.
fn start_s(
    py: Python<'_>,
    request: &Request,
    kind: &'static dyn Kind,
    workers: usize,
    obstacles: &mut Vec<Obstacle>,
) -> Result<f64> {
    let options = PoolOptions {
        workers,
        start_method: request.start_method.clone(),
    };
    for (subject, of) in request.workloads.iter().enumerate() {
        let place = Place {
            subject,
            kind,
            workers,
        };
        if is_obstructed(obstacles, place) {
            continue;
        }
        match calibrate::pool_s(py, kind, &options, &of.workload) {
            Err(error @ (Error::Unpicklable { .. } | Error::Undelivered { .. })) => {
                obstacles.push(Obstacle::of_kind(place, error));
            }
            tried => return tried,
        }
    }
    Ok(0.0)
}

fn is_obstructed(obstacles: &[Obstacle], place: Place) -> bool {
    obstacles
        .iter()
        .any(|obstacle| obstacle.is_in_the_way_of(place))
}
