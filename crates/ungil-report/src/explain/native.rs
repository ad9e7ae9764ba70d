//! What a native function was compiled to, line by line.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use super::Explanation;
use crate::page::escape;
use crate::terminal::paint::{Paint, clean};

/// Machine code of one list of argument types.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Native {
    /// Name and types.
    pub signature: String,
    /// Checks that are made in every round.
    pub checks_made: u32,
    /// Checks that are made once before a loop.
    pub checks_before_loops: u32,
    /// Checks that cannot fail.
    pub checks_proved: u32,
    /// Whether the GIL is released while it runs.
    pub releases_gil: bool,
    /// Lines, in order.
    pub lines: Vec<NativeLine>,
}

/// What became of a line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NativeLine {
    /// The line of the file.
    pub number: u32,
    /// What became of its checks, in sentences.
    pub checks: Vec<String>,
    /// What became of the loop that begins here, in sentences.
    pub loops: Vec<String>,
    /// LLVM's instructions, after its passes.
    pub ir: Vec<String>,
    /// The processor's instructions.
    pub machine: Vec<String>,
}

impl Native {
    fn summary(&self) -> String {
        format!(
            "Checks: {} made, {} before loops, {} proved away. It {} the GIL while it runs.",
            self.checks_made,
            self.checks_before_loops,
            self.checks_proved,
            if self.releases_gil {
                "releases"
            } else {
                "keeps"
            }
        )
    }
}

fn source(explanation: &Explanation, number: u32) -> &str {
    explanation
        .lines
        .iter()
        .find(|line| line.number == Some(number))
        .and_then(|line| line.source.as_deref())
        .unwrap_or_default()
}

/// As text, to stand below the byte code: machine code below each line, LLVM's beside it where there is room.
pub(super) fn text(
    explanation: &Explanation,
    native: &Native,
    width: usize,
    paint: &Paint,
) -> String {
    let mut text = format!(
        "{}\n{}\n\n",
        paint.bold(&clean(&format!("Native code: {}", native.signature))),
        paint.dim(&native.summary())
    );
    let digits = native
        .lines
        .last()
        .map_or(1, |line| line.number.to_string().len());
    let left = native.lines.iter().flat_map(|line| &line.machine);
    let left = left
        .map(|each| each.chars().count())
        .max()
        .unwrap_or(0)
        .min(48);
    for line in &native.lines {
        let number = paint.dim(&format!("{:>digits$}", line.number));
        let head = clean(source(explanation, line.number));
        text.push_str(format!("{number}  {}", paint.bold(&head)).trim_end());
        text.push('\n');
        for sentence in line.loops.iter().chain(&line.checks) {
            text.push_str(&format!("{:digits$}  - {}\n", "", clean(sentence)));
        }
        let beside = width > digits + left + 40;
        for at in 0..line.machine.len().max(line.ir.len()) {
            let part = |of: &[String], columns: usize| {
                let text = clean(of.get(at).map_or("", String::as_str));
                text.chars().take(columns).collect::<String>()
            };
            let machine = part(&line.machine, left);
            if beside {
                let ir = part(&line.ir, width - digits - left - 7);
                let row = format!("{:digits$}    {machine:<left$} {} {ir}", "", paint.dim("│"));
                text.push_str(row.trim_end());
                text.push('\n');
            } else if !machine.is_empty() {
                text.push_str(&format!("{:digits$}    {machine}\n", ""));
            }
        }
    }
    text.push('\n');
    text
}

/// As a part of the page.
pub(super) fn section(
    explanation: &Explanation,
    native: &Native,
    out: &mut dyn Write,
) -> io::Result<()> {
    write!(
        out,
        "<h2>Native code</h2>\n<p>{}</p>\n<p class=\"verdict\">{}</p>\n\
         <div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Source and native code\">\n\
         <table class=\"explained native\"><caption>Source and native code</caption>\n<thead><tr>\
         <th scope=\"col\" class=\"number\">Line</th><th scope=\"col\">Source</th>\
         <th scope=\"col\">Machine code</th><th scope=\"col\">LLVM IR</th></tr></thead>\n<tbody>\n",
        escape(&native.signature),
        escape(&native.summary())
    )?;
    for line in &native.lines {
        write!(
            out,
            "<tr><th scope=\"row\">{}</th><td class=\"source\">{}",
            line.number,
            escape(source(explanation, line.number))
        )?;
        let sentences: Vec<&String> = line.loops.iter().chain(&line.checks).collect();
        if !sentences.is_empty() {
            out.write_all(b"<ul>")?;
            for sentence in sentences {
                write!(out, "<li>{}</li>", escape(sentence))?;
            }
            out.write_all(b"</ul>")?;
        }
        writeln!(
            out,
            "</td><td><pre>{}</pre></td><td><pre>{}</pre></td></tr>",
            escape(&line.machine.join("\n")),
            escape(&line.ir.join("\n"))
        )?;
    }
    out.write_all(b"</tbody></table></div>\n")
}
