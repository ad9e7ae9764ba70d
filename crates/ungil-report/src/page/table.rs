//! Tables: a caption, a header per column, rows that a script may sort by any column.

use std::io::{self, Write};

use super::escape;

/// One cell.
pub(crate) struct Cell {
    html: String,
    /// What the column is sorted by; `None` for text, which is sorted as it reads.
    value: Option<f64>,
    /// Of the row, a bar behind the figure.
    share: Option<f64>,
    /// What kind of bar: a class of the style sheet.
    class: &'static str,
}

impl Cell {
    /// Words.
    pub(crate) fn text(text: &str) -> Self {
        Self::html(escape(text))
    }

    /// Words that are escaped already, with markup in them.
    pub(crate) fn html(html: String) -> Self {
        Self {
            html,
            value: None,
            share: None,
            class: "",
        }
    }

    /// A figure, as it is written and as it is.
    pub(crate) fn number(text: &str, value: f64) -> Self {
        Self {
            value: Some(value),
            ..Self::text(text)
        }
    }

    /// No figure; sorted below all others, which are not negative.
    pub(crate) fn none() -> Self {
        Self::number("", -1.0)
    }

    /// A share of 1, with a bar of a class of the style sheet.
    pub(crate) fn share(text: &str, share: f64, class: &'static str) -> Self {
        Self {
            share: Some(share.clamp(0.0, 1.0)),
            class,
            ..Self::number(text, share)
        }
    }

    fn write(&self, out: &mut dyn Write, heads_row: bool) -> io::Result<()> {
        if heads_row {
            return write!(out, "<th scope=\"row\">{}</th>", self.html);
        }
        let Some(value) = self.value else {
            return write!(out, "<td>{}</td>", self.html);
        };
        match self.share {
            Some(share) => write!(
                out,
                "<td class=\"number bar {}\" data-value=\"{value}\" style=\"--share:{:.2}%\">{}</td>",
                self.class,
                share * 100.0,
                self.html
            ),
            None => write!(
                out,
                "<td class=\"number\" data-value=\"{value}\">{}</td>",
                self.html
            ),
        }
    }
}

/// A table; the first column heads its rows.
pub(crate) struct Table<'a> {
    /// What is in it, plain text.
    pub(crate) caption: &'a str,
    /// A word per column, with what it means (or nothing); plain text.
    pub(crate) columns: &'a [(&'a str, &'a str)],
    /// Columns from here on are figures.
    pub(crate) figures_from: usize,
}

impl Table<'_> {
    /// Writes it, with rows of as many cells as there are columns and an attribute per row.
    ///
    /// # Errors
    /// Those of the writer.
    pub(crate) fn write(
        &self,
        out: &mut dyn Write,
        rows: impl Iterator<Item = (String, Vec<Cell>)>,
    ) -> io::Result<()> {
        writeln!(
            out,
            "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{0}\">\n\
             <table class=\"sortable\"><caption>{0}</caption>\n<thead><tr>",
            escape(self.caption)
        )?;
        for (at, (name, meaning)) in self.columns.iter().enumerate() {
            let class = if at >= self.figures_from {
                " class=\"number\""
            } else {
                ""
            };
            let title = if meaning.is_empty() {
                String::new()
            } else {
                format!(" title=\"{}\"", escape(meaning))
            };
            write!(out, "<th scope=\"col\"{class}{title}>{}</th>", escape(name))?;
        }
        out.write_all(b"</tr></thead>\n<tbody>\n")?;
        for (attributes, cells) in rows {
            write!(out, "<tr{attributes}>")?;
            for (at, cell) in cells.iter().enumerate() {
                cell.write(out, at == 0)?;
            }
            out.write_all(b"</tr>\n")?;
        }
        out.write_all(b"</tbody></table></div>\n")
    }
}
