//! What a trace has found, as words and tables that need no script.

use std::io::{self, Write};

use ungil_gil::Report;
use ungil_gil::model::{Function, Quantiles};
use ungil_measure::units::seconds;

use crate::page::{Cell, Table, escape};
use crate::phrases::thousands;
use crate::terminal::{trace_approximate, trace_losses};

use super::family::descendants;
use super::sampled;

/// Threads that the table tells; a browser is slow with more rows, and nobody reads them.
const ROWS: usize = 500;

/// The heading, the verdict, the sums.
pub(super) fn heading(report: &Report, title: &str, out: &mut dyn Write) -> io::Result<()> {
    let about = match report.sampling() {
        Some(sampling) => sampled::about(report, sampling),
        None => format!(
            "Process {}, traced for {}: {} held the GIL {} times, {} switches per second.",
            report.pid,
            time(report.duration_ns),
            count(report.threads.len() as u64, "thread"),
            thousands(report.total.holds),
            thousands(report.switches_per_second().round() as u64),
        ),
    };
    writeln!(
        out,
        "<header>\n<h1>{}</h1>\n<p class=\"quiet\">{about}</p>\n</header>",
        escape(title),
    )?;
    writeln!(
        out,
        "<p class=\"verdict\" data-rule=\"{}\">{}</p>",
        report.verdict.rule,
        escape(&report.verdict.sentence)
    )?;
    warnings(report, out)?;
    match report.sampling() {
        Some(sampling) => sampled::tiles(report, sampling, out)?,
        None => tiles(report, out)?,
    }
    match report.losses.resolution_ns {
        0 => Ok(()),
        resolution => writeln!(
            out,
            "<p class=\"quiet\">There were so many slices that the timeline draws neighbours as one where \
             they take less than {} together; the figures do not depend on it.</p>",
            time(resolution)
        ),
    }
}

fn tiles(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let waited = match report.total.waits {
        0 => "nobody waited".to_owned(),
        waits => format!("in {}, added up over threads", count(waits, "wait")),
    };
    let tiles = [
        (
            "held",
            "Held",
            percent(report, report.total.held_ns),
            format!("in {}", count(report.total.holds, "hold")),
        ),
        (
            "waited",
            "Waited for",
            percent(report, report.total.waited_ns),
            waited,
        ),
        (
            "longest",
            "Longest hold",
            time(report.holds.max),
            spread(report.holds),
        ),
        (
            "longest",
            "Longest wait",
            time(report.waits.max),
            spread(report.waits),
        ),
    ];
    out.write_all(b"<dl class=\"tiles\">\n")?;
    for (class, name, figure, about) in tiles {
        writeln!(
            out,
            "<div class=\"{class}\"><dt>{name}</dt><dd><b>{figure}</b> <span>{about}</span></dd></div>"
        )?;
    }
    out.write_all(b"</dl>\n")
}

/// The same of the processes that it started.
pub(super) fn children(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut before = report.threads.len();
    for child in descendants(report) {
        writeln!(
            out,
            "<h2>Process {}, started by {}</h2>\n<p class=\"quiet\">Traced for {}: held {}, waited {}.</p>\n\
             <p class=\"verdict\">{}</p>",
            child.pid,
            child.parent,
            time(child.duration_ns),
            percent(child, child.total.held_ns),
            percent(child, child.total.waited_ns),
            escape(&child.verdict.sentence)
        )?;
        warnings(child, out)?;
        tables(child, before, out)?;
        before += child.threads.len();
    }
    Ok(())
}

/// How the figures were come by and what is missing, where there is something to say.
fn warnings(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let approximate = report.sampling().map(trace_approximate);
    for warning in approximate.into_iter().chain(trace_losses(report)) {
        writeln!(out, "<p class=\"warning\">{}</p>", escape(&warning))?;
    }
    Ok(())
}

/// Threads, functions, who made whom wait, and GILs where there are several; threads are numbered
/// from `first` on.
pub(super) fn tables(report: &Report, first: usize, out: &mut dyn Write) -> io::Result<()> {
    if report.sampling().is_some() {
        sampled::threads(report, ROWS, out)?;
    } else if !report.threads.is_empty() {
        threads(report, first, out)?;
    }
    if !report.functions.is_empty() {
        functions(report, out)?;
    }
    if !report.pairs.is_empty() {
        pairs(report, first, out)?;
    }
    if report.gils.len() > 1 {
        gils(report, out)?;
    }
    Ok(())
}

fn threads(report: &Report, first: usize, out: &mut dyn Write) -> io::Result<()> {
    let table = Table {
        caption: "Threads",
        columns: &[
            ("thread", ""),
            ("tid", "the kernel's number of the thread"),
            ("held", "share of the time in which it had the GIL"),
            (
                "waited",
                "share of the time in which it wanted the GIL and did not have it",
            ),
            ("holds", "how often it had the GIL"),
            ("hold p50", "half of its holds were no longer"),
            ("p99", "99 of 100 holds were no longer"),
            ("max", "its longest hold"),
            ("waits", "how often it had to wait"),
            ("wait p50", "half of its waits were no longer"),
            ("p99", "99 of 100 waits were no longer"),
            ("max", "its longest wait"),
        ],
        figures_from: 1,
    };
    let rows = report
        .threads
        .iter()
        .take(ROWS)
        .enumerate()
        .map(|(at, thread)| {
            let counts = &thread.counts;
            let mut cells = vec![
                Cell::text(&thread.name),
                Cell::number(&thread.tid.to_string(), thread.tid.into()),
                share(report, counts.held_ns, "held"),
                share(report, counts.waited_ns, "waited"),
                number(counts.holds),
            ];
            cells.extend(quantiles(thread.holds));
            cells.push(number(counts.waits));
            cells.extend(quantiles(thread.waits));
            (format!(" data-thread=\"{}\"", first + at), cells)
        });
    table.write(out, rows)?;
    let Some(others) = report
        .threads
        .get(ROWS..)
        .filter(|others| !others.is_empty())
    else {
        return Ok(());
    };
    let sum = |of: fn(&ungil_gil::model::Counts) -> u64| {
        others.iter().map(|thread| of(&thread.counts)).sum()
    };
    writeln!(
        out,
        "<p class=\"quiet\">And {} more thread{}, which held it {} and waited {} all together; the timeline has \
         them all.</p>",
        thousands(others.len() as u64),
        if others.len() == 1 { "" } else { "s" },
        percent(report, sum(|counts| counts.held_ns)),
        percent(report, sum(|counts| counts.waited_ns)),
    )
}

fn functions(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let table = Table {
        caption: "Functions that held it",
        columns: &[
            ("function", ""),
            ("file", ""),
            ("held", "share of the time in which it had the GIL"),
            ("time", "time in which it had the GIL"),
            ("holds", "holds that ended in it"),
        ],
        figures_from: 2,
    };
    let rows = report.functions.iter().map(|of| {
        let (name, place) = match &of.function {
            Some(function) => (function.name.as_str(), place(function)),
            None => ("(no Python function)", String::new()),
        };
        let cells = vec![
            Cell::html(format!("<code>{}</code>", escape(name))),
            Cell::html(place),
            share(report, of.held_ns, "held"),
            Cell::number(&time(of.held_ns), of.held_ns as f64),
            number(of.holds),
        ];
        (String::new(), cells)
    });
    table.write(out, rows)
}

fn pairs(report: &Report, first: usize, out: &mut dyn Write) -> io::Result<()> {
    let table = Table {
        caption: "Who made whom wait",
        columns: &[
            ("holder", "the thread that had the GIL"),
            ("waiter", "the thread that wanted it meanwhile"),
            (
                "mostly in",
                "the function in which the holder held the GIL longest",
            ),
            (
                "waited",
                "share of the time in which the one waited for the other",
            ),
            ("time", "time in which the one waited for the other"),
            ("waits", "in how many stretches"),
            ("longest", "the longest of them"),
        ],
        figures_from: 3,
    };
    let rows = report.pairs.iter().map(|pair| {
        let function = pair.function.as_ref().map_or(String::new(), |function| {
            format!("<code>{}</code>", escape(&function.name))
        });
        let cells = vec![
            Cell::text(&report.threads[pair.holder].name),
            Cell::text(&report.threads[pair.waiter].name),
            Cell::html(function),
            share(report, pair.waited_ns, "waited"),
            Cell::number(&time(pair.waited_ns), pair.waited_ns as f64),
            number(pair.waits.max(1)),
            Cell::number(&time(pair.longest_ns), pair.longest_ns as f64),
        ];
        let attributes = format!(
            " data-holder=\"{}\" data-waiter=\"{}\"",
            first + pair.holder,
            first + pair.waiter
        );
        (attributes, cells)
    });
    table.write(out, rows)
}

fn gils(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let table = Table {
        caption: "GILs",
        columns: &[
            ("interpreter", ""),
            ("held", "share of the time in which some thread had it"),
            (
                "waited",
                "share of the time in which threads waited for it, added up over them",
            ),
        ],
        figures_from: 1,
    };
    let rows = report.gils.iter().map(|gil| {
        let cells = vec![
            Cell::text(&gil_name(gil.number)),
            share(report, gil.held_ns, "held"),
            share(report, gil.waited_ns, "waited"),
        ];
        (String::new(), cells)
    });
    table.write(out, rows)
}

fn gil_name(number: u16) -> String {
    match number {
        0 => "main".to_owned(),
        number => format!("own GIL {number}"),
    }
}

pub(super) fn share(report: &Report, nanoseconds: u64, class: &'static str) -> Cell {
    Cell::share(
        &percent(report, nanoseconds),
        report.share(nanoseconds),
        class,
    )
}

pub(super) fn percent(report: &Report, nanoseconds: u64) -> String {
    unbroken(&format!("{:.1} %", report.share(nanoseconds) * 100.0))
}

fn number(number: u64) -> Cell {
    Cell::number(&thousands(number), number as f64)
}

fn quantiles(of: Quantiles) -> [Cell; 3] {
    [of.p50, of.p99, of.max].map(|nanoseconds| {
        let text = if of == Quantiles::default() {
            String::new()
        } else {
            time(nanoseconds)
        };
        Cell::number(&text, nanoseconds as f64)
    })
}

fn spread(of: Quantiles) -> String {
    if of == Quantiles::default() {
        return "there was none".to_owned();
    }
    format!("p50 {}, p99 {}", time(of.p50), time(of.p99))
}

pub(super) fn time(nanoseconds: u64) -> String {
    unbroken(&seconds(nanoseconds as f64 / 1e9))
}

/// A figure that stays in one line with its unit.
fn unbroken(figure: &str) -> String {
    figure.replace(' ', "\u{a0}")
}

fn count(number: u64, what: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {what}{ending}", thousands(number))
}

/// `crunch.py:12`, with the whole path where the pointer rests on it.
fn place(function: &Function) -> String {
    let file = function.file.rsplit('/').next().unwrap_or_default();
    format!(
        "<span title=\"{0}:{2}\">{1}:{2}</span>",
        escape(&function.file),
        escape(file),
        function.line
    )
}
