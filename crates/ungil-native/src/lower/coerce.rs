//! Values that annotations make another type of.

use ruff_text_size::TextRange;

use super::arithmetic::as_int;
use super::function::FunctionLowerer;
use crate::ir::{Expr, Op};
use crate::types::{Element, Type};

impl FunctionLowerer<'_, '_> {
    /// The value as an annotation has it, where that makes no difference to its worth; else as it is.
    pub(super) fn coerced(&mut self, value: Expr, wanted: Type, range: TextRange) -> Expr {
        match (wanted, value.ty) {
            (wanted, got) if wanted == got => value,
            (Type::Float, Type::Int | Type::Bool) => self.exact_float(value, range),
            (Type::Int, Type::Bool) => as_int(value),
            (Type::Complex, got) if got.is_number() => {
                let real = self.exact_float(value, range);
                super::complex::complex(real, Expr::float(0.0))
            }
            (Type::List(item), Type::List(_)) => self.retyped_list(value, item),
            (Type::Tuple(types), Type::Tuple(given)) if types.len() == given.len() => {
                if value.op == Op::Tuple {
                    return self.coerced_items(value.args, &types, range);
                }
                let slot = self.temporary(value.ty);
                let items = super::tuple::items(&Expr::slot(slot, value.ty));
                let coerced = self.coerced_items(items, &types, range);
                let ty = coerced.ty;
                Expr::new(Op::Let(slot), vec![value, coerced], ty)
            }
            _ => value,
        }
    }

    /// A number that fits into the width that its annotation gives, where it is of that kind at all.
    pub(super) fn fitted(&mut self, value: Expr, width: Element, range: TextRange) -> Expr {
        let value = self.coerced(value, width.read(), range);
        let all = matches!(width, Element::Signed(64) | Element::Float64);
        if all || value.ty != width.read() {
            return value;
        }
        let guards = match width.read() {
            Type::Int => vec![self.guard(
                range,
                "OverflowError",
                format!("{{a}} does not fit into {}", with_article(width)),
            )],
            _ => Vec::new(),
        };
        let ty = value.ty;
        Expr::new(Op::Fit(width), vec![value], ty).guarded(guards)
    }

    fn coerced_items(&mut self, items: Vec<Expr>, wanted: &[Type], range: TextRange) -> Expr {
        let items = items
            .into_iter()
            .zip(wanted)
            .map(|(item, &wanted)| self.coerced(item, wanted, range));
        super::tuple::tuple(items.collect())
    }
}

fn with_article(width: Element) -> String {
    match width {
        Element::Signed(_) => format!("an {width}"),
        _ => format!("a {width}"),
    }
}
