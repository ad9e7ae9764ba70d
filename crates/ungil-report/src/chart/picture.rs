//! Pictures in a file of their own: a column per workload, a row per kind of picture, what was measured where.

use ungil_measure::Comparison;
use ungil_measure::comparison::WorkloadComparison;
use ungil_measure::verdict;

use super::style;
use super::svg::{Anchor, Svg};
use super::{Chart, WIDTH, charts};
use crate::Error;
use crate::page::escape;
use crate::phrases;

/// Above the panels: the workload's name and the verdict in short.
const HEAD: f64 = 56.0;
/// Above each panel: its title.
const TITLE: f64 = 22.0;
const GAP: f64 = 18.0;
const FOOT: f64 = 30.0;
const MARGIN: f64 = 12.0;

/// The pictures of these names, of all workloads, as one SVG file, which follows the reader's light or dark theme.
///
/// # Errors
/// [`Error::NothingToDraw`] where nothing was measured that they could show.
pub fn svg(comparison: &Comparison, names: &[&str]) -> Result<String, Error> {
    drawn(comparison, names, &style::of_a_file())
}

/// The same with this style sheet.
pub(super) fn drawn(comparison: &Comparison, names: &[&str], style: &str) -> Result<String, Error> {
    let columns: Vec<(&WorkloadComparison, Vec<Chart>)> = comparison
        .workloads
        .iter()
        .map(|work| (work, asked_for(work, names, comparison.machine.usable_cpus)))
        .filter(|(_, charts)| !charts.is_empty())
        .collect();
    if columns.is_empty() {
        return Err(Error::NothingToDraw(names.join(", ")));
    }
    let tall =
        |charts: &[Chart]| -> f64 { charts.iter().map(|chart| TITLE + chart.height + GAP).sum() };
    let tallest = columns
        .iter()
        .map(|(_, charts)| tall(charts))
        .fold(0.0, f64::max);
    let width = 2.0 * MARGIN + columns.len() as f64 * WIDTH;
    let height = HEAD + tallest + FOOT;
    let mut words = Vec::new();
    let mut svg = Svg::default();
    for (at, (work, charts)) in columns.iter().enumerate() {
        let left = MARGIN + at as f64 * WIDTH;
        svg.text("title", (left + 8.0, 24.0), Anchor::Start, &work.name);
        svg.text("quiet", (left + 8.0, 43.0), Anchor::Start, &headline(work));
        let mut top = HEAD;
        for chart in charts {
            svg.text(
                "heading",
                (left + 8.0, top + 12.0),
                Anchor::Start,
                &chart.title,
            );
            svg.place((left, top + TITLE), &chart.elements);
            top += TITLE + chart.height + GAP;
            words.push(format!("{}: {}", work.name, chart.words));
        }
    }
    let foot = (MARGIN + 8.0, height - 12.0);
    svg.text(
        "quiet",
        foot,
        Anchor::Start,
        &phrases::provenance(comparison),
    );
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\">\n<title>Measured by ungil compare</title>\n<desc>{}</desc>\n\
         <style>\n{style}</style>\n{}</svg>\n",
        escape(&words.join(" ")),
        svg.into_text()
    ))
}

fn asked_for(work: &WorkloadComparison, names: &[&str], usable_cpus: usize) -> Vec<Chart> {
    let mut all = charts(work, usable_cpus);
    all.retain(|chart| names.contains(&chart.name));
    // In the order asked for.
    all.sort_by_key(|chart| names.iter().position(|name| *name == chart.name));
    all
}

fn headline(work: &WorkloadComparison) -> String {
    match &work.verdict.winner {
        None => "no clear winner".to_owned(),
        Some(winner) => format!("best: {}", verdict::workers(&winner.kind, winner.workers)),
    }
}
