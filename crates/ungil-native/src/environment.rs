//! What a function's names mean outside of it: asked of whoever knows Python's objects.

use std::sync::Arc;

use crate::source::Source;
use crate::types::{Element, Record, Text};

/// A native function that the environment knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FunctionId(pub usize);

/// A module that the environment knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ModuleId(pub usize);

/// What a global name or a module's attribute stands for.
#[derive(Clone, Debug, PartialEq)]
pub enum Global {
    /// A constant.
    Constant(Constant),
    /// A module, whose attributes can be asked for.
    Module(ModuleId),
    /// A function of Python's `builtins`, by its name there.
    Builtin(String),
    /// A function of Python's `math`, by its name there.
    Math(String),
    /// A function or class of `numpy`, by its name there.
    Numpy(String),
    /// `ungil.prange`.
    Parallel,
    /// A number of fixed width, from `ungil.types`.
    Width(Element),
    /// A dataclass of numbers.
    Record(Record),
    /// A native function.
    Native(FunctionId),
    /// A class of exceptions of Python's `builtins`, by its name there.
    Exception(String),
    /// Something else: what it is, with its article.
    Other(String),
    /// There is no such name.
    Missing,
}

/// A value known when a function is compiled.
#[derive(Clone, Debug, PartialEq)]
pub enum Constant {
    /// A `bool`.
    Bool(bool),
    /// An `int` of 64 bits.
    Int(i64),
    /// A `float`.
    Float(f64),
    /// A `complex`: real and imaginary part.
    Complex(f64, f64),
    /// A `str` or `bytes`: its codes.
    Text(Text, Vec<u32>),
    /// A tuple.
    Tuple(Vec<Constant>),
}

/// A function as it was written, with what only running Python knows of it.
#[derive(Debug)]
pub struct FunctionSource {
    /// Its text.
    pub source: Source,
    /// Its name, for tracebacks.
    pub name: String,
    /// The default of each parameter that has one and whose default is a constant.
    pub defaults: Vec<Option<Constant>>,
    /// What its decorator was told.
    pub options: Options,
}

/// What a function's decorator can be told: all of it trades checks or exactness for speed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Options {
    /// Floats may be reordered, contracted and taken for finite.
    pub fastmath: bool,
    /// Indices are not checked.
    pub unchecked_bounds: bool,
    /// Ints wrap around.
    pub wrap: bool,
}

/// Answers what names mean.
pub trait Environment {
    /// The text of a function.
    fn function(&mut self, id: FunctionId) -> Arc<FunctionSource>;

    /// What a name means in a function where it is not one of its local variables.
    fn global(&mut self, function: FunctionId, name: &str) -> Global;

    /// What a name means in an annotation, which Python reads once, when the function is defined.
    fn annotation(&mut self, function: FunctionId, name: &str) -> Global {
        self.global(function, name)
    }

    /// The version of Python whose meaning is asked for: some of it has changed.
    fn python(&self) -> (u8, u8) {
        (3, 14)
    }

    /// What an attribute of a module means.
    fn attribute(&mut self, module: ModuleId, name: &str) -> Global;
}
