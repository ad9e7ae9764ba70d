//! Slices of lists, which are copies; what is assigned to them and deleted; lists with operators.

use ruff_python_ast as ast;
use ruff_python_ast::Operator;
use ruff_text_size::{Ranged, TextRange};

use super::Lowered;
use super::function::FunctionLowerer;
use super::list::named;
use crate::diagnostic::Diagnostic;
use crate::ir::{Comparison, Expr, Op, Stmt};
use crate::routine::Routine;
use crate::types::{Scalar, Type};

const ZERO_STEP: &str = "slice step cannot be zero";

impl FunctionLowerer<'_, '_> {
    /// Which of start, stop and step a slice gives, and these.
    pub(super) fn slice_words(&mut self, slice: &ast::ExprSlice) -> Lowered<Vec<Expr>> {
        let mut given = 0;
        let mut values: Vec<Expr> = Vec::new();
        for (at, part) in [&slice.lower, &slice.upper, &slice.step]
            .into_iter()
            .enumerate()
        {
            let part = part
                .as_deref()
                .filter(|part| !matches!(part, ast::Expr::NoneLiteral(_)));
            let Some(part) = part else {
                values.push(Expr::int(0));
                continue;
            };
            given |= 1 << at;
            let before = self.block.len();
            let value = self.index(part)?;
            self.settle(before, &mut values);
            values.push(value);
        }
        values.insert(0, Expr::int(given));
        Ok(values)
    }

    /// `list[start:stop:step]`: a new list.
    pub(super) fn sliced(&mut self, list: Expr, words: Vec<Expr>, range: TextRange) -> Expr {
        let zero = self.guard(range, "ValueError", ZERO_STEP);
        let guards = vec![zero, self.memory(range)];
        let ty = list.ty;
        let mut args = vec![Self::kind_of(&list), list];
        args.extend(words);
        self.new_from(Self::routine(Routine::Slice, args, ty, guards))
    }

    pub(super) fn copied(&mut self, list: Expr, range: TextRange) -> Expr {
        let words = [0; 4].map(Expr::int).to_vec();
        self.sliced(list, words, range)
    }

    /// `list[start:stop:step] = value`.
    pub(super) fn set_slice(
        &mut self,
        target: &ast::ExprSubscript,
        list: Expr,
        words: Vec<Expr>,
        value: Expr,
    ) -> Lowered<()> {
        let range = target.range();
        let Type::List(_) = value.ty else {
            return Err(self.refuse(
                Diagnostic::new(range, "a slice of a list gets a list here")
                    .label(format!("would be {}", value.ty.with_article()))
                    .help("write `list(...)` around it"),
            ));
        };
        let value = self.like(&list, named(&target.value), value, range)?;
        let zero = self.guard(range, "ValueError", ZERO_STEP);
        let memory = self.memory(range);
        let size = self.guard(
            range,
            "ValueError",
            "attempt to assign sequence of size {a} to extended slice of size {b}",
        );
        let mut args = vec![Self::kind_of(&list), list, value];
        args.extend(words);
        let guards = vec![zero, memory, size];
        let set = Self::routine(Routine::SetSlice, args, Type::None, guards);
        self.emit(Stmt::Eval(set));
        Ok(())
    }

    /// `del list[index]` and `del list[start:stop:step]`.
    pub(super) fn delete_item(&mut self, target: &ast::ExprSubscript) -> Lowered<()> {
        let list = self.expression(&target.value)?;
        let Type::List(_) = list.ty else {
            return Err(self.refuse(
                Diagnostic::new(target.range(), "this has no items that can be taken out")
                    .label(list.ty.with_article())
                    .help("use a list"),
            ));
        };
        let list = self.held(list);
        let range = target.range();
        let mut args = vec![Self::kind_of(&list), list];
        let (routine, guard) = if let ast::Expr::Slice(slice) = &*target.slice {
            args.extend(self.slice_words(slice)?);
            (
                Routine::DeleteSlice,
                self.guard(range, "ValueError", ZERO_STEP),
            )
        } else {
            args.push(self.index(&target.slice)?);
            let message = "list assignment index out of range";
            (Routine::Delete, self.guard(range, "IndexError", message))
        };
        let deleted = Self::routine(routine, args, Type::None, vec![guard]);
        self.emit(Stmt::Eval(deleted));
        Ok(())
    }

    /// `+` and `*` with a list.
    pub(super) fn list_binary(
        &mut self,
        op: Operator,
        left: Expr,
        right: Expr,
        range: TextRange,
    ) -> Lowered<Expr> {
        let memory = self.memory(range);
        match (op, left.ty, right.ty) {
            (Operator::Add, Type::List(one), Type::List(other)) => {
                // An empty list is one of the others.
                let (left, right) = if one == Scalar::Unknown {
                    (self.retyped_list(left, other), right)
                } else {
                    let right = self.retyped_list(right, one);
                    (left, right)
                };
                let left = if let (Type::List(Scalar::Float), Type::List(Scalar::Int)) =
                    (right.ty, left.ty)
                {
                    self.retyped_list(left, Scalar::Float)
                } else {
                    left
                };
                if left.ty != right.ty {
                    return Err(self.refuse_lists(left.ty, right.ty, range));
                }
                let ty = left.ty;
                let args = vec![Self::kind_of(&left), left, right];
                let made = Self::routine(Routine::Concatenate, args, ty, vec![memory]);
                Ok(self.new_from(made))
            }
            (Operator::Mult, Type::List(_), Type::Int | Type::Bool) => {
                Ok(self.repeated(left, right, range))
            }
            (Operator::Mult, Type::Int | Type::Bool, Type::List(_)) => {
                // The number is evaluated first.
                let left = self.held(left);
                Ok(self.repeated(right, left, range))
            }
            _ => Err(self.refuse_lists(left.ty, right.ty, range)),
        }
    }

    fn repeated(&mut self, list: Expr, count: Expr, range: TextRange) -> Expr {
        let ty = list.ty;
        let count = super::arithmetic::as_int(count);
        let args = vec![Self::kind_of(&list), list, count];
        let memory = self.memory(range);
        let made = Self::routine(Routine::Repeat, args, ty, vec![memory]);
        self.new_from(made)
    }

    fn refuse_lists(&self, one: Type, other: Type, range: TextRange) -> Box<super::Refusal> {
        self.refuse(
            Diagnostic::new(range, "native code has no such operation of lists")
                .label(format!(
                    "{} and {}",
                    one.with_article(),
                    other.with_article()
                ))
                .help("lists of one type can be added and compared, and repeated by an int"),
        )
    }

    /// `list += ...` and `list *= ...`, which change the list itself.
    pub(super) fn list_augmented(
        &mut self,
        stmt: &ast::StmtAugAssign,
        list: Expr,
        name: Option<&str>,
    ) -> Lowered<()> {
        let range = stmt.range();
        let changed = match stmt.op {
            Operator::Add => self.extended_by(list, name, &stmt.value, range)?,
            Operator::Mult => {
                let count = self.expression(&stmt.value)?;
                let title = "a list is repeated an int of times";
                let count = self.expect_int(count, stmt.value.range(), title)?;
                let args = vec![Self::kind_of(&list), list, count];
                let memory = self.memory(range);
                Self::routine(Routine::RepeatInPlace, args, Type::None, vec![memory])
            }
            _ => {
                let value = self.expression(&stmt.value)?;
                return Err(self.refuse_lists(list.ty, value.ty, range));
            }
        };
        self.emit(Stmt::Eval(changed));
        Ok(())
    }

    /// Compares lists as Python does: by the first items that differ.
    pub(super) fn list_comparison(
        &mut self,
        comparison: Comparison,
        left: Expr,
        right: Expr,
        range: TextRange,
    ) -> Lowered<Expr> {
        let (Type::List(one), Type::List(other)) = (left.ty, right.ty) else {
            unreachable!("called for lists");
        };
        let (left, right) = if one == Scalar::Unknown {
            (self.retyped_list(left, other), right)
        } else {
            let right = self.retyped_list(right, one);
            (left, right)
        };
        if left.ty != right.ty && ![one, other].contains(&Scalar::Unknown) {
            return Err(self.refuse_lists(left.ty, right.ty, range));
        }
        let kind = if one == Scalar::Unknown {
            &right
        } else {
            &left
        };
        let args = vec![Self::kind_of(kind), left, right];
        let guard = self.two_nans(range);
        let order = Self::routine(Routine::Order, args, Type::Int, vec![guard]);
        let against = |order: Expr, comparison, number| {
            let args = vec![order, Expr::int(number)];
            Expr::new(Op::Compare(comparison), args, Type::Bool)
        };
        // 2 says that a NaN decides: the lists differ, and neither is less.
        if comparison != Comparison::Gt && comparison != Comparison::Ge {
            return Ok(against(order, comparison, 0));
        }
        let slot = self.temporary(Type::Int);
        let kept = Expr::slot(slot, Type::Int);
        let decided = Expr::new(
            Op::And,
            vec![
                against(kept.clone(), comparison, 0),
                against(kept, Comparison::Ne, 2),
            ],
            Type::Bool,
        );
        Ok(Expr::new(Op::Let(slot), vec![order, decided], Type::Bool))
    }
}
