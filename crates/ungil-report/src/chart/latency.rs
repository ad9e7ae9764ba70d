//! How the times of single tasks are distributed, by cell.

use ungil_measure::comparison::{Cell, Latency, WorkloadComparison};
use ungil_measure::units::seconds;

use super::rows::{Rows, across};
use super::scale::{Scale, TimeUnit};
use super::svg::Svg;
use super::{Chart, WIDTH};
use crate::columns::cells;

const ROW: f64 = 30.0;
/// Stretches of the axis in which tasks are counted.
const BINS: usize = 96;

/// A cell with the times of its tasks, seconds.
struct Tasks<'a> {
    cell: &'a Cell,
    latency: Latency,
    times: Vec<f64>,
}

pub(super) fn chart(work: &WorkloadComparison) -> Option<Chart> {
    let measured: Vec<Tasks<'_>> = cells(work).filter_map(tasks).collect();
    let times = measured.iter().flat_map(|tasks| &tasks.times);
    let (least, greatest) = times.fold((f64::INFINITY, 0.0_f64), |(least, greatest), time| {
        (least.min(*time), greatest.max(*time))
    });
    if measured.is_empty() {
        return None;
    }
    let unit = TimeUnit::of(greatest);
    let pixels = across(0.0);
    let rows = Rows {
        x: Scale::fitting(unit.figure(least), unit.figure(greatest), pixels),
        count: measured.len(),
        height: ROW,
    };
    let at_pixel = |time: f64| rows.x.at(unit.figure(time));
    let mut svg = Svg::default();
    rows.draw(
        &mut svg,
        pixels,
        &format!("time of a task on its worker, {}", unit.name),
    );
    for (at, tasks) in measured.iter().enumerate() {
        let (cell, latency) = (tasks.cell, tasks.latency);
        rows.row(&mut svg, at, cell, &say(tasks), |svg, top| {
            let ground = top + ROW - 4.0;
            let places = tasks.times.iter().map(|time| at_pixel(*time));
            svg.area("hill", hill(places, pixels, ground, ROW - 8.0));
            let tick = |svg: &mut Svg, class, time, up| {
                let x = at_pixel(time);
                svg.line(class, (x, ground), (x, ground - up));
            };
            tick(svg, "middle", latency.p50, ROW - 8.0);
            tick(svg, "tail", latency.p95, 9.0);
            tick(svg, "tail", latency.p99, 5.0);
        });
    }
    let words: Vec<String> = measured.iter().map(say).collect();
    Some(Chart {
        name: "latency",
        title: "Latency".to_owned(),
        caption: "Hills: how many tasks took how long. Strokes, from tall to short: median, 95th, 99th percentile."
            .to_owned(),
        words: format!("Time of a task on its worker. {}.", words.join("; ")),
        width: WIDTH,
        height: rows.whole(),
        elements: svg.into_text(),
    })
}

fn tasks(cell: &Cell) -> Option<Tasks<'_>> {
    let latency = cell.summary.as_ref()?.latency_s?;
    let tasks = cell.runs.iter().flat_map(|run| &run.tasks);
    let times = tasks.map(|task| task.end_s - task.start_s).collect();
    Some(Tasks {
        cell,
        latency,
        times,
    })
}

fn say(tasks: &Tasks<'_>) -> String {
    let latency = tasks.latency;
    format!(
        "{}: p50 {}, p95 {}, p99 {}",
        tasks.cell.label(),
        seconds(latency.p50),
        seconds(latency.p95),
        seconds(latency.p99)
    )
}

/// The outline of a histogram over the axis, smoothed a little, its summit `height` above the `ground`.
fn hill(
    places: impl Iterator<Item = f64>,
    (begin, end): (f64, f64),
    ground: f64,
    height: f64,
) -> Vec<(f64, f64)> {
    let width = (end - begin) / BINS as f64;
    // An empty bin at both ends, so that the smoothing has neighbours and the outline comes down.
    let mut counts = [0.0; BINS + 4];
    for place in places {
        let bin = ((place - begin) / width) as usize;
        counts[bin.min(BINS - 1) + 2] += 1.0;
    }
    let smooth: Vec<f64> = counts
        .windows(3)
        .map(|near| 0.25 * near[0] + 0.5 * near[1] + 0.25 * near[2])
        .collect();
    let summit = smooth.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let Some(first) = smooth.iter().position(|count| *count > 0.0) else {
        return Vec::new();
    };
    let last = smooth
        .iter()
        .rposition(|count| *count > 0.0)
        .unwrap_or(first);
    let x = |bin: usize| (begin + (bin as f64 - 0.5) * width).clamp(begin, end);
    let corners = (first..=last).map(|bin| (x(bin), ground - smooth[bin] / summit * height));
    let left = (x(first.saturating_sub(1)), ground);
    std::iter::once(left)
        .chain(corners)
        .chain([(x(last + 1), ground)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hill_stands_where_the_tasks_are() {
        let hill = hill([50.0, 50.2, 50.4].into_iter(), (0.0, 96.0), 100.0, 20.0);
        let summit = hill.iter().min_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
        assert!(
            (summit.0 - 50.5).abs() < 1.0 && (summit.1 - 80.0).abs() < 1e-9,
            "{hill:?}"
        );
        assert!(hill.iter().all(|corner| (47.0..54.0).contains(&corner.0)));
    }

    #[test]
    fn no_tasks_are_no_hill() {
        assert_eq!(hill(std::iter::empty(), (0.0, 1.0), 0.0, 1.0), []);
    }
}
