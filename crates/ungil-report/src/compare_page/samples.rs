//! Every run of every cell, and every task of it, behind a fold.

use std::io::{self, Write};

use ungil_measure::comparison::{Cell, RunSample, WorkloadComparison};

use crate::columns::cells;
use crate::page::escape;

/// Writes them, `tasks` included or not.
pub(super) fn write(work: &WorkloadComparison, tasks: bool, out: &mut dyn Write) -> io::Result<()> {
    let runs: usize = cells(work).map(|cell| cell.runs.len()).sum();
    writeln!(
        out,
        "<details class=\"samples\"><summary>Every sample of {}: {runs} runs</summary>\n<p class=\"quiet\">Times in \
         milliseconds. An outlier is marked with *.</p>",
        escape(&work.name)
    )?;
    if !tasks {
        out.write_all(
            b"<p class=\"quiet\">The times of single tasks are in the JSON document only: there are too many of \
              them for this page.</p>\n",
        )?;
    }
    let name = escape(&work.name);
    write!(
        out,
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Samples of {name}\">\n<table><thead><tr>\
         <th scope=\"col\">worker</th><th scope=\"col\" class=\"number\">run</th>\
         <th scope=\"col\" class=\"number\">wall</th><th scope=\"col\" class=\"number\">CPU</th>\
         <th scope=\"col\" class=\"number\">start</th><th scope=\"col\" class=\"number\">GIL held</th>\
         <th scope=\"col\" class=\"number\">waited</th>{}</tr></thead>\n<tbody>\n",
        if tasks {
            "<th scope=\"col\">tasks</th>"
        } else {
            ""
        }
    )?;
    for cell in cells(work) {
        for (at, run) in cell.runs.iter().enumerate() {
            row(cell, at, run, tasks, out)?;
        }
    }
    out.write_all(b"</tbody></table></div>\n</details>\n")
}

fn row(
    cell: &Cell,
    at: usize,
    run: &RunSample,
    tasks: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let summary = cell.summary.as_ref();
    let is_outlier = summary.is_some_and(|summary| summary.outliers.contains(&at));
    let optional = |seconds: Option<f64>| seconds.map(ms).unwrap_or_default();
    write!(
        out,
        "<tr><th scope=\"row\">{}</th><td class=\"number\">{}</td><td class=\"number\">{}{}</td>\
         <td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td>",
        escape(&cell.label()),
        at + 1,
        ms(run.wall_s),
        if is_outlier { "*" } else { "" },
        ms(run.cpu_s),
        optional(cell.startup_s.get(at).copied()),
        optional(run.gil.map(|gil| gil.held)),
        optional(run.gil.map(|gil| gil.waited)),
    )?;
    if tasks {
        let times: Vec<String> = run
            .tasks
            .iter()
            .map(|task| ms(task.end_s - task.start_s))
            .collect();
        write!(out, "<td class=\"tasks\">{}</td>", times.join(" "))?;
    }
    out.write_all(b"</tr>\n")
}

/// Milliseconds with four digits or more.
fn ms(seconds: f64) -> String {
    let ms = seconds * 1e3;
    let decimals = match ms.abs() {
        ms if ms >= 100.0 => 1,
        ms if ms >= 10.0 => 2,
        ms if ms >= 1.0 => 3,
        _ => 4,
    };
    format!("{ms:.decimals$}")
}
