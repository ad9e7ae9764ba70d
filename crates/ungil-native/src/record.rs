//! Dataclasses of numbers.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use crate::environment::Constant;
use crate::types::{Element, Type};

/// The most fields that a dataclass has here: one bit of a word tells of each whether it was assigned to.
pub const MOST_FIELDS: usize = 64;

/// A dataclass, kept for good: so that a [`Type`] is as easily copied as a number.
#[derive(Clone, Copy, Debug)]
pub struct Record(&'static RecordClass);

/// What is known of a dataclass whose fields are numbers.
#[derive(Debug)]
pub struct RecordClass {
    /// Its name.
    pub name: String,
    /// Its fields in their order.
    pub fields: Vec<Field>,
    /// Whether its fields cannot be assigned to.
    pub frozen: bool,
    /// How two of them are compared.
    pub equality: Equality,
    /// Why native code cannot make one, if it cannot.
    pub not_made: Option<String>,
}

/// A field of a dataclass.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// The type of its values: `bool`, `int`, `float` or `complex`.
    pub ty: Type,
    /// The width of its numbers, if its annotation is of `ungil.types`.
    pub width: Option<Element>,
    /// Its default.
    pub default: Option<Constant>,
    /// Whether the class is called with it.
    pub init: bool,
    /// Whether that has to be by its name.
    pub keyword_only: bool,
    /// Whether it counts where two are compared.
    pub compared: bool,
}

/// How `==` compares two objects of a dataclass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Equality {
    /// As tuples of their fields, in which an object counts as equal to itself: up to Python 3.12.
    Tuples,
    /// Field by field, unless both are one object: since Python 3.13.
    Fields,
    /// Not as dataclasses do: why.
    Other(String),
}

impl Record {
    /// A class of its own.
    pub fn new(class: RecordClass) -> Self {
        // A program has few of them.
        Self(Box::leak(Box::new(class)))
    }

    /// The place of a field.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }

    /// The word that a field begins at, in an object's memory.
    pub fn word(&self, at: usize) -> usize {
        self.fields[..at].iter().map(Field::words).sum()
    }

    /// How many words an object has.
    pub fn words(&self) -> usize {
        self.word(self.fields.len())
    }
}

impl Field {
    /// How many words it takes.
    pub fn words(&self) -> usize {
        if self.ty == Type::Complex { 2 } else { 1 }
    }
}

impl Deref for Record {
    type Target = RecordClass;

    fn deref(&self) -> &RecordClass {
        self.0
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

// Two classes of the same name and fields are still two.
impl PartialEq for Record {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

impl Eq for Record {}

impl PartialOrd for Record {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Record {
    fn cmp(&self, other: &Self) -> Ordering {
        std::ptr::from_ref(self.0).cmp(&std::ptr::from_ref(other.0))
    }
}

impl Hash for Record {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::ptr::hash(self.0, state);
    }
}
