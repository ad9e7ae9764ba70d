//! What differs from an earlier comparison.

use std::io::{self, Write};

use ungil_measure::change::{Change, Direction};

use crate::change::{COLUMNS, fields, headline, orders, workloads};
use crate::page::{Cell, Table, escape};

pub(super) fn write(change: &Change, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<section id=\"change\">\n<h2>Change</h2>\n<p><b>{}</b></p>",
        escape(&headline(change))
    )?;
    for remark in &change.remarks {
        writeln!(out, "<p class=\"warning\">{}</p>", escape(remark))?;
    }
    let mut columns = vec![("worker", "")];
    columns.extend(COLUMNS.map(|(name, meaning)| {
        let name = if name.is_empty() { "result" } else { name };
        (name, meaning)
    }));
    for work in workloads(change) {
        let caption = format!("Change of {}", work.name);
        let table = Table {
            caption: &caption,
            columns: &columns,
            figures_from: 1,
        };
        table.write(
            out,
            work.cells.iter().map(|cell| {
                let class = match cell.direction {
                    Direction::Slower => " class=\"slower\"",
                    Direction::Faster => " class=\"faster\"",
                    Direction::Unclear | Direction::TooFewRuns => "",
                };
                let mut row = vec![Cell::text(&cell.label())];
                let figures = fields(cell).into_iter().zip(orders(cell));
                row.extend(figures.map(|(text, order)| Cell::number(&text, order)));
                (class.to_owned(), row)
            }),
        )?;
    }
    out.write_all(b"</section>\n")
}
