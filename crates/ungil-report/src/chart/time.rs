//! Time of a run over the number of workers, as in the lecture's plot, with every run that was measured.

use ungil_measure::comparison::{Cell, Interval, WorkloadComparison};
use ungil_measure::units::seconds;

use super::curve::{Point, counts, curves};
use super::frame::{ACROSS, End, Frame, HEIGHT, UP};
use super::scale::{Scale, TimeUnit};
use super::svg::Svg;
use super::{Chart, WIDTH, class};
use crate::columns::cells;

pub(super) fn chart(work: &WorkloadComparison) -> Option<Chart> {
    let walls = cells(work)
        .flat_map(|cell| &cell.runs)
        .map(|run| run.wall_s);
    let (least, greatest) = walls.fold((f64::INFINITY, 0.0_f64), |(least, greatest), wall| {
        (least.min(wall), greatest.max(wall))
    });
    let unit = TimeUnit::of(greatest);
    let curves = curves(work, |summary| {
        let interval = summary.wall_s.interval.map(|interval| Interval {
            low: unit.figure(interval.low),
            high: unit.figure(interval.high),
        });
        Some((unit.figure(summary.wall_s.median), interval))
    });
    let counts = counts(&curves);
    let (&fewest, &most) = counts.first().zip(counts.last())?;
    let frame = Frame {
        x: Scale::linear((fewest as f64, most as f64), ACROSS),
        y: Scale::fitting(unit.figure(least), unit.figure(greatest), UP),
    };
    let mut svg = Svg::default();
    frame.draw(&mut svg, &counts, &format!("time of a run, {}", unit.name));
    let mut ends: Vec<End> = Vec::new();
    if let Some(serial) = &work.serial.summary {
        let y = frame.y.at(unit.figure(serial.wall_s.median));
        svg.group(class(&work.serial.kind), |svg| {
            svg.line("law", (ACROSS.0, y), (ACROSS.1, y));
        });
        ends.push(End {
            kind: work.serial.kind.clone(),
            words: format!("plain loop {}", seconds(serial.wall_s.median)),
            y,
        });
    }
    for curve in &curves {
        curve.draw_band(&mut svg, &frame);
    }
    for curve in &curves {
        svg.group(class(curve.kind), |svg| {
            for point in &curve.points {
                let x = frame.x.at(point.cell.workers as f64);
                for run in &point.cell.runs {
                    svg.dot("run", (x, frame.y.at(unit.figure(run.wall_s))), 2.5);
                }
            }
        });
        curve.draw_line(&mut svg, &frame);
    }
    for curve in &curves {
        curve.draw_dots(&mut svg, &frame, &counts, |point| {
            format!("{}: {}", point.cell.label(), told(point))
        });
    }
    ends.extend(curves.iter().filter_map(|curve| curve.end(&frame, told)));
    Frame::name_ends(&mut svg, ends);
    let words: Vec<String> = curves.iter().map(|curve| curve.in_words(told)).collect();
    let serial = median(&work.serial);
    Some(Chart {
        name: "time",
        title: "Time".to_owned(),
        caption:
            "Lines: medians. Bands: their 95 % confidence intervals. Small dots: single runs. \
                  Dashes: the plain loop."
                .to_owned(),
        words: format!(
            "Time of a run over the number of workers; the plain loop takes {serial}. {}.",
            words.join("; ")
        ),
        width: WIDTH,
        height: HEIGHT,
        elements: svg.into_text(),
    })
}

fn told(point: &Point<'_>) -> String {
    median(point.cell)
}

fn median(cell: &Cell) -> String {
    let summary = cell.summary.as_ref();
    summary.map_or_else(|| "?".to_owned(), |summary| seconds(summary.wall_s.median))
}
