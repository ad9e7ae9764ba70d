//! Colour, and text that is safe to show.

use anstyle::{AnsiColor, Style};

use super::ColorChoice;

/// Paints lines, or leaves them as they are.
pub(crate) struct Paint {
    color: ColorChoice,
}

impl Paint {
    pub(crate) fn new(color: ColorChoice) -> Self {
        Self { color }
    }

    pub(crate) fn bold(&self, text: &str) -> String {
        self.with(Style::new().bold(), text)
    }

    pub(crate) fn dim(&self, text: &str) -> String {
        self.with(Style::new().dimmed(), text)
    }

    pub(crate) fn winner(&self, text: &str) -> String {
        self.with(AnsiColor::Green.on_default().bold(), text)
    }

    pub(crate) fn warning(&self, text: &str) -> String {
        self.with(AnsiColor::Yellow.on_default(), text)
    }

    pub(crate) fn failure(&self, text: &str) -> String {
        self.with(AnsiColor::Red.on_default().bold(), text)
    }

    fn with(&self, style: Style, text: &str) -> String {
        match self.color {
            ColorChoice::Always if !text.is_empty() => {
                format!("{}{text}{}", style.render(), style.render_reset())
            }
            _ => text.to_owned(),
        }
    }
}

/// Text with control characters replaced: a workload's name or a user's message must not move the
/// cursor or recolour the terminal.
pub(crate) fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

/// A blank that lines are not broken at.
const GLUE: &str = "\u{a0}";

/// Glues figures to their units, so that a line never ends between them.
pub(crate) fn glue(text: &str) -> String {
    const UNITS: &[&str] = &["s", "ms", "µs", "ns", "B", "kB", "MB", "GB", "%"];
    let mut glued = String::with_capacity(text.len());
    for (at, word) in text.split(' ').enumerate() {
        let is_unit =
            UNITS.contains(&word.trim_end_matches(|c: char| !c.is_alphabetic() && c != '%'));
        let after_figure = glued.ends_with(|c: char| c.is_ascii_digit());
        if at > 0 {
            glued.push_str(if is_unit && after_figure { GLUE } else { " " });
        }
        glued.push_str(word);
    }
    glued
}

/// Plain blanks again.
pub(crate) fn unglue(line: &str) -> String {
    line.replace(GLUE, " ")
}
