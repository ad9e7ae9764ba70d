//! The heading, and what to use for each workload.

use std::io::{self, Write};

use ungil_measure::Comparison;
use ungil_measure::comparison::{Summary, WorkloadComparison};
use ungil_measure::units::{bytes, seconds, three_digits};
use ungil_measure::verdict::{Confidence, workers};

use crate::columns::{cells, is_winner};
use crate::page::escape;
use crate::phrases;

pub(super) fn write(comparison: &Comparison, title: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<header>\n<h1>{title}</h1>\n<p class=\"quiet\">{}</p>\n</header>",
        escape(&phrases::provenance(comparison))
    )?;
    for (at, work) in comparison.workloads.iter().enumerate() {
        verdict(work, at, comparison.workloads.len() > 1, out)?;
    }
    Ok(())
}

fn verdict(
    work: &WorkloadComparison,
    at: usize,
    is_one_of_many: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let name = escape(&work.name);
    let heading = if is_one_of_many {
        format!("<a href=\"#work-{at}\">{name}</a>")
    } else {
        name
    };
    writeln!(
        out,
        "<div class=\"verdict\" data-rule=\"{}\">\n<h2>{heading}</h2>",
        escape(&work.verdict.rule)
    )?;
    for (at, sentence) in work.verdict.sentences.iter().enumerate() {
        let sentence = escape(sentence);
        match at {
            0 => writeln!(out, "<p><b>{sentence}</b></p>")?,
            _ => writeln!(out, "<p>{sentence}</p>")?,
        }
    }
    tiles(work, out)?;
    out.write_all(b"</div>\n")
}

/// The winner's figures.
fn tiles(work: &WorkloadComparison, out: &mut dyn Write) -> io::Result<()> {
    let Some((winner, summary)) = work.verdict.winner.as_ref().and_then(|winner| {
        let cell = cells(work).find(|cell| is_winner(work, cell))?;
        Some((winner, cell.summary.as_ref()?))
    }) else {
        return Ok(());
    };
    let mut tiles = vec![(
        "Use",
        workers(&winner.kind, winner.workers),
        confidence(work.verdict.confidence).to_owned(),
    )];
    tiles.push((
        "Time of a run",
        seconds(summary.wall_s.median),
        serial(work).map_or_else(String::new, |serial| {
            format!("plain loop: {}", seconds(serial.wall_s.median))
        }),
    ));
    if let Some(speedup) = summary.speedup {
        let interval = summary.speedup_interval.map(|interval| {
            let (low, high) = (three_digits(interval.low), three_digits(interval.high));
            format!("95 % interval: {low}–{high}")
        });
        tiles.push((
            "Speed-up",
            format!("{}x", three_digits(speedup)),
            interval.unwrap_or_default(),
        ));
    }
    if let Some(memory) = summary.memory {
        tiles.push((
            "Memory per worker",
            bytes(memory.pss_bytes),
            format!("all: {}", bytes(memory.pss_bytes * winner.workers as u64)),
        ));
    }
    out.write_all(b"<dl class=\"tiles\">\n")?;
    for (name, figure, about) in tiles {
        writeln!(
            out,
            "<div><dt>{name}</dt><dd><b>{}</b> <span>{}</span></dd></div>",
            escape(&figure),
            escape(&about)
        )?;
    }
    out.write_all(b"</dl>\n")
}

fn serial(work: &WorkloadComparison) -> Option<&Summary> {
    work.serial.summary.as_ref()
}

fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::None => "",
        Confidence::Low => "confidence: low",
        Confidence::Moderate => "confidence: moderate",
        Confidence::High => "confidence: high",
    }
}
