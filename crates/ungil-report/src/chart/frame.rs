//! The frame of a picture of curves: axes with their figures, grid lines, names at the ends of lines.

use super::scale::{Scale, short};
use super::svg::{Anchor, Svg};
use super::{WIDTH, class};

pub(super) const HEIGHT: f64 = 300.0;
const LEFT: f64 = 44.0;
/// Room for the names of the curves.
const RIGHT: f64 = 132.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 46.0;
/// Between the names of curves, from line to line.
const LINE: f64 = 15.0;
/// Figures at the lower axis stand at least so far apart.
const APART: f64 = 20.0;

/// The pixels of the lower axis, from left to right.
pub(super) const ACROSS: (f64, f64) = (LEFT, WIDTH - RIGHT);
/// The pixels of the left axis, from 0 upwards.
pub(super) const UP: (f64, f64) = (HEIGHT - BOTTOM, TOP);

/// Both axes.
pub(super) struct Frame {
    pub(super) x: Scale,
    pub(super) y: Scale,
}

impl Frame {
    /// The grid, the worker counts, the left axis' figures and its name.
    pub(super) fn draw(&self, svg: &mut Svg, counts: &[usize], name: &str) {
        for tick in self.y.ticks() {
            let y = self.y.at(tick);
            svg.line("grid", (ACROSS.0, y), (ACROSS.1, y));
            svg.text("quiet", (LEFT - 8.0, y + 4.0), Anchor::End, &short(tick));
        }
        svg.line("axis", (ACROSS.0, UP.0), (ACROSS.1, UP.0));
        let mut free = f64::NEG_INFINITY;
        for &count in counts {
            let x = self.x.at(count as f64);
            svg.line("axis", (x, UP.0), (x, UP.0 + 4.0));
            if x >= free {
                svg.text(
                    "quiet",
                    (x, UP.0 + 18.0),
                    Anchor::Middle,
                    &count.to_string(),
                );
                free = x + APART;
            }
        }
        let middle = f64::midpoint(ACROSS.0, ACROSS.1);
        svg.text("quiet", (middle, HEIGHT - 8.0), Anchor::Middle, "workers");
        svg.text("quiet", (8.0, 14.0), Anchor::Start, name);
    }

    /// Names of curves beside their last points, moved apart where they would overlap.
    pub(super) fn name_ends(svg: &mut Svg, mut ends: Vec<End>) {
        ends.sort_by(|a, b| a.y.total_cmp(&b.y));
        let mut lowest = f64::NEG_INFINITY;
        for end in &mut ends {
            end.y = end.y.max(lowest + LINE);
            lowest = end.y;
        }
        // What was pushed out below comes back up.
        let mut highest = HEIGHT - 6.0;
        for end in ends.iter_mut().rev() {
            end.y = end.y.min(highest);
            highest = end.y - LINE;
        }
        for end in ends {
            let place = (ACROSS.1 + 10.0, end.y + 4.0);
            svg.group(class(&end.kind), |svg| {
                svg.text("label", place, Anchor::Start, &end.words);
            });
        }
    }
}

/// The name of a curve, and where the curve ends.
pub(super) struct End {
    pub(super) kind: String,
    pub(super) words: String,
    pub(super) y: f64,
}
