//! Elements and numbers as other types of elements.

use ruff_text_size::TextRange;

use super::super::arithmetic::{as_float, as_int, truth};
use super::super::function::FunctionLowerer;
use super::join::{Kind, Part};
use crate::ir::{EachOp, Expr, Op};
use crate::types::{Element, Type};

impl FunctionLowerer<'_, '_> {
    /// An operand in the type in which it meets the others. A number is converted before the loop; an int has
    /// to be one of that type.
    pub(super) fn converted(&mut self, part: Part, to: Element, range: TextRange) -> Expr {
        let from = match part.kind {
            Kind::Of(element) => element,
            Kind::Number => return self.number_as(part.value, to, range),
        };
        let value = as_read(part.value, to);
        if to == Element::Float32 && from == Element::Float64 {
            return rounded(value);
        }
        value
    }

    fn number_as(&mut self, value: Expr, to: Element, range: TextRange) -> Expr {
        let is_int = value.ty == Type::Int;
        let value = as_read(value, to);
        if to == Element::Float32 {
            return rounded(value);
        }
        let (low, high) = to.bounds();
        let constant = match value.op {
            Op::Int(value) => (low..=high).contains(&value),
            _ => false,
        };
        if to.is_float() || !is_int || constant || (low, high) == (i64::MIN, i64::MAX) {
            return value;
        }
        let message = format!("Python integer {{a}} out of bounds for {to}");
        let guard = self.guard(range, "OverflowError", message);
        let fitted = Expr::new(Op::Fit(to), vec![value], Type::Int).guarded(vec![guard]);
        self.held(fitted)
    }

    /// What was calculated, in the width of its element; ints have to fit, or wrap around where the function
    /// is to.
    pub(super) fn in_width(&mut self, value: Expr, element: Element, range: TextRange) -> Expr {
        match element {
            Element::Float32 => rounded(value),
            Element::Signed(64) => value,
            Element::Signed(_) | Element::Unsigned(_) => {
                let wraps = self.source.options.wrap && element != Element::Unsigned(64);
                if wraps {
                    return Expr::new(Op::Each(EachOp::Wrap(element)), vec![value], Type::Int);
                }
                let message = format!("the result does not fit into an element of type {element}");
                let guard = self.guard(range, "OverflowError", message);
                Expr::new(Op::Fit(element), vec![value], Type::Int).guarded(vec![guard])
            }
            _ => value,
        }
    }

    /// Elements as those of another array, as by `astype` and assignment.
    pub(super) fn cast(&mut self, value: Expr, to: Element, range: TextRange) -> Expr {
        match (value.ty, to.read()) {
            (Type::Float, Type::Int) => {
                let whole = self.float_to_int(value, range);
                self.in_width(whole, to, range)
            }
            (Type::Int, Type::Int) => self.in_width(value, to, range),
            _ => {
                let value = as_read(value, to);
                self.in_width(value, to, range)
            }
        }
    }
}

/// A number as what reading such an element gives.
pub(super) fn as_read(value: Expr, to: Element) -> Expr {
    match to.read() {
        Type::Float => as_float(value),
        Type::Int => as_int(value),
        _ => truth(value),
    }
}

/// To the nearest float of 32 bits.
fn rounded(value: Expr) -> Expr {
    if let Op::Float(constant) = value.op {
        return Expr::float(f64::from(constant as f32));
    }
    if matches!(value.op, Op::Fit(Element::Float32)) {
        return value;
    }
    Expr::new(Op::Fit(Element::Float32), vec![value], Type::Float)
}
