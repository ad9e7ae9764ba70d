//! What the threads of a run did with the GIL, by cell.

use ungil_measure::comparison::{Cell, GilUse, WorkloadComparison};
use ungil_measure::units::{percent, three_digits};

use super::rows::{Rows, across};
use super::scale::Scale;
use super::svg::{Anchor, Svg};
use super::{Chart, WIDTH};
use crate::columns::cells;

const ROW: f64 = 40.0;
const BAR: f64 = 12.0;
/// Room for the figures behind the bars.
const FIGURES: f64 = 116.0;

pub(super) fn chart(work: &WorkloadComparison) -> Option<Chart> {
    let seen: Vec<(&Cell, GilUse)> = cells(work)
        .filter_map(|cell| Some((cell, cell.summary.as_ref()?.gil?)))
        .collect();
    let most = seen
        .iter()
        .map(|(_, gil)| gil.held.max(gil.waited))
        .fold(1.0, f64::max);
    if seen.is_empty() {
        return None;
    }
    let pixels = across(FIGURES);
    let rows = Rows {
        x: Scale::linear((0.0, most * 100.0), pixels),
        count: seen.len(),
        height: ROW,
    };
    let mut svg = Svg::default();
    rows.draw(&mut svg, pixels, "% of the time of a run");
    for (at, (cell, gil)) in seen.iter().enumerate() {
        let (held, waiting) = words(*gil);
        let say = format!("{}: GIL {held}, {waiting}", cell.label());
        rows.row(&mut svg, at, cell, &say, |svg, top| {
            let bars = [("held", gil.held, held), ("waited", gil.waited, waiting)];
            for (bar, (class, share, told)) in bars.into_iter().enumerate() {
                let y = top + 7.0 + bar as f64 * (BAR + 2.0);
                let end = rows.x.at(share * 100.0);
                svg.rect(class, (pixels.0, y), end - pixels.0, BAR);
                svg.text("quiet", (end + 6.0, y + BAR - 2.0), Anchor::Start, &told);
            }
        });
    }
    let said: Vec<String> = seen
        .iter()
        .map(|(cell, gil)| {
            let (held, waiting) = words(*gil);
            format!("{}: {held}, {waiting}", cell.label())
        })
        .collect();
    Some(Chart {
        name: "gil",
        title: "The GIL".to_owned(),
        caption: "Of the time of a run: how long some thread held the GIL, and how long threads waited for it, \
                  added up over them, so that 200 % is two threads that wait all the time."
            .to_owned(),
        words: format!("Use of the GIL by threads. {}.", said.join("; ")),
        width: WIDTH,
        height: rows.whole(),
        elements: svg.into_text(),
    })
}

fn words(gil: GilUse) -> (String, String) {
    (
        format!("held {}", percent(gil.held)),
        format!("{} waiting", three_digits(gil.waited)),
    )
}
