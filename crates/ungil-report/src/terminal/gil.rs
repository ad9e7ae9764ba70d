//! The summary of a trace of the GIL: sums, threads, functions, who made whom wait, the verdict.

use ungil_gil::Report;
use ungil_gil::model::{Function, Pair, Quantiles};
use ungil_measure::units::seconds;
use unicode_width::UnicodeWidthStr;

use super::grid::Grid;
use super::paint::{Paint, clean};
use super::{NARROWEST, PROSE, TerminalOptions, lines};
use crate::phrases::thousands;

/// Rows of a table.
const ROWS: usize = 12;
/// Longest name of a thread, columns.
const NAME: usize = 28;

/// The summary as text for a terminal, with a final newline.
pub fn trace(report: &Report, options: &TerminalOptions) -> String {
    let page = Page {
        report,
        width: options.width.max(NARROWEST),
        paint: Paint::new(options.color),
    };
    let mut text = page.paragraph(&page.title(), |line| page.paint.bold(line));
    for gil in report.gils.iter().skip(1) {
        text.push_str(&page.paragraph(
            &format!(
                "Interpreter's own GIL {}: held {}, waited {}",
                gil.number,
                page.share(gil.held_ns),
                page.share(gil.waited_ns)
            ),
            str::to_owned,
        ));
    }
    if !report.threads.is_empty() {
        text.push('\n');
        text.push_str(&page.threads());
    }
    if !report.functions.is_empty() {
        text.push('\n');
        text.push_str(&page.functions());
    }
    if !report.pairs.is_empty() {
        text.push('\n');
        text.push_str(&page.pairs());
    }
    if let Some(losses) = losses(report) {
        text.push('\n');
        text.push_str(&page.paragraph(&losses, |line| page.paint.warning(line)));
    }
    text.push('\n');
    text.push_str(&page.paragraph(&report.verdict.sentence, |line| page.paint.winner(line)));
    text
}

struct Page<'a> {
    report: &'a Report,
    width: usize,
    paint: Paint,
}

impl Page<'_> {
    fn title(&self) -> String {
        let report = self.report;
        let waits = match report.total.waits {
            0 => "nobody waited".to_owned(),
            waits => format!(
                "waited {} in {} waits (p50 {}, p99 {}, max {})",
                self.share(report.total.waited_ns),
                thousands(waits),
                time(report.waits.p50),
                time(report.waits.p99),
                time(report.waits.max),
            ),
        };
        format!(
            "The GIL, {} of process {}: held {}, {} switches/s, held for p50 {}, p99 {}, max {}; {waits}",
            time(report.duration_ns),
            report.pid,
            self.share(report.total.held_ns),
            thousands(report.switches_per_second().round() as u64),
            time(report.holds.p50),
            time(report.holds.p99),
            time(report.holds.max),
        )
    }

    fn share(&self, nanoseconds: u64) -> String {
        format!("{:.1} %", self.report.share(nanoseconds) * 100.0)
    }

    fn threads(&self) -> String {
        let mut table = Grid::new();
        let headers = [
            "tid",
            "held",
            "waited",
            "holds",
            "hold p50/p99/max",
            "wait p50/p99/max",
        ];
        // Where it is narrow, the last columns go.
        let columns = match self.width {
            0..60 => 3,
            60..100 => 5,
            _ => 6,
        };
        table.row(
            "thread".to_owned(),
            headers[..columns].iter().map(|&header| header.to_owned()),
        );
        let threads = &self.report.threads;
        for thread in threads.iter().take(ROWS) {
            let cells = [
                thread.tid.to_string(),
                self.share(thread.counts.held_ns),
                self.share(thread.counts.waited_ns),
                thousands(thread.counts.holds),
                quantiles(thread.holds),
                quantiles(thread.waits),
            ];
            table.row(cut(&thread.name, NAME), cells.into_iter().take(columns));
        }
        self.painted(&table) + &more(threads.len(), "threads")
    }

    fn functions(&self) -> String {
        let mut table = Grid::new();
        let headers = ["held", "holds"].map(str::to_owned);
        table.row("function that held it".to_owned(), headers.into_iter());
        for share in self.report.functions.iter().take(ROWS) {
            let name = share
                .function
                .as_ref()
                .map_or_else(|| "(no Python function)".to_owned(), place);
            let cells = [self.share(share.held_ns), thousands(share.holds)];
            table.row(
                cut(&name, self.width.saturating_sub(22).max(16)),
                cells.into_iter(),
            );
        }
        self.painted(&table)
    }

    fn pairs(&self) -> String {
        let mut text = self.paint.dim("who made whom wait") + "\n";
        for pair in self.report.pairs.iter().take(ROWS / 2) {
            text.push_str(&self.paragraph(&self.pair(pair), str::to_owned));
        }
        text
    }

    fn pair(&self, pair: &Pair) -> String {
        let name = |thread: usize| cut(&self.report.threads[thread].name, NAME);
        let function = pair.function.as_ref().map_or(String::new(), |function| {
            format!("; it held mostly in {}", function.name)
        });
        format!(
            "{} made {} wait {} in {} waits, up to {}{function}",
            name(pair.holder),
            name(pair.waiter),
            self.share(pair.waited_ns),
            thousands(pair.waits.max(1)),
            time(pair.longest_ns),
        )
    }

    fn painted(&self, table: &Grid) -> String {
        let mut text = String::new();
        for (at, line) in table.lines().iter().enumerate() {
            text.push_str(&if at == 0 {
                self.paint.dim(line)
            } else {
                line.clone()
            });
            text.push('\n');
        }
        text
    }

    fn paragraph(&self, text: &str, paint: impl Fn(&str) -> String) -> String {
        let options = textwrap::Options::new(self.width.min(PROSE)).subsequent_indent("  ");
        lines(&clean(text), &options, paint)
    }
}

/// What is missing or may be wrong, as a sentence.
pub(crate) fn losses(report: &Report) -> Option<String> {
    let losses = &report.losses;
    let mut told = Vec::new();
    if losses.unmatched > 0 {
        told.push(format!(
            "{} takes and drops do not fit together: the figures may be wrong; please report this",
            thousands(losses.unmatched)
        ));
    }
    if losses.merged > 0 {
        told.push(format!(
            "{} holds and waits came too fast for a record each: their time is in every thread's \
             sum, but functions and pairs may lack some of it",
            thousands(losses.merged)
        ));
    }
    (!told.is_empty()).then(|| format!("Note: {}.", told.join("; ")))
}

fn quantiles(of: Quantiles) -> String {
    if of == Quantiles::default() {
        return String::new();
    }
    format!("{} / {} / {}", time(of.p50), time(of.p99), time(of.max))
}

fn time(nanoseconds: u64) -> String {
    seconds(nanoseconds as f64 / 1e9)
}

fn place(function: &Function) -> String {
    let file = function.file.rsplit('/').next().unwrap_or_default();
    format!("{} ({file}:{})", function.name, function.line)
}

fn more(rows: usize, what: &str) -> String {
    match rows.checked_sub(ROWS) {
        None | Some(0) => String::new(),
        Some(more) => format!("and {more} more {what}\n"),
    }
}

/// A name that fits, without control characters.
fn cut(name: &str, columns: usize) -> String {
    let name = clean(name);
    if name.width() <= columns {
        return name;
    }
    let kept: String = name.chars().take(columns - 1).collect();
    format!("{kept}…")
}
