//! A function's text, parsed, with the way back from a place in it to file and line.

use ruff_python_ast::{Stmt, StmtFunctionDef};
use ruff_text_size::{Ranged, TextRange};

use crate::diagnostic::Diagnostic;

/// A method's text is indented: under this line it is a module of its own.
const ROOF: &str = "if 1:\n";

/// The text of one function definition and where it comes from.
#[derive(Debug)]
pub struct Source {
    /// Name of the file, for messages.
    pub file: String,
    /// The text that was parsed.
    pub text: String,
    /// The line of the file (from 1) that the text's first line is; may be 0 or less under a roof.
    first_line: i64,
    function: StmtFunctionDef,
}

/// A place in a file: lines from 1, columns from 0 in bytes of UTF-8, as Python's code objects have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// First line.
    pub line: u32,
    /// Column of the first character.
    pub column: u32,
    /// Last line.
    pub end_line: u32,
    /// Column after the last character.
    pub end_column: u32,
}

impl Source {
    /// Parses the text of a function definition (with its decorators) that begins at `first_line`.
    pub fn parse(file: &str, first_line: u32, text: &str) -> Result<Self, Box<Diagnostic>> {
        let indented = text.starts_with([' ', '\t']);
        let (text, first_line) = if indented {
            (format!("{ROOF}{text}"), i64::from(first_line) - 1)
        } else {
            (text.to_owned(), i64::from(first_line))
        };
        let parsed = match ruff_python_parser::parse_module(&text) {
            Ok(parsed) => parsed,
            Err(error) => {
                return Err(Box::new(
                    Diagnostic::new(error.location, "this cannot be parsed")
                        .label(error.error.to_string())
                        .help("decorate a whole function definition, written in a file"),
                ));
            }
        };
        let mut body = parsed.into_syntax().body.into_iter();
        let mut first = body.next();
        if let Some(Stmt::If(roof)) = &mut first
            && indented
        {
            first = std::mem::take(&mut roof.body).into_iter().next();
        }
        let Some(Stmt::FunctionDef(function)) = first else {
            let range = first.map_or(TextRange::default(), |stmt| stmt.range());
            return Err(Box::new(
                Diagnostic::new(range, "this is not a function definition")
                    .label("expected `def`")
                    .help("lambdas have no body of statements: write `def name(...): ...`"),
            ));
        };
        Ok(Self {
            file: file.to_owned(),
            text,
            first_line,
            function,
        })
    }

    /// The parsed definition.
    pub fn function(&self) -> &StmtFunctionDef {
        &self.function
    }

    /// The parameters' names in the order of the call.
    pub fn parameter_names(&self) -> Vec<String> {
        let parameters = &self.function.parameters;
        parameters
            .iter_non_variadic_params()
            .map(|parameter| parameter.parameter.name.to_string())
            .collect()
    }

    /// Where a range of the text is in the file.
    pub fn place(&self, range: TextRange) -> Place {
        let (line, column) = self.line_and_column(range.start().to_usize());
        let (end_line, end_column) = self.line_and_column(range.end().to_usize());
        Place {
            line,
            column,
            end_line,
            end_column,
        }
    }

    /// The line number of the text's first line, for printing it.
    pub fn first_line(&self) -> i64 {
        self.first_line
    }

    fn line_and_column(&self, offset: usize) -> (u32, u32) {
        let before = &self.text.as_bytes()[..offset.min(self.text.len())];
        let lines = before.split(|&byte| byte == b'\n').count() - 1;
        let start = before
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |at| at + 1);
        let line = self.first_line + i64::try_from(lines).unwrap_or(0);
        (
            u32::try_from(line).unwrap_or(0),
            (before.len() - start) as u32,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_where_the_file_has_it() {
        let source = Source::parse("f.py", 10, "def f(x):\n    return x + 1\n").unwrap();
        let range = source.function().body[0].range();
        let place = source.place(range);
        assert_eq!((place.line, place.column, place.end_column), (11, 4, 16));
    }

    #[test]
    fn an_indented_function_keeps_its_columns_and_lines() {
        let source = Source::parse("f.py", 10, "    def f(x):\n        return x\n").unwrap();
        let place = source.place(source.function().body[0].range());
        assert_eq!((place.line, place.column), (11, 8));
    }

    #[test]
    fn what_is_no_function_is_refused() {
        assert!(Source::parse("f.py", 1, "f = lambda x: x\n").is_err());
        assert!(Source::parse("f.py", 1, "def f(:\n").is_err());
    }
}
