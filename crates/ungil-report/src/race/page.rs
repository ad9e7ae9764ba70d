//! The page: the sentence, then the run; it needs no script.

use std::io::{self, Write};

use super::{RaceFinding, RaceStep};
use crate::page::{Page, escape};

const STYLE: &str = include_str!("style.css");

/// Writes the whole document.
///
/// # Errors
/// Those of the writer.
pub fn race_page(finding: &RaceFinding, out: &mut dyn Write) -> io::Result<()> {
    let title = format!("ungil race: {}", finding.kind);
    let page = Page {
        title: &title,
        styles: &[STYLE],
        scripts: &[],
    };
    page.write(out, |out| body(finding, out))
}

fn body(finding: &RaceFinding, out: &mut dyn Write) -> io::Result<()> {
    let mut kind = finding.kind.clone();
    if let Some(first) = kind.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let model = finding.model.as_ref().map_or_else(String::new, |model| {
        format!("Find it again: <code>ungil race {}</code>. ", escape(model))
    });
    writeln!(
        out,
        "<h1>{}</h1>\n<p class=\"quiet\">{model}Python {}.</p>\n<p class=\"verdict\">{}</p>",
        escape(&kind),
        escape(&finding.python),
        escape(&finding.sentence)
    )?;
    if !finding.steps.is_empty() {
        run(finding, out)?;
    }
    if finding.waiting.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h2>Waiting for ever</h2>\n<ul class=\"waiting\">")?;
    for step in &finding.waiting {
        let place = if step.file.is_empty() {
            String::new()
        } else {
            format!(
                " at {}: <code>{}</code>",
                escape(&step.place()),
                escape(&step.source)
            )
        };
        writeln!(
            out,
            "<li><b>{}</b> {}{place}</li>",
            escape(finding.thread(step.thread)),
            escape(&step.operation())
        )?;
    }
    writeln!(out, "</ul>")
}

fn run(finding: &RaceFinding, out: &mut dyn Write) -> io::Result<()> {
    let columns = finding.columns();
    let switches = finding.switches();
    let caption = format!(
        "The run, from top to bottom, with {switches} {}",
        if switches == 1 { "switch" } else { "switches" }
    );
    write!(
        out,
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"The run\">\n\
         <table class=\"run\"><caption>{caption}</caption>\n<thead><tr>"
    )?;
    for thread in &columns {
        write!(
            out,
            "<th scope=\"col\">{}</th>",
            escape(finding.thread(*thread))
        )?;
    }
    out.write_all(b"</tr></thead>\n<tbody>\n")?;
    let mut previous: Option<&RaceStep> = None;
    for beside in finding.steps.chunk_by(RaceStep::is_beside) {
        let step = &beside[0];
        if previous.is_some_and(|previous| previous.thread != step.thread) {
            writeln!(
                out,
                "<tr class=\"switch\"><td colspan=\"{}\">switch to {}</td></tr>",
                columns.len(),
                escape(finding.thread(step.thread))
            )?;
        }
        out.write_all(b"<tr>")?;
        for thread in &columns {
            if *thread == step.thread {
                cell(beside, out)?;
            } else {
                out.write_all(b"<td></td>")?;
            }
        }
        out.write_all(b"</tr>\n")?;
        previous = Some(step);
    }
    out.write_all(b"</tbody></table></div>\n")
}

/// A line of the source, and what it does.
fn cell(beside: &[RaceStep], out: &mut dyn Write) -> io::Result<()> {
    let step = &beside[0];
    out.write_all(b"<td>")?;
    if !step.file.is_empty() {
        write!(
            out,
            "<span class=\"place\" title=\"{}\">{}</span><code class=\"source\">{}</code>",
            escape(&step.file),
            escape(&step.place()),
            escape(&step.source)
        )?;
    }
    out.write_all(b"<ul>")?;
    for same in beside.chunk_by(|one, other| one.operation() == other.operation()) {
        let class = if same[0].changes() {
            " class=\"changes\""
        } else {
            ""
        };
        write!(out, "<li{class}>{}", escape(&same[0].operation()))?;
        if same.len() > 1 {
            write!(out, " ({} times)", same.len())?;
        }
        out.write_all(b"</li>")?;
    }
    out.write_all(b"</ul></td>")
}
