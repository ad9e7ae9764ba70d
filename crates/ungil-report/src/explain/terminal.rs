//! Source on the left, byte code on the right; below each other where there is no room for both.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::marks::{CAUTION, WIDTH as MARKS, legend, marks};
use super::{Explanation, Instruction, Line};
use crate::terminal::paint::{Paint, clean};
use crate::terminal::{NARROWEST, PROSE, TerminalOptions, lines as wrapped};

/// The source gets at least so many columns, or the code goes below it.
const SOURCE: usize = 28;
/// Longest argument, columns.
const ARGUMENT: usize = 32;
/// Columns before the name of an instruction: label, offset, marks, blanks.
const BEFORE: usize = 4 + 1 + 5 + 1 + MARKS + 1;

/// The explanation as text for a terminal, with a final newline.
pub fn explanation(explanation: &Explanation, options: &TerminalOptions) -> String {
    let width = options.width.max(NARROWEST);
    let page = Page::of(explanation, width, Paint::new(options.color));
    let mut text = page.prose(&explanation.title(), |line| page.paint.bold(line));
    text.push_str(&page.prose(&explanation.state(), |line| page.paint.dim(line)));
    for (field, meaning) in &explanation.header {
        text.push_str(&page.prose(&format!("  {field:<15}{meaning}"), str::to_owned));
    }
    for note in &explanation.notes {
        text.push_str(&page.prose(&format!("Note: {note}"), |line| page.paint.warning(line)));
    }
    text.push('\n');
    for line in &explanation.lines {
        text.push_str(&page.line(line));
    }
    text.push('\n');
    if let Some(native) = &explanation.native {
        text.push_str(&super::native::text(
            explanation,
            native,
            width,
            &page.paint,
        ));
    }
    if let Some(inside) = explanation.inside() {
        text.push_str(&page.prose(&inside, str::to_owned));
    }
    for (mark, meaning) in legend(explanation) {
        text.push_str(&page.prose(&format!("  {mark:<4}{meaning}"), |line| {
            page.paint.dim(line)
        }));
    }
    text + &page.prose(CAUTION, |line| page.paint.dim(line))
}

struct Page {
    width: usize,
    paint: Paint,
    /// Columns of the numbers of lines.
    number: usize,
    /// Columns of the names of instructions.
    name: usize,
    /// Columns of the source beside the code; `None`: it stands above.
    beside: Option<usize>,
}

impl Page {
    fn of(explanation: &Explanation, width: usize, paint: Paint) -> Self {
        let all = || explanation.lines.iter().flat_map(|line| &line.instructions);
        let widest =
            |columns: &dyn Fn(&Instruction) -> usize| all().map(columns).max().unwrap_or(0);
        let name = widest(&|each| each.shown().width());
        let argument = widest(&|each| clean(&each.operand()).width()).min(ARGUMENT);
        let source = explanation
            .lines
            .iter()
            .filter_map(|line| line.source.as_ref());
        let source = source.map(|text| clean(text).width()).max().unwrap_or(0);
        let last = explanation
            .lines
            .iter()
            .filter_map(|line| line.number)
            .max();
        let number = last.unwrap_or(0).to_string().len();
        let room = width.saturating_sub(number + 5 + BEFORE + name + 1 + argument);
        Self {
            width,
            paint,
            number,
            name,
            beside: (room >= SOURCE.min(source)).then(|| source.min(room)),
        }
    }

    fn line(&self, line: &Line) -> String {
        let number = line
            .number
            .map_or_else(|| "-".to_owned(), |number| number.to_string());
        let number = self.paint.dim(&format!("{number:>0$}", self.number));
        let source = clean(line.source.as_deref().unwrap_or_default());
        let Some(columns) = self.beside else {
            let source = cut(&source, self.width.saturating_sub(self.number + 2));
            let mut text = format!("{number}  {}", self.paint.bold(&source));
            text.truncate(text.trim_end().len());
            text.push('\n');
            for instruction in &line.instructions {
                text.push_str(&self.instruction(instruction, self.width));
                text.push('\n');
            }
            return text;
        };
        let mut text = String::new();
        let mut left = format!("{number}  {}", pad(&cut(&source, columns), columns));
        let right = self.width - (self.number + 2 + columns + 3);
        let bar = self.paint.dim("│");
        if line.instructions.is_empty() {
            text.push_str(&format!("{left} {bar}\n"));
        }
        for instruction in &line.instructions {
            text.push_str(&format!(
                "{left} {bar} {}\n",
                self.instruction(instruction, right)
            ));
            left = " ".repeat(self.number + 2 + columns);
        }
        text
    }

    fn instruction(&self, instruction: &Instruction, columns: usize) -> String {
        let label = instruction
            .label
            .map_or_else(String::new, |label| format!("L{label}"));
        let head = format!("{label:<4} {:>5} ", instruction.offset);
        let marks = marks(instruction);
        let name = cut(instruction.shown(), columns.saturating_sub(BEFORE));
        let room = columns.saturating_sub(BEFORE + self.name + 1);
        let operand = cut(&clean(&instruction.operand()), room.min(ARGUMENT));
        let fill = " ".repeat((self.name + 1).saturating_sub(name.width()));
        let name = if instruction.specialised.is_some() {
            self.paint.winner(&name)
        } else {
            name
        };
        let marks = if instruction.switches {
            self.paint.warning(&marks)
        } else {
            marks
        };
        let text = if operand.is_empty() {
            format!("{head}{marks} {name}")
        } else {
            format!("{head}{marks} {name}{fill}{operand}")
        };
        text.trim_end().to_owned()
    }

    fn prose(&self, text: &str, paint: impl Fn(&str) -> String) -> String {
        let options = textwrap::Options::new(self.width.min(PROSE)).subsequent_indent("  ");
        wrapped(&clean(text), &options, paint)
    }
}

/// What fits, with a sign that more was there.
fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 1;
    for character in text.chars() {
        used += character.width().unwrap_or(0);
        if used > columns {
            break;
        }
        kept.push(character);
    }
    if columns > 0 {
        kept.push('…');
    }
    kept
}

fn pad(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(text.width())))
}
