//! Typed Python to LLVM IR.
//!
//! Knows neither Python's objects nor LLVM: text goes in, text comes out. What a function's global names
//! mean is asked of an [`Environment`]; the text that comes out is compiled by whoever has LLVM.
//!
//! ```text
//! source       a function's text, parsed; the way back to file and line
//! lower/       names resolved, types inferred, every check written out      -> ir
//! range/       intervals of ints: which checks cannot fail; checks moved before loops
//! emit/        ir -> LLVM IR
//! object/      loads the object file that LLVM makes of it
//! runtime      the few functions that machine code calls
//! routine/     what is done there for Python's `math`, `round`, `pow`, and for lists as wholes
//! parallel/    runs parallel loops on several threads
//! memory       lists, for machine code
//! diagnostic   refusals, laid out as rustc does
//! ```

#![allow(clippy::similar_names)] // start, stop and step are Python's words, site and size ours

mod compile;
mod complex;
mod diagnostic;
mod emit;
mod environment;
mod exceptions;
mod ir;
mod items;
mod lower;
mod memory;
pub mod object;
mod parallel;
mod range;
mod record;
mod routine;
pub mod runtime;
mod source;
mod types;

pub use compile::{Checks, Compiled, Explained, Fate, compile, explain, parameter_types};
pub use diagnostic::Diagnostic;
pub use environment::{
    Constant, Environment, FunctionId, FunctionSource, Global, ModuleId, Options,
};
pub use ir::{Message, Raise, Site};
pub use lower::Refusal;
pub use memory::{ArrayMemory, RecordMemory};
pub use record::{Equality, Field, MOST_FIELDS, Record, RecordClass};
pub use source::{Place, Source};
pub use types::{ArrayType, Element, Items, Scalar, Text, Type};
