//! Speed-up over the number of workers, beside perfect scaling and the fitted law.

use ungil_measure::comparison::{KindCurve, WorkloadComparison};
use ungil_measure::scaling::Fit;
use ungil_measure::units::three_digits;

use super::curve::{Point, counts, curves, range};
use super::frame::{ACROSS, Frame, HEIGHT, UP};
use super::scale::Scale;
use super::svg::Svg;
use super::{Chart, WIDTH, class};

/// Corners of a line that is not straight.
const CORNERS: usize = 40;

pub(super) fn chart(work: &WorkloadComparison, usable_cpus: usize) -> Option<Chart> {
    let curves = curves(work, |summary| {
        Some((summary.speedup?, summary.speedup_interval))
    });
    let counts = counts(&curves);
    let (&fewest, &most) = counts.first().zip(counts.last())?;
    let (least, greatest) = range(&curves);
    // Perfect scaling is drawn as far as the cores go.
    let reachable = usable_cpus.min(most) as f64;
    let frame = Frame {
        x: Scale::logarithmic((fewest as f64, most as f64), ACROSS),
        y: Scale::fitting(least.min(1.0), greatest.max(reachable), UP),
    };
    let mut svg = Svg::default();
    frame.draw(&mut svg, &counts, "times faster than a plain loop");
    let along = |last: f64| {
        let first = fewest as f64;
        (0..=CORNERS).map(move |corner| first * (last / first).powf(corner as f64 / CORNERS as f64))
    };
    let once = frame.y.at(1.0);
    svg.line("axis", (ACROSS.0, once), (ACROSS.1, once));
    let ideal = (most as f64).min(frame.y.last());
    if ideal > fewest as f64 {
        svg.path(
            "ideal",
            along(ideal).map(|workers| (frame.x.at(workers), frame.y.at(workers))),
        );
    }
    for curve in &curves {
        curve.draw_band(&mut svg, &frame);
    }
    let mut is_fitted = false;
    for (kind, law) in work.kinds.iter().filter_map(law) {
        is_fitted = true;
        let route =
            along(most as f64).map(|workers| (frame.x.at(workers), frame.y.at(law(workers))));
        svg.group(class(kind), |svg| svg.path("law", route));
    }
    for curve in &curves {
        curve.draw_line(&mut svg, &frame);
    }
    for curve in &curves {
        curve.draw_dots(&mut svg, &frame, &counts, say);
    }
    let ends = curves.iter().filter_map(|curve| curve.end(&frame, figure));
    Frame::name_ends(&mut svg, ends.collect());
    let law = if is_fitted {
        " Dashes: the fitted law."
    } else {
        ""
    };
    let words: Vec<String> = curves.iter().map(|curve| curve.in_words(figure)).collect();
    Some(Chart {
        name: "speedup",
        title: "Speed-up".to_owned(),
        caption: format!(
            "Lines: medians. Bands: their 95 % confidence intervals.{law} Dots: perfect scaling."
        ),
        words: format!(
            "Speed-up against a plain loop over the number of workers. {}.",
            words.join("; ")
        ),
        width: WIDTH,
        height: HEIGHT,
        elements: svg.into_text(),
    })
}

fn figure(point: &Point<'_>) -> String {
    format!("{}x", three_digits(point.figure))
}

fn say(point: &Point<'_>) -> String {
    let interval = point.interval.map_or_else(String::new, |interval| {
        let (low, high) = (three_digits(interval.low), three_digits(interval.high));
        format!(" ({low}–{high})")
    });
    format!("{}: {}{interval}", point.cell.label(), figure(point))
}

/// A speed-up for a number of workers.
type Law<'a> = Box<dyn Fn(f64) -> f64 + 'a>;

/// The law that describes a kind: Gunther's where it was fitted, else Amdahl's.
fn law(curve: &KindCurve) -> Option<(&str, Law<'_>)> {
    let law: Law<'_> = match (&curve.usl, &curve.amdahl) {
        (Fit::Fitted { law, .. }, _) => Box::new(|workers| law.speedup(workers)),
        (_, Fit::Fitted { law, .. }) => Box::new(|workers| law.speedup(workers)),
        _ => return None,
    };
    Some((&curve.kind, law))
}
