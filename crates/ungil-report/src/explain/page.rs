//! The explanation as a page: a row per line of the source, jumps as links.

use std::io::{self, Write};

use super::marks::{CAUTION, legend, marks};
use super::{Explanation, Instruction};
use crate::page::{Page, escape};

const STYLE: &str = include_str!("style.css");

/// Writes the whole document.
///
/// # Errors
/// Those of the writer.
pub fn explanation_page(explanation: &Explanation, out: &mut dyn Write) -> io::Result<()> {
    let title = format!("{}: byte code", explanation.name);
    let page = Page {
        title: &title,
        styles: &[STYLE],
        scripts: &[],
    };
    page.write(out, |out| body(explanation, out))
}

fn body(explanation: &Explanation, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<h1>{}</h1>\n<p class=\"quiet\">{}</p>\n<p class=\"verdict\">{}</p>",
        escape(&explanation.name),
        escape(&explanation.title()),
        escape(&explanation.state())
    )?;
    for note in &explanation.notes {
        writeln!(out, "<p class=\"warning\">{}</p>", escape(note))?;
    }
    if !explanation.header.is_empty() {
        definitions("Header of the file", &explanation.header, out)?;
    }
    table(explanation, out)?;
    if let Some(native) = &explanation.native {
        super::native::section(explanation, native, out)?;
    }
    if let Some(inside) = explanation.inside() {
        writeln!(out, "<p>{}</p>", escape(&inside))?;
    }
    definitions("What the marks mean", &legend(explanation), out)?;
    writeln!(out, "<p class=\"quiet\">{CAUTION}</p>")
}

fn definitions<Text: AsRef<str>>(
    title: &str,
    of: &[(Text, Text)],
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "<h2>{title}</h2>\n<dl class=\"legend\">")?;
    for (name, meaning) in of {
        writeln!(
            out,
            "<dt>{}</dt><dd>{}</dd>",
            escape(name.as_ref()),
            escape(meaning.as_ref())
        )?;
    }
    out.write_all(b"</dl>\n")
}

fn table(explanation: &Explanation, out: &mut dyn Write) -> io::Result<()> {
    let names = explanation.lines.iter().flat_map(|line| &line.instructions);
    let widest = names.map(|each| each.shown().len()).max().unwrap_or(0);
    write!(
        out,
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Source and byte code\">\n\
          <table class=\"explained\" style=\"--name:{}\"><caption>Source and byte code</caption>\n<thead><tr>\
          <th scope=\"col\" class=\"number\">Line</th><th scope=\"col\">Source</th>\
          <th scope=\"col\">Byte code</th></tr></thead>\n<tbody>\n",
        widest + 1
    )?;
    for line in &explanation.lines {
        let number = line
            .number
            .map_or_else(|| "none".to_owned(), |number| number.to_string());
        write!(
            out,
            "<tr><th scope=\"row\">{number}</th><td class=\"source\">{}</td><td><ol>",
            escape(line.source.as_deref().unwrap_or_default())
        )?;
        for instruction in &line.instructions {
            item(instruction, out)?;
        }
        out.write_all(b"</ol></td></tr>\n")?;
    }
    out.write_all(b"</tbody></table></div>\n")
}

fn item(instruction: &Instruction, out: &mut dyn Write) -> io::Result<()> {
    let (id, label) = instruction.label.map_or_else(
        || (String::new(), String::new()),
        |label| (format!(" id=\"L{label}\""), format!("L{label}")),
    );
    let class = |of: bool, name: &str| {
        if of {
            format!(" {name}")
        } else {
            String::new()
        }
    };
    let operand = escape(&instruction.operand());
    let operand = match instruction.target {
        Some(label) => format!("<a href=\"#L{label}\">{operand}</a>"),
        None => operand,
    };
    write!(
        out,
        "<li{id}><span>{label}</span><span class=\"offset\">{}</span><span class=\"marks{}\">{}</span>\
         <span class=\"name{}\" title=\"{}\">{}</span><span>{operand}</span></li>",
        instruction.offset,
        class(instruction.switches, "switches"),
        escape(&marks(instruction)),
        class(instruction.specialised.is_some(), "specialised"),
        escape(&instruction.name),
        escape(instruction.shown()),
    )
}
