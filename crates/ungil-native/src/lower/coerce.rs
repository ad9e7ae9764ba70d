//! Values that annotations make another type of.

use ruff_text_size::TextRange;

use super::arithmetic::as_int;
use super::function::FunctionLowerer;
use crate::ir::{Expr, Op};
use crate::types::Type;

impl FunctionLowerer<'_, '_> {
    /// The value as an annotation has it, where that makes no difference to its worth; else as it is.
    pub(super) fn coerced(&mut self, value: Expr, wanted: Type, range: TextRange) -> Expr {
        match (wanted, value.ty) {
            (wanted, got) if wanted == got => value,
            (Type::Float, Type::Int | Type::Bool) => self.exact_float(value, range),
            (Type::Int, Type::Bool) => as_int(value),
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

    fn coerced_items(&mut self, items: Vec<Expr>, wanted: &[Type], range: TextRange) -> Expr {
        let items = items
            .into_iter()
            .zip(wanted)
            .map(|(item, &wanted)| self.coerced(item, wanted, range));
        super::tuple::tuple(items.collect())
    }
}
