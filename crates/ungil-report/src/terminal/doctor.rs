//! What a machine and its Python can do: a line per finding, what to do below it.

use ungil_measure::doctor::{Diagnosis, Finding, Status, Topic};

use super::paint::{Paint, clean};
use super::{NARROWEST, PROSE, TerminalOptions, lines};

/// Columns before the names, and before what is said.
const MARK: usize = 10;
const SAID: usize = MARK + 17;

/// The diagnosis as text for a terminal, with a final newline.
pub fn doctor(diagnosis: &Diagnosis, options: &TerminalOptions) -> String {
    let page = Page {
        width: options.width.clamp(NARROWEST, PROSE),
        paint: Paint::new(options.color),
    };
    let mut text = String::new();
    for (topic, title) in [
        (Topic::Machine, "Machine"),
        (Topic::Python, "Python"),
        (Topic::Packages, "Optional packages"),
    ] {
        text.push_str(&page.paint.bold(title));
        text.push('\n');
        let of_topic = diagnosis.findings.iter().filter(|of| of.topic == topic);
        of_topic.for_each(|finding| text.push_str(&page.finding(finding)));
        text.push('\n');
    }
    text + &page.conclusion(diagnosis)
}

struct Page {
    width: usize,
    paint: Paint,
}

impl Page {
    fn finding(&self, finding: &Finding) -> String {
        let mark = word(finding.status);
        let head = format!("  {mark:<8}{:<17}", finding.name);
        // Where it is narrow, what is said hangs below the name.
        let hang = if self.width < 60 { 4 } else { SAID };
        let mut text = self.wrapped(&format!("{head}{}", finding.text), hang, |line| match line
            .strip_prefix(&head[..MARK])
        {
            Some(rest) => format!("{}{rest}", self.mark(finding.status, &head[..MARK])),
            None => line.to_owned(),
        });
        if let Some(remedy) = &finding.remedy {
            let indented = format!("{:hang$}{remedy}", "");
            text.push_str(&self.wrapped(&indented, hang, |line| self.paint.dim(line)));
        }
        text
    }

    fn mark(&self, status: Status, text: &str) -> String {
        match status {
            Status::Ok => self.paint.winner(text),
            Status::Note => self.paint.warning(text),
            Status::Missing => self.paint.dim(text),
            Status::Broken => self.paint.failure(text),
        }
    }

    fn wrapped(&self, text: &str, hang: usize, paint: impl Fn(&str) -> String) -> String {
        let indent = " ".repeat(hang);
        let options = textwrap::Options::new(self.width).subsequent_indent(&indent);
        lines(&clean(text), &options, paint)
    }

    fn conclusion(&self, diagnosis: &Diagnosis) -> String {
        let broken: Vec<&str> = diagnosis
            .findings
            .iter()
            .filter(|finding| finding.status == Status::Broken)
            .map(|finding| finding.name)
            .collect();
        if broken.is_empty() {
            let text = "Everything that ungil needs works here.";
            return self.wrapped(text, 0, |line| self.paint.winner(line));
        }
        let text = format!("ungil cannot do its work here: {}.", broken.join(", "));
        self.wrapped(&text, 0, |line| self.paint.failure(line))
    }
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Ok => "ok",
        Status::Note => "note",
        Status::Missing => "missing",
        Status::Broken => "BROKEN",
    }
}
