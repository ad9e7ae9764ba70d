//! What functions of Rust's do, and the order in which parts of an expression are evaluated.

use ruff_python_ast as ast;
use ruff_text_size::Ranged;

use super::Lowered;
use super::function::FunctionLowerer;
use crate::diagnostic::Diagnostic;
use crate::ir::{Block, Expr, Guard, Op, Stmt};
use crate::routine::Routine;
use crate::types::Type;

impl FunctionLowerer<'_, '_> {
    /// A call of a routine that gives no list.
    pub(super) fn routine(routine: Routine, args: Vec<Expr>, ty: Type, guards: Vec<Guard>) -> Expr {
        Expr::new(Op::Routine(routine), args, ty).guarded(guards)
    }

    /// A call that gives a new list, which is in a slot from its first moment on: that is who frees it.
    pub(super) fn new_from(&mut self, made: Expr) -> Expr {
        let ty = made.ty;
        let slot = self.temporary(ty);
        Expr::new(Op::Let(slot), vec![made, Expr::slot(slot, ty)], ty)
    }

    /// What was evaluated before statements that a later part of the expression has put in front of it:
    /// it goes before them.
    pub(super) fn settle(&mut self, before: usize, values: &mut [Expr]) {
        if self.block.len() == before {
            return;
        }
        let mut held = Vec::new();
        for value in values {
            let fixed = matches!(value.op, Op::Int(_) | Op::Float(_) | Op::Bool(_) | Op::None)
                || matches!(value.ty, Type::None | Type::Nested(_))
                || super::elementwise::is_pending(value);
            if !fixed {
                let slot = self.temporary(value.ty);
                let own = Expr::slot(slot, value.ty);
                held.push(Stmt::Set(slot, std::mem::replace(value, own)));
            }
        }
        self.block.splice(before..before, held);
    }

    /// The value where it can be used more than once: as it is, if that is cheap.
    pub(super) fn kept(&mut self, value: Expr) -> Expr {
        if value.is_cheap() {
            value
        } else {
            self.held(value)
        }
    }

    /// Two parts, evaluated from left to right.
    pub(super) fn both(&mut self, left: &ast::Expr, right: &ast::Expr) -> Lowered<(Expr, Expr)> {
        let mut left = [self.expression(left)?];
        let before = self.block.len();
        let right = self.expression(right)?;
        self.settle(before, &mut left);
        let [left] = left;
        Ok((left, right))
    }

    /// An expression that is evaluated only sometimes: the statements that it needs, and its value.
    pub(super) fn apart<T>(
        &mut self,
        lower: impl FnOnce(&mut Self) -> Lowered<T>,
    ) -> Lowered<(Block, T)> {
        let before = self.state.clone();
        let outer = std::mem::take(&mut self.block);
        let value = lower(self);
        let block = std::mem::replace(&mut self.block, outer);
        let value = value?;
        let after = std::mem::take(&mut self.state);
        self.state = before.join(after, &mut self.promote);
        Ok((block, value))
    }

    /// One number.
    pub(super) fn real_number(&mut self, argument: &ast::Expr, name: &str) -> Lowered<Expr> {
        let value = self.expression(argument)?;
        if value.ty.is_number() {
            return Ok(value);
        }
        Err(self.refuse(
            Diagnostic::new(argument.range(), format!("`{name}` takes numbers here"))
                .label(format!("this is {}", value.ty.with_article())),
        ))
    }

    /// The arguments of a call that has as many, without names.
    pub(super) fn only_positional<'c, const N: usize>(
        &self,
        call: &'c ast::ExprCall,
        name: &str,
    ) -> Lowered<[&'c ast::Expr; N]> {
        let arguments: Vec<&ast::Expr> = call.arguments.args.iter().collect();
        let given = arguments.len();
        match <[&ast::Expr; N]>::try_from(arguments) {
            Ok(known) if call.arguments.keywords.is_empty() => Ok(known),
            _ => Err(self.refuse(
                Diagnostic::new(call.range(), format!("`{name}` takes {N} arguments here"))
                    .label(format!("{given} given, or one by its name")),
            )),
        }
    }
}
