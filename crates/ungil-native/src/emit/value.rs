//! Values in registers: each is a row of numbers and pointers.

use super::builder::Builder;
use crate::ir::Expr;
use crate::types::Type;

/// A value in registers.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// A number, or the address of a list or an object.
    Scalar(String),
    /// Also a text: the array of its codes.
    Array(ArrayValue),
    /// Also a complex number: of its two parts.
    Tuple(Vec<Value>),
    None,
}

/// An array in registers: the strides, in bytes, only where it is not contiguous.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ArrayValue {
    pub(super) data: String,
    pub(super) sizes: Vec<String>,
    pub(super) strides: Vec<String>,
    /// What it has its memory from, if that was made here.
    pub(super) owner: String,
}

impl Value {
    /// The registers, as many as the type has [`parts`](super::parts).
    pub(super) fn flat(&self) -> Vec<String> {
        match self {
            Self::Scalar(register) => vec![register.clone()],
            Self::Array(array) => std::iter::once(&array.data)
                .chain(&array.sizes)
                .chain(&array.strides)
                .chain([&array.owner])
                .cloned()
                .collect(),
            Self::Tuple(items) => items.iter().flat_map(Self::flat).collect(),
            Self::None => Vec::new(),
        }
    }

    /// The value of that type in these registers.
    pub(super) fn of(ty: Type, registers: &mut dyn Iterator<Item = String>) -> Self {
        if let Type::Text(text) = ty {
            return Self::of(Type::Array(text.codes()), registers);
        }
        let mut next = || registers.next().expect("as many registers as parts");
        match ty {
            Type::None | Type::Nested(_) => Self::None,
            Type::Array(array) => {
                let data = next();
                let count = usize::from(array.dimensions);
                let sizes = (0..count).map(|_| next()).collect();
                let strides = if array.contiguous { 0 } else { count };
                Self::Array(ArrayValue {
                    data,
                    sizes,
                    strides: (0..strides).map(|_| next()).collect(),
                    owner: next(),
                })
            }
            Type::Text(_) => unreachable!("done above"),
            Type::Tuple(items) => Self::Tuple(
                items
                    .iter()
                    .map(|&item| Self::of(item, registers))
                    .collect(),
            ),
            Type::Complex => Self::Tuple(vec![Self::Scalar(next()), Self::Scalar(next())]),
            Type::Bool | Type::Int | Type::Float | Type::List(_) | Type::Record(_) => {
                Self::Scalar(next())
            }
        }
    }
}

impl Builder<'_> {
    /// One of two values of one type.
    pub(super) fn select(&mut self, expr: &Expr) -> Value {
        if let Some(chosen) = self.choose_value(expr) {
            return Value::Scalar(chosen);
        }
        let test = self.scalar(&expr.args[0]);
        let (yes, no, after) = (self.label(), self.label(), self.label());
        self.branch(&test, &yes, &no);
        self.start(&yes);
        let then = self.value(&expr.args[1]).flat();
        let then_block = self.block.clone();
        self.jump(&after);
        self.start(&no);
        let other = self.value(&expr.args[2]).flat();
        let other_block = self.block.clone();
        self.jump(&after);
        self.start(&after);
        let merged: Vec<String> = then
            .iter()
            .zip(&other)
            .zip(super::parts(expr.ty))
            .map(|((then, other), ty)| self.phi(ty, &[(then, &then_block), (other, &other_block)]))
            .collect();
        Value::of(expr.ty, &mut merged.into_iter())
    }
}
