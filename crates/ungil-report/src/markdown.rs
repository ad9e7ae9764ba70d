//! Markdown: GitHub tables and the verdict, for a file, an issue or a pull request.

use ungil_measure::Comparison;
use ungil_measure::change::Change;
use ungil_measure::comparison::{Cell, WorkloadComparison};

use crate::columns::{COLUMNS, cells, is_winner};
use crate::{change, lecture, phrases};

/// The comparison in GitHub's Markdown, with a final newline. The winner's row is bold.
pub fn markdown(comparison: &Comparison) -> String {
    let mut text = String::from("# Which worker should be used?\n\n");
    text.push_str(&format!("{}.\n", escape(&phrases::machine(comparison))));
    for work in &comparison.workloads {
        text.push_str(&workload(work));
    }
    if let Some(change) = &comparison.change {
        text.push_str(&changed(change));
    }
    text
}

fn changed(change: &Change) -> String {
    let headline = escape(&change::headline(change));
    let mut text = format!("\n## Change\n\n**{headline}**\n\n");
    for remark in &change.remarks {
        text.push_str(&format!("- ⚠ {}\n", escape(remark)));
    }
    for work in change::workloads(change) {
        let headers = change::COLUMNS.map(|(name, _)| name.to_owned());
        text.push('\n');
        text.push_str(&head(&escape(&work.name), headers.into_iter()));
        for cell in &work.cells {
            text.push_str(&row(
                &escape(&cell.label()),
                change::fields(cell).into_iter(),
            ));
        }
    }
    text
}

fn workload(work: &WorkloadComparison) -> String {
    let (name, rest) = phrases::title(work);
    let mut text = format!("\n## {}\n\n{rest}.", escape(&name));
    if let Some(scaling) = phrases::scaling(work) {
        text.push_str(&format!(" {}", escape(&scaling)));
    }
    text.push_str("\n\n");
    for (at, sentence) in work.verdict.sentences.iter().enumerate() {
        let sentence = escape(sentence);
        let bold = if at == 0 { "**" } else { "" };
        text.push_str(&format!("{bold}{sentence}{bold}\n"));
    }
    text.push('\n');
    text.push_str(&full(work));
    text.push('\n');
    text.push_str(&lecture_table(work));
    text.push('\n');
    for line in phrases::fits(work) {
        text.push_str(&format!("- {}\n", escape(&line)));
    }
    for warning in &work.warnings {
        text.push_str(&format!("- ⚠ {}\n", escape(&warning.message)));
    }
    text
}

fn full(work: &WorkloadComparison) -> String {
    let header = COLUMNS.iter().map(|column| column.header.to_owned());
    let mut text = head("worker", header);
    for cell in cells(work) {
        let bold = if is_winner(work, cell) { "**" } else { "" };
        let label = format!("{bold}{}{bold}", escape(&cell.label()));
        text.push_str(&row(
            &label,
            fields(cell).map(|field| match field.as_str() {
                "" => field,
                _ => format!("{bold}{field}{bold}"),
            }),
        ));
    }
    text
}

/// The figures of a row, or why there are none.
fn fields(cell: &Cell) -> impl Iterator<Item = String> {
    COLUMNS
        .iter()
        .enumerate()
        .map(|(at, column)| match &cell.summary {
            None if at == 0 => if cell.skipped.is_some() {
                "skipped"
            } else {
                "no runs"
            }
            .to_owned(),
            _ => column.value(cell),
        })
}

fn lecture_table(work: &WorkloadComparison) -> String {
    let unit = lecture::Unit::of(work);
    let (counts, rows) = lecture::layout(work);
    let mut text = head(unit.title, counts.iter().map(usize::to_string));
    for line in rows {
        let figures = line.cells.iter().map(|cell| unit.wall(*cell));
        text.push_str(&row(&escape(&line.name), figures));
    }
    text
}

/// The header and the rule below it, figures aligned right.
fn head(corner: &str, figures: impl Iterator<Item = String>) -> String {
    let figures: Vec<String> = figures.collect();
    let rule = "---:|".repeat(figures.len());
    format!("{}|:---|{rule}\n", row(corner, figures.into_iter()))
}

fn row(name: &str, figures: impl Iterator<Item = String>) -> String {
    let figures: Vec<String> = figures.collect();
    format!(
        "| {name} | {} |
",
        figures.join(" | ")
    )
}

/// Text without a meaning in Markdown or HTML, on one line.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' => {
                escaped.extend(['\\', character]);
            }
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            _ if character.is_control() => escaped.push(' '),
            _ => escaped.push(character),
        }
    }
    escaped
}
