//! One workload: pictures, the table of figures, the lecture's table, fits and warnings.

use std::io::{self, Write};

use ungil_measure::comparison::WorkloadComparison;

use crate::chart::{Chart, charts};
use crate::columns::{COLUMNS, Column, cells, is_winner};
use crate::page::{Cell, Table, escape};
use crate::{lecture, phrases};

/// Writes it, up to the end of its section, which the caller closes.
pub(super) fn write(
    work: &WorkloadComparison,
    at: usize,
    usable_cpus: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (name, rest) = phrases::title(work);
    writeln!(
        out,
        "<section id=\"work-{at}\" aria-labelledby=\"work-{at}-name\">\n<h2 id=\"work-{at}-name\">{} <small>{rest}</small></h2>",
        escape(&name)
    )?;
    if let Some(scaling) = phrases::scaling(work) {
        writeln!(out, "<p class=\"quiet\">{}</p>", escape(&scaling))?;
    }
    for warning in &work.warnings {
        writeln!(out, "<p class=\"warning\">{}</p>", escape(&warning.message))?;
    }
    out.write_all(b"<div class=\"charts\">\n")?;
    for chart in charts(work, usable_cpus) {
        figure(&chart, at, out)?;
    }
    out.write_all(b"</div>\n")?;
    figures(work, out)?;
    lecture_table(work, out)?;
    out.write_all(b"<ul class=\"quiet\">\n")?;
    for line in phrases::fits(work) {
        writeln!(out, "<li>{}</li>", escape(&line))?;
    }
    out.write_all(b"</ul>\n")
}

fn figure(chart: &Chart, work: usize, out: &mut dyn Write) -> io::Result<()> {
    let id = format!("{}-{work}", chart.name);
    writeln!(
        out,
        "<figure class=\"chart\" id=\"{id}\">\n<h3 id=\"{id}-title\">{}</h3>\n\
         <svg viewBox=\"0 0 {} {}\" role=\"img\" aria-labelledby=\"{id}-title {id}-words\">\n\
         <desc id=\"{id}-words\">{}</desc>\n{}</svg>\n<figcaption>{}</figcaption>\n</figure>",
        escape(&chart.title),
        chart.width,
        chart.height,
        escape(&chart.words),
        chart.elements,
        escape(&chart.caption)
    )
}

fn figures(work: &WorkloadComparison, out: &mut dyn Write) -> io::Result<()> {
    let filled: Vec<&Column> = COLUMNS
        .iter()
        .filter(|column| cells(work).any(|cell| !column.value(cell).is_empty()))
        .collect();
    let mut columns = vec![("worker", "")];
    columns.extend(filled.iter().map(|column| (column.header, column.meaning)));
    let caption = format!("All figures of {}", work.name);
    let table = Table {
        caption: &caption,
        columns: &columns,
        figures_from: 1,
    };
    table.write(
        out,
        cells(work).map(|cell| {
            let class = if is_winner(work, cell) {
                " class=\"winner\""
            } else {
                ""
            };
            let mut row = vec![Cell::text(&cell.label())];
            row.extend(filled.iter().map(|column| {
                column.order(cell).map_or_else(
                    || match column.value(cell) {
                        text if text.is_empty() => Cell::none(),
                        text => Cell::number(&text, -1.0),
                    },
                    |order| Cell::number(&column.value(cell), order),
                )
            }));
            (class.to_owned(), row)
        }),
    )
}

fn lecture_table(work: &WorkloadComparison, out: &mut dyn Write) -> io::Result<()> {
    let unit = lecture::Unit::of(work);
    let (counts, rows) = lecture::layout(work);
    let counts: Vec<String> = counts.iter().map(usize::to_string).collect();
    let mut columns = vec![(unit.title, "a row per kind, a column per worker count")];
    columns.extend(counts.iter().map(|count| (count.as_str(), "workers")));
    let caption = format!("{} of {} over the number of workers", unit.title, work.name);
    let table = Table {
        caption: &caption,
        columns: &columns,
        figures_from: 1,
    };
    table.write(
        out,
        rows.into_iter().map(|row| {
            let mut line = vec![Cell::text(&row.name)];
            line.extend(row.cells.iter().map(|cell| {
                let summary = cell.and_then(|cell| cell.summary.as_ref());
                summary.map_or_else(Cell::none, |summary| {
                    Cell::number(&unit.wall(*cell), summary.wall_s.median)
                })
            }));
            (String::new(), line)
        }),
    )
}
