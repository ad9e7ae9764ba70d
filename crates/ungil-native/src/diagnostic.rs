//! Why a function is not in the language, laid out as rustc does: the place underlined, the reason,
//! what to write instead.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use ruff_text_size::TextRange;

use crate::source::Source;

/// One refusal.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    /// What is underlined.
    pub range: TextRange,
    /// What is wrong, as a sentence without its full stop.
    pub title: String,
    /// What is written under the underlined piece.
    pub label: String,
    /// Other places that matter, each with its words.
    pub context: Vec<(TextRange, String)>,
    /// Why, where the title does not say it.
    pub note: Option<String>,
    /// What to write instead.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A refusal of what is at `range`.
    pub fn new(range: TextRange, title: impl Into<String>) -> Self {
        Self {
            range,
            title: title.into(),
            label: String::new(),
            context: Vec::new(),
            note: None,
            help: None,
        }
    }

    /// Adds the words under the underlined piece.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Adds another place.
    #[must_use]
    pub fn context(mut self, range: TextRange, label: impl Into<String>) -> Self {
        self.context.push((range, label.into()));
        self
    }

    /// Adds the reason.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// Adds what to write instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The refusal as text, without colours.
    pub fn render(&self, source: &Source) -> String {
        self.render_parts(&source.file, source.first_line(), &source.text)
    }

    /// The refusal of a text that did not become a [`Source`].
    pub fn render_text(&self, file: &str, first_line: u32, text: &str) -> String {
        self.render_parts(file, i64::from(first_line), text)
    }

    fn render_parts(&self, file: &str, first_line: i64, text: &str) -> String {
        // A first line that is not in the file (a method's roof) is left out, and ranges move along.
        let cut = match text.find('\n') {
            Some(end) if text.starts_with("if 1:\n") => end + 1,
            _ => 0,
        };
        let first_line = if cut > 0 { first_line + 1 } else { first_line };
        let shown = &text[cut..];
        let span = |range: TextRange| {
            // A lexer's error may lie within a character.
            let clamp = |offset: usize| offset.saturating_sub(cut).min(shown.len());
            let start = shown.floor_char_boundary(clamp(range.start().to_usize()));
            start..shown.ceil_char_boundary(clamp(range.end().to_usize()))
        };
        let mut snippet = Snippet::source(shown)
            .line_start(usize::try_from(first_line).unwrap_or(1))
            .path(file)
            .annotation(
                AnnotationKind::Primary
                    .span(span(self.range))
                    .label(self.label.as_str()),
            );
        for (range, label) in &self.context {
            snippet = snippet.annotation(
                AnnotationKind::Context
                    .span(span(*range))
                    .label(label.as_str()),
            );
        }
        let mut group =
            Group::with_title(Level::ERROR.primary_title(self.title.as_str())).element(snippet);
        if let Some(note) = &self.note {
            group = group.element(Level::NOTE.message(note.as_str()));
        }
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        Renderer::plain().render(&[group])
    }
}
