//! Who held the GIL when, and who waited: a row per thread of the traced run of each cell.

use ungil_measure::comparison::{Cell, GilThread, GilTimeline, WorkloadComparison};
use ungil_measure::units::seconds;

use super::svg::{Anchor, Svg};
use super::{Chart, WIDTH, class};
use crate::columns::cells;

const LEFT: f64 = 106.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 8.0;
const HEAD: f64 = 20.0;
const ROW: f64 = 15.0;
const GAP: f64 = 8.0;
/// More threads of a cell are not drawn: nobody tells them apart.
const MOST: usize = 10;
/// Shares that differ by less are drawn alike.
const LITTLE: f64 = 0.005;
/// A thread's name is no longer than its room.
const NAME: usize = 16;

pub(super) fn chart(work: &WorkloadComparison) -> Option<Chart> {
    let traced: Vec<(&Cell, &GilTimeline)> = cells(work)
        .filter_map(|cell| Some((cell, cell.gil_timeline.as_ref()?)))
        .filter(|(_, timeline)| !timeline.threads.is_empty())
        .collect();
    if traced.is_empty() {
        return None;
    }
    let mut svg = Svg::default();
    let mut top = TOP;
    for (cell, timeline) in &traced {
        svg.group(class(&cell.kind), |svg| {
            let place = (LEFT - 8.0, top + 13.0);
            svg.text("label", place, Anchor::End, &cell.label());
        });
        let length = format!("0 to {}", seconds(timeline.duration_s));
        svg.text("quiet", (LEFT, top + 13.0), Anchor::Start, &length);
        top += HEAD;
        for thread in timeline.threads.iter().take(MOST) {
            let name: String = thread.name.chars().take(NAME).collect();
            svg.text("quiet", (LEFT - 8.0, top + 11.0), Anchor::End, &name);
            row(&mut svg, thread, top);
            top += ROW;
        }
        top += GAP;
    }
    let words: Vec<String> = traced
        .iter()
        .map(|(cell, timeline)| said(cell, timeline))
        .collect();
    Some(Chart {
        name: "timeline",
        title: "Who held the GIL".to_owned(),
        caption: format!(
            "One traced run of each cell, in time from left to right; its threads, up to {MOST}. Blue: it held the \
             GIL. Orange: it waited for it."
        ),
        words: format!("Who held the GIL in a traced run. {}.", words.join("; ")),
        width: WIDTH,
        height: top,
        elements: svg.into_text(),
    })
}

/// Both shares over time, the waiting above the holding.
fn row(svg: &mut Svg, thread: &GilThread, top: f64) {
    let ground = top + ROW - 1.0;
    let height = ROW - 2.0;
    let stretches = thread.held.len().max(1);
    let x = |at: usize| LEFT + at as f64 / stretches as f64 * (WIDTH - RIGHT - LEFT);
    svg.line("grid", (LEFT, ground), (x(stretches), ground));
    let held = |at: usize| thread.held[at].min(1.0);
    let both = |at: usize| (held(at) + thread.waited.get(at).copied().unwrap_or(0.0)).min(1.0);
    for (class, upper, lower) in [
        (
            "waited",
            &both as &dyn Fn(usize) -> f64,
            &held as &dyn Fn(usize) -> f64,
        ),
        ("held", &held, &|_| 0.0),
    ] {
        let mut at = 0;
        while at < thread.held.len() {
            let (high, low) = (upper(at), lower(at));
            // Stretches that look alike are one.
            let same = |other: &usize| {
                (upper(*other) - high).abs() < LITTLE && (lower(*other) - low).abs() < LITTLE
            };
            let end = (at..thread.held.len()).take_while(same).count() + at;
            if high - low > LITTLE {
                let place = (x(at), ground - high * height);
                svg.rect(class, place, x(end) - x(at), (high - low) * height);
            }
            at = end;
        }
    }
}

/// `thread x2: ThreadPool-0 held 48 % and waited 50 %, ...`.
fn said(cell: &Cell, timeline: &GilTimeline) -> String {
    let share = |shares: &[f64]| {
        let mean = shares.iter().sum::<f64>() / shares.len().max(1) as f64;
        format!("{:.0} %", mean * 100.0)
    };
    let threads = timeline.threads.iter().take(MOST).map(|thread| {
        let (held, waited) = (share(&thread.held), share(&thread.waited));
        format!("{} held {held} and waited {waited}", thread.name)
    });
    format!(
        "{}: {}",
        cell.label(),
        threads.collect::<Vec<_>>().join(", ")
    )
}
