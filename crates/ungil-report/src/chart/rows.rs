//! The frame of a picture with a row per cell: names at the left, an axis below.

use ungil_measure::comparison::Cell;

use super::scale::{Scale, short};
use super::svg::{Anchor, Svg};
use super::{WIDTH, class};

const LEFT: f64 = 106.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 44.0;

/// The pixels of the axis, with room for `figures` pixels of words behind the rows.
pub(super) fn across(figures: f64) -> (f64, f64) {
    (LEFT, WIDTH - RIGHT - figures)
}

/// A picture of so many rows of this height.
pub(super) struct Rows {
    pub(super) x: Scale,
    pub(super) count: usize,
    pub(super) height: f64,
}

impl Rows {
    /// Height of the whole picture.
    pub(super) fn whole(&self) -> f64 {
        self.bottom() + BOTTOM
    }

    fn bottom(&self) -> f64 {
        TOP + self.count as f64 * self.height
    }

    /// Grid and axis; `pixels` are its ends, `name` says what its figures are.
    pub(super) fn draw(&self, svg: &mut Svg, pixels: (f64, f64), name: &str) {
        let bottom = self.bottom();
        for tick in self.x.ticks() {
            let x = self.x.at(tick);
            svg.line("grid", (x, TOP), (x, bottom));
            svg.text("quiet", (x, bottom + 16.0), Anchor::Middle, &short(tick));
        }
        let middle = f64::midpoint(pixels.0, pixels.1);
        svg.text("quiet", (middle, bottom + 34.0), Anchor::Middle, name);
    }

    /// A row: the cell's name, and what `inside` draws from the row's upper edge on.
    pub(super) fn row(
        &self,
        svg: &mut Svg,
        at: usize,
        cell: &Cell,
        say: &str,
        inside: impl FnOnce(&mut Svg, f64),
    ) {
        let top = TOP + at as f64 * self.height;
        let middle = top + self.height / 2.0;
        svg.group(class(&cell.kind), |svg| {
            svg.mark(at, (LEFT, middle), say, |svg| {
                svg.text(
                    "label",
                    (LEFT - 8.0, middle + 4.0),
                    Anchor::End,
                    &cell.label(),
                );
                inside(svg, top);
            });
        });
    }
}
