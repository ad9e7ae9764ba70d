//! Tuples.

use ruff_python_ast as ast;
use ruff_python_ast::CmpOp;
use ruff_text_size::{Ranged, TextRange};

use super::Lowered;
use super::function::FunctionLowerer;
use crate::diagnostic::Diagnostic;
use crate::ir::{Comparison, Expr, Op, Stmt};
use crate::types::{Items, Type};

/// A tuple of these values.
pub(super) fn tuple(items: Vec<Expr>) -> Expr {
    let types: Vec<Type> = items.iter().map(|item| item.ty).collect();
    Expr::new(Op::Tuple, items, Type::Tuple(Items::new(&types)))
}

/// What is said of NaNs that may or may not be one object.
pub(super) const TWO_NANS: &str = "two NaNs are compared: Python's answer depends on whether they are the same object. \
     Compare the numbers one by one, or look for NaNs before";

fn holds_complex(ty: Type) -> bool {
    match ty {
        Type::Tuple(items) => items.iter().any(|&item| holds_complex(item)),
        ty => ty == Type::Complex,
    }
}

/// The items of a tuple that is in a slot.
pub(super) fn items(kept: &Expr) -> Vec<Expr> {
    let Type::Tuple(types) = kept.ty else {
        unreachable!("only tuples have items");
    };
    types
        .iter()
        .enumerate()
        .map(|(at, &ty)| Expr::new(Op::Item(at), vec![kept.clone()], ty))
        .collect()
}

impl FunctionLowerer<'_, '_> {
    pub(super) fn tuple_literal(&mut self, expr: &ast::ExprTuple) -> Lowered<Expr> {
        let mut items = Vec::new();
        for item in &expr.elts {
            let before = self.block.len();
            let value = self.expression(item)?;
            self.settle(before, &mut items);
            if !value.ty.is_small() {
                return Err(self.refuse(
                    Diagnostic::new(
                        item.range(),
                        "a native tuple holds numbers, texts and tuples of them",
                    )
                    .label(format!("this is {}", value.ty.with_article()))
                    .help("use a variable of its own for it"),
                ));
            }
            items.push(value);
        }
        Ok(tuple(items))
    }

    /// The items of a tuple, each in a slot of its own.
    pub(super) fn items_held(&mut self, mut value: Expr) -> Vec<Expr> {
        while let Op::Let(slot) = value.op {
            let [first, second] = <[Expr; 2]>::try_from(value.args).expect("a value and its use");
            self.emit(Stmt::Set(slot, first));
            value = second;
        }
        if value.op == Op::Tuple {
            return value.args.into_iter().map(|item| self.held(item)).collect();
        }
        let kept = self.held(value);
        items(&kept)
    }

    pub(super) fn tuple_item(
        &mut self,
        expr: &ast::ExprSubscript,
        tuple: Expr,
        types: Items,
    ) -> Lowered<Expr> {
        let count = types.len().cast_signed() as i64;
        let index = self.expression(&expr.slice)?;
        let Op::Int(index) = index.op else {
            return Err(self.refuse(
                Diagnostic::new(expr.slice.range(), "a tuple is indexed by a constant")
                    .label(format!(
                        "this is {}, not known before",
                        index.ty.with_article()
                    ))
                    .help("use a list, `[a, b, c]`, whose items are of one type, or `if`"),
            ));
        };
        let at = if index < 0 { index + count } else { index };
        if !(0..count).contains(&at) {
            return Err(self.refuse(
                Diagnostic::new(expr.slice.range(), "tuple index out of range")
                    .label(format!("the tuple has {count} items")),
            ));
        }
        let ty = types[at as usize];
        Ok(Expr::new(Op::Item(at as usize), vec![tuple], ty))
    }

    /// Compares tuples as Python does: by the first items that differ.
    pub(super) fn tuple_comparison(
        &mut self,
        op: CmpOp,
        comparison: Comparison,
        (left, right): (Expr, Expr),
        range: TextRange,
    ) -> Lowered<Expr> {
        if [left.ty, right.ty].iter().any(|&ty| holds_complex(ty)) {
            return Err(self.refuse(
                Diagnostic::new(range, "tuples of complex numbers are not compared here")
                    .label("a complex number in it")
                    .help("compare the items"),
            ));
        }
        let (left_slot, right_slot) = (self.temporary(left.ty), self.temporary(right.ty));
        let left_kept = Expr::slot(left_slot, left.ty);
        let right_kept = Expr::slot(right_slot, right.ty);
        let (lefts, rights) = (items(&left_kept), items(&right_kept));
        let order = lefts.len().cmp(&rights.len());
        let mut result = Expr::bool(match comparison {
            Comparison::Eq => order.is_eq(),
            Comparison::Ne => order.is_ne(),
            Comparison::Lt => order.is_lt(),
            Comparison::Le => order.is_le(),
            Comparison::Gt => order.is_gt(),
            Comparison::Ge => order.is_ge(),
        });
        if !(matches!(comparison, Comparison::Eq | Comparison::Ne) && order.is_ne()) {
            for (one, other) in lefts.into_iter().zip(rights).rev() {
                let same = self.same_item(one.clone(), other.clone(), range)?;
                let differ = match comparison {
                    Comparison::Eq => Expr::bool(false),
                    Comparison::Ne => Expr::bool(true),
                    _ => self.comparison(op, one, other, range)?,
                };
                result = Expr::new(Op::Select, vec![same, result, differ], Type::Bool);
            }
        }
        let inner = Expr::new(Op::Let(right_slot), vec![right, result], Type::Bool);
        Ok(Expr::new(Op::Let(left_slot), vec![left, inner], Type::Bool))
    }

    /// `value in tuple`.
    pub(super) fn in_tuple(&mut self, value: Expr, tuple: Expr, range: TextRange) -> Lowered<Expr> {
        let (slot, tuple_slot) = (self.temporary(value.ty), self.temporary(tuple.ty));
        let kept = Expr::slot(slot, value.ty);
        let mut found = Expr::bool(false);
        for item in items(&Expr::slot(tuple_slot, tuple.ty)).into_iter().rev() {
            let same = self.same_item(kept.clone(), item, range)?;
            found = Expr::new(Op::Or, vec![same, found], Type::Bool);
        }
        let inner = Expr::new(Op::Let(tuple_slot), vec![tuple, found], Type::Bool);
        Ok(Expr::new(Op::Let(slot), vec![value, inner], Type::Bool))
    }

    /// Whether items of collections are equal. Python takes an object for equal to itself, a NaN, too: whether two
    /// NaNs are one object is not known here.
    pub(super) fn same_item(&mut self, one: Expr, other: Expr, range: TextRange) -> Lowered<Expr> {
        if one.ty != Type::Float || other.ty != Type::Float {
            return self.comparison(CmpOp::Eq, one, other, range);
        }
        let guard = self.two_nans(range);
        Ok(Expr::new(Op::SameItem, vec![one, other], Type::Bool).guarded(vec![guard]))
    }
}
