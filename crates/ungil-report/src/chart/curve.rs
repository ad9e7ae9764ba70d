//! Curves over the number of workers: a point per measured cell of a kind.

use ungil_measure::comparison::{Cell, Interval, Summary, WorkloadComparison};

use super::class;
use super::frame::{End, Frame};
use super::svg::Svg;

/// A measured cell.
pub(super) struct Point<'a> {
    pub(super) cell: &'a Cell,
    pub(super) figure: f64,
    pub(super) interval: Option<Interval>,
}

impl Point<'_> {
    fn workers(&self) -> f64 {
        self.cell.workers as f64
    }

    fn low(&self) -> f64 {
        self.interval.map_or(self.figure, |interval| interval.low)
    }

    fn high(&self) -> f64 {
        self.interval.map_or(self.figure, |interval| interval.high)
    }
}

/// The points of a kind, by increasing number of workers.
pub(super) struct Curve<'a> {
    pub(super) kind: &'a str,
    pub(super) points: Vec<Point<'a>>,
}

/// The curves of all kinds that have points; `figure` is what they show, with its interval.
pub(super) fn curves(
    work: &WorkloadComparison,
    figure: impl Fn(&Summary) -> Option<(f64, Option<Interval>)>,
) -> Vec<Curve<'_>> {
    let curves = work.kinds.iter().map(|curve| Curve {
        kind: &curve.kind,
        points: curve
            .cells
            .iter()
            .filter_map(|cell| {
                let (figure, interval) = figure(cell.summary.as_ref()?)?;
                Some(Point {
                    cell,
                    figure,
                    interval,
                })
            })
            .collect(),
    });
    curves.filter(|curve| !curve.points.is_empty()).collect()
}

/// The worker counts that have a point.
pub(super) fn counts(curves: &[Curve<'_>]) -> Vec<usize> {
    let points = curves.iter().flat_map(|curve| &curve.points);
    let mut counts: Vec<usize> = points.map(|point| point.cell.workers).collect();
    counts.sort_unstable();
    counts.dedup();
    counts
}

/// The least and the greatest figure, intervals included.
pub(super) fn range(curves: &[Curve<'_>]) -> (f64, f64) {
    let points = curves.iter().flat_map(|curve| &curve.points);
    points.fold((f64::INFINITY, 0.0), |(least, greatest), point| {
        (least.min(point.low()), greatest.max(point.high()))
    })
}

impl Curve<'_> {
    /// The band of the intervals; of a single point, a whisker.
    pub(super) fn draw_band(&self, svg: &mut Svg, frame: &Frame) {
        let place = |point: &Point<'_>, figure| (frame.x.at(point.workers()), frame.y.at(figure));
        svg.group(class(self.kind), |svg| {
            if let [point] = self.points.as_slice() {
                svg.line(
                    "whisker",
                    place(point, point.low()),
                    place(point, point.high()),
                );
                return;
            }
            let upper = self.points.iter().map(|point| place(point, point.high()));
            let lower = self
                .points
                .iter()
                .rev()
                .map(|point| place(point, point.low()));
            svg.area("band", upper.chain(lower));
        });
    }

    /// The line through its points.
    pub(super) fn draw_line(&self, svg: &mut Svg, frame: &Frame) {
        let places = self
            .points
            .iter()
            .map(|point| (frame.x.at(point.workers()), frame.y.at(point.figure)));
        svg.group(class(self.kind), |svg| svg.path("curve", places));
    }

    /// A dot for each point, which tells itself.
    pub(super) fn draw_dots(
        &self,
        svg: &mut Svg,
        frame: &Frame,
        counts: &[usize],
        say: impl Fn(&Point<'_>) -> String,
    ) {
        svg.group(class(self.kind), |svg| {
            for point in &self.points {
                let place = (frame.x.at(point.workers()), frame.y.at(point.figure));
                let at = counts.partition_point(|count| *count < point.cell.workers);
                svg.mark(at, place, &say(point), |svg| svg.dot("dot", place, 4.0));
            }
        });
    }

    /// Its name for its end.
    pub(super) fn end(&self, frame: &Frame, figure: impl Fn(&Point<'_>) -> String) -> Option<End> {
        let last = self.points.last()?;
        Some(End {
            kind: self.kind.to_owned(),
            words: format!("{} {}", self.kind, figure(last)),
            y: frame.y.at(last.figure),
        })
    }

    /// `threads: 0.99x with 1 worker, 0.98x with 2`.
    pub(super) fn in_words(&self, figure: impl Fn(&Point<'_>) -> String) -> String {
        let points = self.points.iter().enumerate().map(|(at, point)| {
            let workers = match (at, point.cell.workers) {
                (0, 1) => "1 worker".to_owned(),
                (0, many) => format!("{many} workers"),
                (_, many) => many.to_string(),
            };
            format!("{} with {workers}", figure(point))
        });
        let name = ungil_measure::verdict::plural(self.kind);
        format!("{name}: {}", points.collect::<Vec<_>>().join(", "))
    }
}
