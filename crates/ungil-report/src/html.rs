//! An HTML fragment for notebooks: tables and the verdict, no scripts, no style sheet, no colour
//! that a dark page would hide. Styles are inline because notebooks strip anything else.

use ungil_measure::Comparison;
use ungil_measure::comparison::WorkloadComparison;

use crate::columns::{COLUMNS, cells, is_winner};
use crate::page::escape;
use crate::{change, lecture, phrases};

const TABLE: &str = "border-collapse:collapse;margin:0.6em 0;background:transparent;color:inherit";
const HEAD: &str = "padding:0.2em 0.7em;font-weight:normal;opacity:0.7;\
                    border-bottom:1px solid rgba(128,128,128,0.5)";
const FIELD: &str = "padding:0.2em 0.7em;white-space:nowrap;background:transparent";
const WINNER: &str = "background:rgba(46,160,67,0.22);font-weight:bold";
const WARNING: &str =
    "margin:0.2em 0;padding-left:0.6em;border-left:3px solid rgba(210,153,34,0.9)";
const QUIET: &str = "opacity:0.7;margin:0.3em 0";

/// The comparison as an HTML fragment, every text escaped.
pub fn html(comparison: &Comparison) -> String {
    let machine = escape(&phrases::machine(comparison));
    let mut text = format!("<div style=\"color:inherit\"><p style=\"{QUIET}\">{machine}</p>\n");
    for work in &comparison.workloads {
        text.push_str(&workload(work));
    }
    if let Some(change) = &comparison.change {
        let headline = escape(&change::headline(change));
        text.push_str(&format!(
            "<p style=\"margin:0.8em 0 0.3em\"><b>{headline}</b></p>\n"
        ));
    }
    text.push_str("</div>\n");
    text
}

fn workload(work: &WorkloadComparison) -> String {
    let (name, rest) = phrases::title(work);
    let mut text = format!(
        "<h4 style=\"margin:0.8em 0 0.2em\">{}: {rest}</h4>\n",
        escape(&name)
    );
    for (at, sentence) in work.verdict.sentences.iter().enumerate() {
        let sentence = escape(sentence);
        text.push_str(&match at {
            0 => format!("<p style=\"margin:0.3em 0\"><b>{sentence}</b></p>\n"),
            _ => format!("<p style=\"margin:0.3em 0\">{sentence}</p>\n"),
        });
    }
    text.push_str(&full(work));
    text.push_str(&lecture_table(work));
    for warning in &work.warnings {
        text.push_str(&format!(
            "<p style=\"{WARNING}\">{}</p>\n",
            escape(&warning.message)
        ));
    }
    let scaling = phrases::scaling(work).into_iter();
    for line in scaling.chain(phrases::fits(work)) {
        text.push_str(&format!("<p style=\"{QUIET}\">{}</p>\n", escape(&line)));
    }
    text
}

fn full(work: &WorkloadComparison) -> String {
    let filled: Vec<_> = COLUMNS
        .iter()
        .filter(|column| cells(work).any(|cell| !column.value(cell).is_empty()))
        .collect();
    let mut text = format!(
        "<table style=\"{TABLE}\"><thead><tr>{}",
        head("worker", "", "left")
    );
    for column in &filled {
        text.push_str(&head(column.header, column.meaning, "right"));
    }
    text.push_str("</tr></thead><tbody>\n");
    for cell in cells(work) {
        let style = if is_winner(work, cell) {
            WINNER
        } else {
            "background:transparent"
        };
        text.push_str(&format!(
            "<tr style=\"{style}\">{}",
            field(&cell.label(), "left")
        ));
        match (&cell.summary, &cell.skipped) {
            (None, why) => text.push_str(&format!(
                "<td colspan=\"{}\" style=\"{FIELD};text-align:left\">{}</td>",
                filled.len().max(1),
                escape(why.as_deref().unwrap_or("no runs"))
            )),
            _ => filled
                .iter()
                .for_each(|column| text.push_str(&field(&column.value(cell), "right"))),
        }
        text.push_str("</tr>\n");
    }
    text.push_str("</tbody></table>\n");
    text
}

fn lecture_table(work: &WorkloadComparison) -> String {
    let unit = lecture::Unit::of(work);
    let (counts, rows) = lecture::layout(work);
    let corner = head(
        unit.title,
        "a row per kind, a column per worker count",
        "left",
    );
    let mut text = format!("<table style=\"{TABLE}\"><thead><tr>{corner}");
    for count in counts {
        text.push_str(&head(&count.to_string(), "workers", "right"));
    }
    text.push_str("</tr></thead><tbody>\n");
    for row in rows {
        text.push_str(&format!(
            "<tr style=\"background:transparent\">{}",
            field(&row.name, "left")
        ));
        for cell in row.cells {
            text.push_str(&field(&unit.wall(cell), "right"));
        }
        text.push_str("</tr>\n");
    }
    text.push_str("</tbody></table>\n");
    text
}

fn head(name: &str, meaning: &str, side: &str) -> String {
    let title = if meaning.is_empty() {
        String::new()
    } else {
        format!(" title=\"{}\"", escape(meaning))
    };
    format!(
        "<th{title} style=\"{HEAD};text-align:{side}\">{}</th>",
        escape(name)
    )
}

fn field(text: &str, side: &str) -> String {
    format!(
        "<td style=\"{FIELD};text-align:{side}\">{}</td>",
        escape(text)
    )
}
