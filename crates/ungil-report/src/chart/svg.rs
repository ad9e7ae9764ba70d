//! Elements of a picture: what they are is a class of the style sheet, where they are is here.

use std::fmt::Write;

use crate::page::escape;

/// A place, in pixels from the left and from the top.
pub(super) type Place = (f64, f64);

/// Where a text stands with respect to its place.
#[derive(Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Anchor {
    fn name(self) -> &'static str {
        match self {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        }
    }
}

/// The inside of an `<svg>`.
#[derive(Default)]
pub(super) struct Svg(String);

impl Svg {
    pub(super) fn into_text(self) -> String {
        self.0
    }

    /// What `inside` draws, as one of this class.
    pub(super) fn group(&mut self, class: &str, inside: impl FnOnce(&mut Self)) {
        self.push(format_args!("<g class=\"{class}\">"));
        inside(self);
        self.push(format_args!("</g>\n"));
    }

    /// Elements that are drawn already, with their origin here.
    pub(super) fn place(&mut self, (x, y): Place, elements: &str) {
        self.push(format_args!(
            "<g transform=\"translate({x:.1} {y:.1})\">{elements}</g>\n"
        ));
    }

    /// What `inside` draws, of which a reader of the page can ask what it is: `at` puts the marks in order that belong together,
    /// and `say` is the answer.
    pub(super) fn mark(
        &mut self,
        at: usize,
        place: Place,
        say: &str,
        inside: impl FnOnce(&mut Self),
    ) {
        let ((x, y), say) = (place, escape(say));
        self.push(format_args!(
            "<g class=\"mark\" data-at=\"{at}\" data-x=\"{x:.1}\" data-y=\"{y:.1}\" data-say=\"{say}\">"
        ));
        inside(self);
        self.push(format_args!("</g>\n"));
    }

    pub(super) fn line(&mut self, class: &str, (x1, y1): Place, (x2, y2): Place) {
        self.push(format_args!(
            "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"
        ));
    }

    /// A line through these places; nothing where there are none.
    pub(super) fn path(&mut self, class: &str, places: impl IntoIterator<Item = Place>) {
        self.outline(class, places, "");
    }

    /// The area inside of these places.
    pub(super) fn area(&mut self, class: &str, places: impl IntoIterator<Item = Place>) {
        self.outline(class, places, "Z");
    }

    fn outline(&mut self, class: &str, places: impl IntoIterator<Item = Place>, end: &str) {
        let mut route = String::new();
        for (x, y) in places {
            let step = if route.is_empty() { 'M' } else { 'L' };
            let _ = write!(route, "{step}{x:.1},{y:.1}"); // a string takes everything
        }
        if !route.is_empty() {
            self.push(format_args!("<path class=\"{class}\" d=\"{route}{end}\"/>"));
        }
    }

    pub(super) fn rect(&mut self, class: &str, (x, y): Place, width: f64, height: f64) {
        let width = width.max(0.0);
        self.push(format_args!(
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>"
        ));
    }

    pub(super) fn dot(&mut self, class: &str, (x, y): Place, radius: f64) {
        self.push(format_args!(
            "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\"/>"
        ));
    }

    pub(super) fn text(&mut self, class: &str, (x, y): Place, anchor: Anchor, words: &str) {
        let (anchor, words) = (anchor.name(), escape(words));
        self.push(format_args!(
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>"
        ));
    }

    fn push(&mut self, element: std::fmt::Arguments<'_>) {
        let _ = self.0.write_fmt(element); // a string takes everything
    }
}
