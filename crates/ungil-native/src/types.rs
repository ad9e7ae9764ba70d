//! The types of values, and how they are called in messages.

use std::fmt;

pub use crate::items::Items;
pub(crate) use crate::record::Record;

/// The type of a value in the native language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Type {
    /// `None`: what a function returns that returns nothing.
    None,
    /// `bool`.
    Bool,
    /// `int` of 64 bits, whose overflow is an error.
    Int,
    /// `float`: IEEE 754 binary64, as in `CPython`.
    Float,
    /// `complex`: two floats.
    Complex,
    /// An array of numbers in somebody else's memory.
    Array(ArrayType),
    /// A list of numbers, which lives as long as a call.
    List(Scalar),
    /// A text: `str` or `bytes`.
    Text(Text),
    /// A tuple.
    Tuple(Items),
    /// An object of a dataclass of numbers.
    Record(Record),
    /// A function inside of the one whose text has it at this place.
    Nested(u32),
}

/// A sequence of codes that cannot be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Text {
    /// `str`: 4 bytes each.
    Str,
    /// `bytes`: one byte each.
    Bytes,
}

impl Text {
    /// The array that it is in memory.
    pub fn codes(self) -> ArrayType {
        ArrayType {
            element: Element::Unsigned(if self == Self::Str { 32 } else { 8 }),
            dimensions: 1,
            contiguous: true,
            writable: false,
        }
    }

    /// What Python says of an index that is not in it.
    pub(crate) fn out_of_range(self) -> &'static str {
        match self {
            Self::Str => "string index out of range",
            Self::Bytes => "index out of range",
        }
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Str { "str" } else { "bytes" })
    }
}

/// What a list holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scalar {
    /// Not known yet: it is empty, and nothing was appended so far.
    Unknown,
    /// `bool`, in one byte.
    Bool,
    /// `int`, in 8 bytes.
    Int,
    /// `float`, in 8 bytes.
    Float,
    /// `complex`, in 16 bytes.
    Complex,
}

impl Scalar {
    /// The one of that type, if a list can hold it.
    pub fn of(ty: Type) -> Option<Self> {
        match ty {
            Type::Bool => Some(Self::Bool),
            Type::Int => Some(Self::Int),
            Type::Float => Some(Self::Float),
            Type::Complex => Some(Self::Complex),
            _ => None,
        }
    }

    /// The type of a value.
    pub fn ty(self) -> Type {
        match self {
            Self::Unknown => Type::None,
            Self::Bool => Type::Bool,
            Self::Int => Type::Int,
            Self::Float => Type::Float,
            Self::Complex => Type::Complex,
        }
    }

    /// Size in bytes.
    pub fn size(self) -> usize {
        match self {
            Self::Unknown | Self::Bool => 1,
            Self::Int | Self::Float => 8,
            Self::Complex => 16,
        }
    }

    /// How many numbers it consists of.
    pub fn words(self) -> usize {
        self.size().div_ceil(8)
    }
}

/// The type of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ArrayType {
    /// What it holds.
    pub element: Element,
    /// Number of dimensions, 1 to 4.
    pub dimensions: u8,
    /// Whether its elements lie one after the other in C's order.
    pub contiguous: bool,
    /// Whether it may be written to.
    pub writable: bool,
}

/// What an array holds. Reading gives a Python number: `bool`, `int`, `float` or `complex`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Element {
    /// One byte, 0 or 1.
    Bool,
    /// Signed integer of that many bits.
    Signed(u8),
    /// Unsigned integer of that many bits.
    Unsigned(u8),
    /// Floating point of 32 bits.
    Float32,
    /// Floating point of 64 bits.
    Float64,
    /// Two floats of 32 bits.
    Complex64,
    /// Two floats of 64 bits.
    Complex128,
}

impl Element {
    /// The element of a buffer's format string (`struct`'s letters) and size in bytes, if it has one.
    pub fn of_format(format: &str, size: usize) -> Option<Self> {
        let letters = format.strip_prefix(['@', '=', '<']).unwrap_or(format);
        let bits = u8::try_from(size * 8).ok()?;
        match letters.as_bytes() {
            [b'?'] if size == 1 => Some(Self::Bool),
            [b'b' | b'h' | b'i' | b'l' | b'q' | b'n'] => Some(Self::Signed(bits)),
            [b'B' | b'H' | b'I' | b'L' | b'Q' | b'N'] => Some(Self::Unsigned(bits)),
            [b'f'] if size == 4 => Some(Self::Float32),
            [b'd'] if size == 8 => Some(Self::Float64),
            [b'Z', b'f'] | [b'F'] if size == 8 => Some(Self::Complex64),
            [b'Z', b'd'] | [b'D'] if size == 16 => Some(Self::Complex128),
            _ => None,
        }
    }

    /// The element that `NumPy` calls so.
    pub fn named(name: &str) -> Option<Self> {
        let bits = |digits: &str| {
            digits
                .parse()
                .ok()
                .filter(|bits| [8, 16, 32, 64].contains(bits))
        };
        match name {
            "float32" => Some(Self::Float32),
            "float64" => Some(Self::Float64),
            "complex64" => Some(Self::Complex64),
            "complex128" => Some(Self::Complex128),
            _ => match name.strip_prefix("uint") {
                Some(digits) => bits(digits).map(Self::Unsigned),
                None => bits(name.strip_prefix("int")?).map(Self::Signed),
            },
        }
    }

    /// Size in bytes.
    pub fn size(self) -> usize {
        match self {
            Self::Bool => 1,
            Self::Signed(bits) | Self::Unsigned(bits) => usize::from(bits) / 8,
            Self::Float32 => 4,
            Self::Float64 | Self::Complex64 => 8,
            Self::Complex128 => 16,
        }
    }

    /// The type of the number that reading gives.
    pub fn read(self) -> Type {
        match self {
            Self::Bool => Type::Bool,
            Self::Signed(_) | Self::Unsigned(_) => Type::Int,
            Self::Float32 | Self::Float64 => Type::Float,
            Self::Complex64 | Self::Complex128 => Type::Complex,
        }
    }

    /// Whether it is a float.
    pub fn is_float(self) -> bool {
        self.read() == Type::Float
    }

    /// The smallest and the largest number of an integer element, as far as an `int` reaches.
    pub fn bounds(self) -> (i64, i64) {
        match self {
            Self::Bool => (0, 1),
            Self::Signed(bits) if bits < 64 => (-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
            Self::Unsigned(bits) if bits < 64 => (0, (1 << bits) - 1),
            Self::Unsigned(_) => (0, i64::MAX),
            _ => (i64::MIN, i64::MAX),
        }
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("bool"),
            Self::Signed(bits) => write!(f, "int{bits}"),
            Self::Unsigned(bits) => write!(f, "uint{bits}"),
            Self::Float32 => f.write_str("float32"),
            Self::Float64 => f.write_str("float64"),
            Self::Complex64 => f.write_str("complex64"),
            Self::Complex128 => f.write_str("complex128"),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Bool => f.write_str("bool"),
            Self::Int => f.write_str("int"),
            Self::Float => f.write_str("float"),
            Self::Complex => f.write_str("complex"),
            Self::Array(array) => {
                if !array.contiguous {
                    f.write_str("strided ")?;
                }
                if !array.writable {
                    f.write_str("read-only ")?;
                }
                write!(f, "{}-d {} array", array.dimensions, array.element)
            }
            Self::List(Scalar::Unknown) => f.write_str("list"),
            Self::List(scalar) => write!(f, "list[{}]", scalar.ty()),
            Self::Text(text) => write!(f, "{text}"),
            Self::Tuple(items) => write!(f, "{items}"),
            Self::Record(record) => write!(f, "{record}"),
            Self::Nested(_) => f.write_str("function"),
        }
    }
}

impl Type {
    /// The type with its article, for sentences.
    pub fn with_article(self) -> String {
        match self {
            Self::None => "None".to_owned(),
            Self::Int => "an int".to_owned(),
            Self::Text(Text::Bytes) => "bytes".to_owned(),
            _ => format!("a {self}"),
        }
    }

    /// Whether a tuple can hold it: numbers, texts, and tuples of them.
    pub fn is_small(self) -> bool {
        self.is_number() || matches!(self, Self::Complex | Self::Tuple(_) | Self::Text(_))
    }

    /// Whether it is a real number (a `bool` is one, as in Python).
    pub fn is_number(self) -> bool {
        matches!(self, Self::Bool | Self::Int | Self::Float)
    }
}
