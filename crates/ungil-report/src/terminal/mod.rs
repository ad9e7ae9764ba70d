//! The terminal's report: per workload the full table, the lecture's layout, the fits, what may be
//! wrong, and last, where the eye ends, the verdict.

mod change;
mod dashboard;
mod doctor;
mod gil;
mod grid;
pub(crate) mod paint;
mod pool;
mod table;

pub use dashboard::{Dashboard, LiveCell};
pub use doctor::doctor;
pub use gil::trace as trace_terminal;
pub(crate) use gil::{approximate as trace_approximate, losses as trace_losses};

use ungil_measure::Comparison;
use ungil_measure::comparison::WorkloadComparison;

use crate::phrases;
use paint::Paint;
pub use pool::pool;
use table::Fitted;

/// Whether to write colour. The caller knows (`NO_COLOR`, a pipe, a flag).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColorChoice {
    /// Plain text.
    Never,
    /// ANSI escape sequences.
    Always,
}

/// How to write to a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalOptions {
    /// Columns of the terminal.
    pub width: usize,
    /// Whether to write colour.
    pub color: ColorChoice,
}

/// Prose is no wider than this: long lines are hard to read.
pub(crate) const PROSE: usize = 100;
/// No layout is made for anything narrower.
pub(crate) const NARROWEST: usize = 24;

/// The comparison as text for a terminal, with a final newline.
///
/// Tables drop columns until they fit the width, least important first (`docs/verdict.md` has the
/// order), and name what they dropped; the worker, the wall time and the speed-up always stay.
pub fn terminal(comparison: &Comparison, options: &TerminalOptions) -> String {
    let width = options.width.max(NARROWEST);
    let columns = Fitted::to(comparison, width);
    let page = Page {
        width,
        paint: Paint::new(options.color),
        columns,
    };
    let mut text = page.prose(&phrases::machine(comparison), "", |line| {
        page.paint.dim(line)
    });
    for (at, work) in comparison.workloads.iter().enumerate() {
        text.push('\n');
        text.push_str(&page.workload(work, at == 0));
    }
    if let Some(change) = &comparison.change {
        text.push('\n');
        text.push_str(&page.change(change));
    }
    text
}

struct Page {
    width: usize,
    paint: Paint,
    columns: Fitted,
}

impl Page {
    /// One workload; the first one explains the columns.
    fn workload(&self, work: &WorkloadComparison, first: bool) -> String {
        let paint = &self.paint;
        let (name, rest) = phrases::title(work);
        let mut text = self.prose(&format!("{name}: {rest}"), "", |line| {
            // Only the name is bold, on whatever line it ends up.
            line.strip_prefix(&*paint::clean(&name)).map_or_else(
                || line.to_owned(),
                |rest| paint.bold(&paint::clean(&name)) + rest,
            )
        });
        if let Some(scaling) = phrases::scaling(work) {
            text.push_str(&self.prose(&scaling, "", |line| paint.dim(line)));
        }
        text.push('\n');
        text.push_str(&table::full(work, &self.columns, paint));
        if first {
            let legend = self.columns.legend();
            text.push_str(&self.prose(&legend, "  ", |line| paint.dim(line)));
        }
        text.push('\n');
        text.push_str(&table::lecture(work, self.width, paint));
        text.push('\n');
        for line in phrases::fits(work) {
            text.push_str(&self.item(&line, |line| paint.dim(line)));
        }
        for warning in &work.warnings {
            let line = format!("Warning: {}", warning.message);
            text.push_str(&self.item(&line, |line| paint.warning(line)));
        }
        text.push('\n');
        text.push_str(&self.verdict(work));
        text
    }

    fn verdict(&self, work: &WorkloadComparison) -> String {
        let sentences = &work.verdict.sentences;
        let mut text = String::new();
        if let Some(first) = sentences.first() {
            let paint: &dyn Fn(&str) -> String = match work.verdict.winner {
                Some(_) => &|line| self.paint.winner(line),
                None => &|line| self.paint.bold(line),
            };
            text.push_str(&self.prose(first, "", paint));
        }
        for sentence in sentences.iter().skip(1) {
            text.push_str(&self.prose(sentence, "", str::to_owned));
        }
        text
    }

    /// A paragraph, wrapped, later lines indented.
    fn prose(&self, text: &str, indent: &str, paint: impl Fn(&str) -> String) -> String {
        let options = textwrap::Options::new(self.width.min(PROSE))
            .initial_indent(indent)
            .subsequent_indent(indent);
        lines(&paint::clean(text), &options, paint)
    }

    /// An item of a list, wrapped, with a hanging indent.
    fn item(&self, text: &str, paint: impl Fn(&str) -> String) -> String {
        let options = textwrap::Options::new(self.width.min(PROSE)).subsequent_indent("  ");
        lines(&paint::clean(text), &options, paint)
    }
}

pub(crate) fn lines(
    text: &str,
    options: &textwrap::Options<'_>,
    paint: impl Fn(&str) -> String,
) -> String {
    let mut all = String::new();
    for line in textwrap::wrap(&paint::glue(text), options) {
        all.push_str(&paint(&paint::unglue(&line)));
        all.push('\n');
    }
    all
}
