//! What a trace by sampling has instead: estimates with how far off they may be, and no single holds
//! or waits.

use std::io::{self, Write};

use ungil_gil::Report;
use ungil_gil::model::Sampling;

use super::tables::{percent, share, time};
use crate::page::{Cell, Table};
use crate::phrases::thousands;

/// The line below the heading.
pub(super) fn about(report: &Report, sampling: &Sampling) -> String {
    format!(
        "Process {}, looked at {} times in {}: {} threads, the holder changed {} times per second.",
        report.pid,
        thousands(sampling.samples),
        time(report.duration_ns),
        thousands(report.threads.len() as u64),
        thousands(report.switches_per_second().round() as u64),
    )
}

/// The sums.
pub(super) fn tiles(report: &Report, sampling: &Sampling, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"<dl class=\"tiles\">\n")?;
    let margins = sampling.margins;
    for (class, name, nanoseconds, margin) in [
        ("held", "Held", report.total.held_ns, margins.held),
        (
            "waited",
            "Waited for",
            report.total.waited_ns,
            margins.waited,
        ),
    ] {
        writeln!(
            out,
            "<div class=\"{class}\"><dt>{name}</dt><dd><b>{}</b> <span>± {:.1}, in 95 of 100 such traces</span></dd></div>",
            percent(report, nanoseconds),
            margin * 100.0
        )?;
    }
    out.write_all(b"</dl>\n")
}

/// Threads, up to so many.
pub(super) fn threads(report: &Report, rows: usize, out: &mut dyn Write) -> io::Result<()> {
    let table = Table {
        caption: "Threads",
        columns: &[
            ("thread", ""),
            ("tid", "the kernel's number of the thread"),
            ("held", "share of the time in which it had the GIL"),
            ("±", "how far off that may be, in 95 of 100 such traces"),
            (
                "waited",
                "share of the time in which it wanted the GIL and did not have it",
            ),
            ("±", "how far off that may be, in 95 of 100 such traces"),
        ],
        figures_from: 1,
    };
    let margin = |share: f64| Cell::number(&format!("{:.1}", share * 100.0), share);
    let rows = report.threads.iter().take(rows).map(|thread| {
        let cells = vec![
            Cell::text(&thread.name),
            Cell::number(&thread.tid.to_string(), thread.tid.into()),
            share(report, thread.counts.held_ns, "held"),
            margin(thread.margins.held),
            share(report, thread.counts.waited_ns, "waited"),
            margin(thread.margins.waited),
        ];
        (String::new(), cells)
    });
    table.write(out, rows)
}
