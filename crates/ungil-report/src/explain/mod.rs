//! A function's source beside its byte code: for a terminal, as JSON, as a page.
//!
//! ```text
//!  Explanation (what the interpreter found)  -> terminal   side by side, or stacked where it is narrow
//!                                            -> json
//!                                            -> page       on the frame of all pages, without a script
//!  native   machine code of native functions, below the byte code
//!  marks    what the letters before an instruction mean
//! ```

mod json;
mod marks;
mod native;
mod page;
mod terminal;

use serde::{Deserialize, Serialize};

pub use json::explanation_json;
pub use native::{Native, NativeLine};
pub use page::explanation_page;
pub use terminal::explanation;

/// Code, line by line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// Of the function, class or module.
    pub name: String,
    /// Where its source was.
    pub file: String,
    /// The version of Python that the byte code is of.
    pub python: String,
    /// How often it was called before its instructions were looked at; `None`: not at all.
    pub hot: Option<u64>,
    /// Of a `.pyc` file: what its header says, field by field.
    #[serde(default)]
    pub header: Vec<(String, String)>,
    /// Lines of the source, in order.
    pub lines: Vec<Line>,
    /// What else is to be known, in sentences.
    pub notes: Vec<String>,
    /// Functions and classes inside.
    pub defines: Vec<String>,
    /// Of a native function that has been compiled: its machine code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native: Option<Native>,
}

/// A line of the source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// `None` for instructions that belong to no line.
    pub number: Option<u32>,
    /// Its text, where there is one.
    pub source: Option<String>,
    /// In the order of the byte code.
    pub instructions: Vec<Instruction>,
}

/// One instruction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instruction {
    /// In bytes from the begin of the code.
    pub offset: u32,
    /// As it was compiled.
    pub name: String,
    /// What Python has put in its place.
    pub specialised: Option<String>,
    /// What it works on.
    pub argument: String,
    /// The number of the label, if something jumps here.
    pub label: Option<u32>,
    /// The number of the label that it jumps to.
    pub target: Option<u32>,
    /// What it does to reference counts: `+`, `-`, `+-`, `~` or nothing.
    pub references: String,
    /// Whether another thread can get the GIL here.
    pub switches: bool,
}

impl Instruction {
    /// As it runs.
    fn shown(&self) -> &str {
        self.specialised.as_ref().unwrap_or(&self.name)
    }

    /// What it works on, or where it jumps.
    fn operand(&self) -> String {
        self.target
            .map_or_else(|| self.argument.clone(), |label| format!("to L{label}"))
    }
}

impl Explanation {
    /// What is shown, in a sentence.
    fn title(&self) -> String {
        format!("{}, in {}, on Python {}", self.name, self.file, self.python)
    }

    /// Whether the instructions are those that run.
    fn state(&self) -> String {
        let specialised = self
            .lines
            .iter()
            .flat_map(|line| &line.instructions)
            .filter(|instruction| instruction.specialised.is_some())
            .count();
        let callable = self.header.is_empty() && self.name != "<module>";
        match self.hot {
            None if !callable => {
                "Not run: the instructions are those that the compiler wrote.".to_owned()
            }
            None => {
                "Not run: the instructions are those that the compiler wrote. --run 'ARGUMENTS' \
                     (in Python: hot=64) calls it and shows those that Python specialises."
                    .to_owned()
            }
            Some(calls) => format!(
                "After {calls} {}, with {specialised} {} specialised.",
                if calls == 1 { "call" } else { "calls" },
                if specialised == 1 {
                    "instruction"
                } else {
                    "instructions"
                },
            ),
        }
    }

    /// What is inside and has a page of its own.
    fn inside(&self) -> Option<String> {
        (!self.defines.is_empty()).then(|| {
            format!(
                "It defines {}; name one behind a colon to see its code.",
                self.defines.join(", ")
            )
        })
    }
}
