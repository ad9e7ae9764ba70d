//! `is`, as far as it has one meaning, and `in range(...)`.

use ruff_python_ast as ast;
use ruff_python_ast::CmpOp;
use ruff_text_size::{Ranged, TextRange};

use super::Lowered;
use super::arithmetic::as_int;
use super::function::FunctionLowerer;
use crate::diagnostic::Diagnostic;
use crate::ir::{Comparison, Expr, Op, RecordOp};
use crate::routine::Routine;
use crate::types::Type;

impl FunctionLowerer<'_, '_> {
    /// `is` and `is not` with None, of bools, of which there are two, and of objects.
    pub(super) fn identity(
        &mut self,
        op: CmpOp,
        left: &ast::Expr,
        right: &ast::Expr,
        range: TextRange,
    ) -> Lowered<Option<Expr>> {
        if !matches!(op, CmpOp::Is | CmpOp::IsNot) {
            return Ok(None);
        }
        let (one, other) = self.both(left, right)?;
        let none = |ty| ty == Type::None;
        let same = match (one.ty, other.ty) {
            (Type::Bool, Type::Bool) => {
                Expr::new(Op::Compare(Comparison::Eq), vec![one, other], Type::Bool)
            }
            (Type::Record(a), Type::Record(b)) if a == b => {
                Expr::new(Op::Record(RecordOp::Same), vec![one, other], Type::Bool)
            }
            (left, right) if none(left) && none(right) => Expr::bool(true),
            // What is of another type than None or a bool is none of them.
            (left, right)
                if none(left) != none(right) || (left == Type::Bool) != (right == Type::Bool) =>
            {
                self.for_its_errors(one);
                self.for_its_errors(other);
                Expr::bool(false)
            }
            (left, right) => {
                return Err(self.refuse(
                    Diagnostic::new(range, "whether these are one object is not known here")
                        .label(format!(
                            "{} and {}",
                            left.with_article(),
                            right.with_article()
                        ))
                        .note("Python makes numbers anew, or not, as it likes")
                        .help("write `==` or `!=`"),
                ));
            }
        };
        Ok(Some(match op {
            CmpOp::Is => same,
            _ => Expr::new(Op::Not, vec![same], Type::Bool),
        }))
    }

    /// Evaluates what has no use but what can go wrong in it.
    fn for_its_errors(&mut self, value: Expr) {
        if !matches!(value.op, Op::None | Op::Slot(_)) {
            self.emit(crate::ir::Stmt::Eval(value));
        }
    }

    /// `value in range(...)` of ints.
    pub(super) fn in_range(
        &mut self,
        op: CmpOp,
        value: &ast::Expr,
        range_of: &ast::Expr,
        range: TextRange,
    ) -> Lowered<Option<Expr>> {
        let ast::Expr::Call(call) = range_of else {
            return Ok(None);
        };
        if !matches!(op, CmpOp::In | CmpOp::NotIn)
            || self.builtin_called(call).as_deref() != Some("range")
            || !call.arguments.keywords.is_empty()
        {
            return Ok(None);
        }
        let value_range = value.range();
        let value = self.expression(value)?;
        if !matches!(value.ty, Type::Int | Type::Bool) {
            return Err(self.refuse(
                Diagnostic::new(value_range, "native code looks for ints in ranges")
                    .label(format!("this is {}", value.ty.with_article()))
                    .help("compare with the bounds: `a <= x < b`"),
            ));
        }
        let value = self.kept(as_int(value));
        let (start, stop, step) = self.range_bounds("range", &call.arguments.args, call.range())?;
        let found = if matches!(step.op, Op::Int(1)) {
            let least = vec![start, value.clone()];
            let above = Expr::new(Op::Compare(Comparison::Le), least, Type::Bool);
            let below = Expr::new(Op::Compare(Comparison::Lt), vec![value, stop], Type::Bool);
            Expr::new(Op::And, vec![above, below], Type::Bool)
        } else {
            let zero = self.guard(range, "ValueError", "range() arg 3 must not be zero");
            let args = vec![value, start, stop, step];
            Self::routine(Routine::InRange, args, Type::Bool, vec![zero])
        };
        Ok(Some(match op {
            CmpOp::In => found,
            _ => Expr::new(Op::Not, vec![found], Type::Bool),
        }))
    }
}
