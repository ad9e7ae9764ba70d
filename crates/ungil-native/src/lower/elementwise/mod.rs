//! Element-wise arithmetic of whole arrays.
//!
//! An expression of arrays is not calculated where it is found: it stays *pending*, as the calculation of
//! one element, until something needs the array. One nest of loops then does all of it.
//!
//! ```text
//! join         operands brought together: their arrays, their sizes
//! dtype        the types of elements
//! convert      elements and numbers as other types of elements
//! operators    Python's operators
//! ufunc        NumPy's functions
//! fill         the nest of loops
//! reduce       the same, for sums and the like
//! sequence     `arange` and `linspace` of floats
//! target       assignments to parts of arrays
//! method       `astype` and `copy`
//! ```

mod convert;
mod dtype;
mod fill;
mod join;
mod method;
mod operators;
mod reduce;
mod sequence;
mod target;
mod ufunc;

use ruff_python_ast as ast;
use ruff_python_ast::visitor::{self, Visitor};
use ruff_text_size::{Ranged, TextRange};

use super::Lowered;
use super::function::FunctionLowerer;
use crate::environment::Global;
use crate::ir::Expr;
pub(super) use join::is_pending;
pub(super) use ufunc::NAMES;

impl FunctionLowerer<'_, '_> {
    /// Operands from left to right, each of which may stay pending.
    pub(super) fn operands(&mut self, exprs: &[ast::Expr]) -> Lowered<Vec<(Expr, TextRange)>> {
        let mut values: Vec<(Expr, TextRange)> = Vec::new();
        for expr in exprs {
            if self.may_write(expr) {
                for (value, range) in &mut values {
                    let pending = std::mem::replace(value, Expr::none());
                    *value = self.made(pending, *range);
                }
            }
            values.push((self.pending(expr)?, expr.range()));
        }
        Ok(values)
    }

    /// Two of them.
    pub(super) fn two_operands(
        &mut self,
        left: &ast::Expr,
        right: &ast::Expr,
    ) -> Lowered<(Expr, Expr)> {
        let left_value = self.pending(left)?;
        let left_value = if is_pending(&left_value) && self.may_write(right) {
            self.made(left_value, left.range())
        } else {
            left_value
        };
        let mut left_value = [left_value];
        let before = self.block.len();
        let right_value = self.pending(right)?;
        self.settle(before, &mut left_value);
        let [left_value] = left_value;
        Ok((left_value, right_value))
    }

    /// Whether an expression calls what could write to arrays.
    pub(super) fn may_write(&mut self, expr: &ast::Expr) -> bool {
        let mut calls = Calls(Vec::new());
        calls.visit_expr(expr);
        calls.0.into_iter().any(|call| {
            matches!(&*call.func, ast::Expr::Name(_))
                && !matches!(
                    self.global_called(call),
                    Some(Global::Builtin(_) | Global::Math(_) | Global::Numpy(_))
                )
                || matches!(self.global_called(call), Some(Global::Native(_)))
        })
    }
}

struct Calls<'a>(Vec<&'a ast::ExprCall>);

impl<'a> Visitor<'a> for Calls<'a> {
    fn visit_expr(&mut self, expr: &'a ast::Expr) {
        if let ast::Expr::Call(call) = expr {
            self.0.push(call);
        }
        visitor::walk_expr(self, expr);
    }
}
