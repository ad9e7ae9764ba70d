//! Memory of a worker, by cell: what is its own, and its part of what is shared.

use ungil_measure::comparison::{Cell, Memory, WorkloadComparison};
use ungil_measure::units::bytes;

use super::rows::{Rows, across};
use super::scale::Scale;
use super::svg::{Anchor, Svg};
use super::{Chart, WIDTH};
use crate::columns::cells;

const ROW: f64 = 24.0;
/// Room for the figures behind the bars.
const FIGURES: f64 = 128.0;
const MEGABYTE: f64 = 1e6;

pub(super) fn chart(work: &WorkloadComparison) -> Option<Chart> {
    let measured: Vec<(&Cell, Memory)> = cells(work)
        .filter_map(|cell| Some((cell, cell.summary.as_ref()?.memory?)))
        .collect();
    let most = measured.iter().map(|(_, memory)| memory.pss_bytes).max()?;
    let pixels = across(FIGURES);
    let rows = Rows {
        x: Scale::fitting(0.0, most as f64 / MEGABYTE, pixels),
        count: measured.len(),
        height: ROW,
    };
    let mut svg = Svg::default();
    rows.draw(&mut svg, pixels, "memory per worker, MB");
    for (at, (cell, memory)) in measured.iter().enumerate() {
        let say = format!(
            "{}: PSS {}, USS {}",
            cell.label(),
            bytes(memory.pss_bytes),
            bytes(memory.uss_bytes)
        );
        rows.row(&mut svg, at, cell, &say, |svg, top| {
            let end = |size: u64| rows.x.at(size as f64 / MEGABYTE);
            let (own, all) = (end(memory.uss_bytes), end(memory.pss_bytes));
            svg.rect("bar", (pixels.0, top + 5.0), own - pixels.0, ROW - 10.0);
            svg.rect("shared", (own, top + 5.0), all - own, ROW - 10.0);
            let place = (all.max(own) + 6.0, top + ROW / 2.0 + 4.0);
            svg.text("quiet", place, Anchor::Start, &figures(cell, *memory));
        });
    }
    let words: Vec<String> = measured
        .iter()
        .map(|(cell, memory)| format!("{} {}", cell.label(), bytes(memory.pss_bytes)))
        .collect();
    Some(Chart {
        name: "memory",
        title: "Memory".to_owned(),
        caption: "Full: pages of the worker's own (USS). Pale: its part of what is shared; together PSS. \
                  Of threads and interpreters, the growth of the process."
            .to_owned(),
        words: format!("Memory per worker (PSS): {}.", words.join(", ")),
        width: WIDTH,
        height: rows.whole(),
        elements: svg.into_text(),
    })
}

/// Of one worker, and of all of them.
fn figures(cell: &Cell, memory: Memory) -> String {
    let one = bytes(memory.pss_bytes);
    match cell.workers {
        0 | 1 => one,
        many => format!("{one}, all {}", bytes(memory.pss_bytes * many as u64)),
    }
}
