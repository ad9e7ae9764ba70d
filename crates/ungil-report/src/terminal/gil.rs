//! The summary of a trace of the GIL: sums, threads, functions, who made whom wait, the verdict.

use ungil_gil::Report;
use ungil_gil::model::{Function, Pair, Quantiles, Sampling};
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

/// Processes that are shown one by one.
const PROCESSES: usize = 8;

/// The summary as text for a terminal, with a final newline: the process, then those that it
/// started.
pub fn trace(report: &Report, options: &TerminalOptions) -> String {
    let mut text = one(report, options);
    let mut family = Vec::new();
    descendants(report, &mut family);
    family.sort_by_key(|child| std::cmp::Reverse(child.total.held_ns));
    for child in family.iter().take(PROCESSES) {
        text.push('\n');
        text.push_str(&one(child, options));
    }
    if family.len() > PROCESSES {
        text.push_str(&format!(
            "\nand {} more processes, which held their GILs for {} all together\n",
            family.len() - PROCESSES,
            time(family[PROCESSES..].iter().map(|c| c.total.held_ns).sum()),
        ));
    }
    text
}

fn descendants<'a>(report: &'a Report, all: &mut Vec<&'a Report>) {
    for child in &report.children {
        all.push(child);
        descendants(child, all);
    }
}

fn one(report: &Report, options: &TerminalOptions) -> String {
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
    if let Some(sampling) = report.sampling() {
        text.push('\n');
        text.push_str(&page.paragraph(&approximate(sampling), |line| page.paint.warning(line)));
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
        if let Some(sampling) = report.sampling() {
            return format!(
                "The GIL, {} of process {}, sampled: held {} {}, waited {} {}, its holder changed {} \
                 times a second",
                time(report.duration_ns),
                report.pid,
                self.share(report.total.held_ns),
                margin(sampling.margins.held),
                self.share(report.total.waited_ns),
                margin(sampling.margins.waited),
                thousands(report.switches_per_second().round() as u64),
            );
        }
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
        if self.report.sampling().is_some() {
            return self.sampled_threads();
        }
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

    fn sampled_threads(&self) -> String {
        let mut table = Grid::new();
        let headers = ["tid", "held", "", "waited", ""].map(str::to_owned);
        table.row("thread".to_owned(), headers.into_iter());
        let threads = &self.report.threads;
        for thread in threads.iter().take(ROWS) {
            let cells = [
                thread.tid.to_string(),
                self.share(thread.counts.held_ns),
                margin(thread.margins.held),
                self.share(thread.counts.waited_ns),
                margin(thread.margins.waited),
            ];
            table.row(cut(&thread.name, NAME), cells.into_iter());
        }
        self.painted(&table) + &more(threads.len(), "threads")
    }

    fn functions(&self) -> String {
        let mut table = Grid::new();
        // Looks know no single holds.
        let columns = if self.report.sampling().is_some() {
            1
        } else {
            2
        };
        let headers = ["held", "holds"]
            .map(str::to_owned)
            .into_iter()
            .take(columns);
        table.row("function that held it".to_owned(), headers);
        for share in self.report.functions.iter().take(ROWS) {
            let name = share
                .function
                .as_ref()
                .map_or_else(|| "(no Python function)".to_owned(), place);
            let cells = [self.share(share.held_ns), thousands(share.holds)];
            table.row(
                cut(&name, self.width.saturating_sub(22).max(16)),
                cells.into_iter().take(columns),
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
        let waits = match self.report.sampling() {
            Some(_) => String::new(),
            None => format!(
                " in {} waits, up to {}",
                thousands(pair.waits.max(1)),
                time(pair.longest_ns)
            ),
        };
        format!(
            "{} made {} wait {}{waits}{function}",
            name(pair.holder),
            name(pair.waiter),
            self.share(pair.waited_ns),
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

pub(crate) fn approximate(sampling: &Sampling) -> String {
    format!(
        "Approximate: {} looks from outside, {} a second; the figures are within the ± given in 95 of \
         100 such traces. Looking took {:.1} % of a core, and stopped nothing. Why not exact: {}.",
        thousands(sampling.samples),
        thousands(sampling.rate.round() as u64),
        sampling.overhead * 100.0,
        sampling.why,
    )
}

fn margin(share: f64) -> String {
    format!("± {:.1}", share * 100.0)
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
    if losses.children > 0 {
        told.push(format!(
            "{} of the processes that it started told nothing: they run still, were killed, or ended \
             by exec",
            thousands(losses.children)
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
