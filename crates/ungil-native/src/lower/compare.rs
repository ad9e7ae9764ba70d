//! Comparisons, chained ones included.

use ruff_python_ast as ast;
use ruff_python_ast::CmpOp;
use ruff_text_size::{Ranged, TextRange};

use super::Lowered;
use super::arithmetic::as_int;
use super::function::FunctionLowerer;
use crate::diagnostic::Diagnostic;
use crate::ir::{Comparison, Expr, Op, RecordOp, Stmt};
use crate::types::Type;

impl FunctionLowerer<'_, '_> {
    pub(super) fn compare(&mut self, expr: &ast::ExprCompare) -> Lowered<Expr> {
        if let ([op], [right]) = (&*expr.ops, &*expr.comparators) {
            if let Some(known) = self.identity(*op, &expr.left, right, expr.range())? {
                return Ok(known);
            }
            if let Some(known) = self.in_range(*op, &expr.left, right, expr.range())? {
                return Ok(known);
            }
            let (left, right) = self.two_operands(&expr.left, right)?;
            return self.comparison(*op, left, right, expr.range());
        }
        // a < b < c is a < b and b < c with b evaluated once, and c only if a < b.
        let first = self.expression(&expr.left)?;
        self.chain(first, &expr.ops, &expr.comparators, expr.range())
    }

    fn chain(
        &mut self,
        left: Expr,
        ops: &[CmpOp],
        rights: &[ast::Expr],
        range: TextRange,
    ) -> Lowered<Expr> {
        let (Some((&op, ops)), Some((right, rights))) = (ops.split_first(), rights.split_first())
        else {
            unreachable!("as many operators as operands");
        };
        let mut left = [left];
        let before = self.block.len();
        let right_value = self.expression(right)?;
        self.settle(before, &mut left);
        let [left] = left;
        let ty = right_value.ty;
        if matches!(ty, Type::Array(_)) || matches!(left.ty, Type::Array(_)) {
            return Err(self.refuse(
                Diagnostic::new(range, "arrays are compared two at a time")
                    .label("`and` is meant here, of whole arrays")
                    .help("write `(a < b) & (b < c)`"),
            ));
        }
        if ops.is_empty() || matches!(ty, Type::None | Type::Nested(_)) {
            return self.comparison(op, left, right_value, range);
        }
        let slot = self.temporary(ty);
        let kept = Expr::slot(slot, ty);
        // The left side is evaluated before the right one, which is then kept.
        let left_slot = self.temporary(left.ty);
        let left_kept = Expr::slot(left_slot, left.ty);
        let first = self.comparison(op, left_kept, kept.clone(), range)?;
        let (mut more, rest) = self.apart(|this| this.chain(kept, ops, rights, range))?;
        if more.is_empty() {
            let both = Expr::new(Op::And, vec![first, rest], Type::Bool);
            let inner = Expr::new(Op::Let(slot), vec![right_value, both], Type::Bool);
            return Ok(Expr::new(Op::Let(left_slot), vec![left, inner], Type::Bool));
        }
        self.emit(Stmt::Set(left_slot, left));
        self.emit(Stmt::Set(slot, right_value));
        let result = self.temporary(Type::Bool);
        self.emit(Stmt::Set(result, first));
        more.push(Stmt::Set(result, rest));
        let holds = Expr::slot(result, Type::Bool);
        self.emit(Stmt::If(holds.clone(), more, Vec::new()));
        Ok(holds)
    }

    pub(super) fn comparison(
        &mut self,
        op: CmpOp,
        left: Expr,
        right: Expr,
        range: TextRange,
    ) -> Lowered<Expr> {
        let comparison = match op {
            CmpOp::Eq => Comparison::Eq,
            CmpOp::NotEq => Comparison::Ne,
            CmpOp::Lt => Comparison::Lt,
            CmpOp::LtE => Comparison::Le,
            CmpOp::Gt => Comparison::Gt,
            CmpOp::GtE => Comparison::Ge,
            CmpOp::In | CmpOp::NotIn if matches!(right.ty, Type::Tuple(_)) => {
                let found = self.in_tuple(left, right, range)?;
                return Ok(match op {
                    CmpOp::In => found,
                    _ => Expr::new(Op::Not, vec![found], Type::Bool),
                });
            }
            CmpOp::In | CmpOp::NotIn if matches!(right.ty, Type::Text(_)) => {
                return self.in_text(op, (left, right), range);
            }
            CmpOp::Is | CmpOp::IsNot
                if matches!(left.ty, Type::Record(_)) && left.ty == right.ty =>
            {
                let same = Expr::new(Op::Record(RecordOp::Same), vec![left, right], Type::Bool);
                return Ok(match op {
                    CmpOp::Is => same,
                    _ => Expr::new(Op::Not, vec![same], Type::Bool),
                });
            }
            CmpOp::In | CmpOp::NotIn if matches!(right.ty, Type::List(_) | Type::Array(_)) => {
                let found = match right.ty {
                    Type::List(_) => self.in_list(left, right, range)?,
                    _ => self.in_array(left, right, range)?,
                };
                return Ok(match op {
                    CmpOp::In => found,
                    _ => Expr::new(Op::Not, vec![found], Type::Bool),
                });
            }
            CmpOp::Is | CmpOp::IsNot | CmpOp::In | CmpOp::NotIn => {
                let help = if matches!(op, CmpOp::Is | CmpOp::IsNot) {
                    "numbers have no identity here: use `==` or `!=`"
                } else {
                    "write a loop, or a tuple on the right: `x in (1, 2, 3)`"
                };
                return Err(self.refuse(
                    Diagnostic::new(range, format!("native code has no `{}`", op.as_str()))
                        .label("not in the native language")
                        .help(help),
                ));
            }
        };
        let fits = |ty: Type| ty.is_number() || ty == Type::Complex;
        if (left.ty == Type::Complex || right.ty == Type::Complex)
            && fits(left.ty)
            && fits(right.ty)
        {
            return self.complex_comparison(comparison, (left, right), range);
        }
        if matches!(left.ty, Type::Text(_)) || matches!(right.ty, Type::Text(_)) {
            return self.text_comparison(comparison, (left, right), range);
        }
        if let (Type::Record(one), Type::Record(other)) = (left.ty, right.ty)
            && one == other
        {
            return self.record_comparison(op, (left, right), one, range);
        }
        if let (Type::Tuple(_), Type::Tuple(_)) = (left.ty, right.ty) {
            return self.tuple_comparison(op, comparison, (left, right), range);
        }
        if let (Type::List(_), Type::List(_)) = (left.ty, right.ty) {
            return self.list_comparison(comparison, left, right, range);
        }
        if matches!(left.ty, Type::Array(_)) || matches!(right.ty, Type::Array(_)) {
            return self.array_comparison(comparison, left, right, range);
        }
        if !left.ty.is_number() || !right.ty.is_number() {
            return Err(self.refuse(
                Diagnostic::new(range, "native code compares numbers only").label(format!(
                    "{} and {}",
                    left.ty.with_article(),
                    right.ty.with_article()
                )),
            ));
        }
        let (op, args) = match (left.ty, right.ty) {
            (Type::Float, Type::Float) | (Type::Bool, Type::Bool) => {
                (Op::Compare(comparison), vec![left, right])
            }
            (Type::Float, _) => {
                let right = as_int(right);
                self.mixed(comparison.mirrored(), right, left, true)
            }
            (_, Type::Float) => {
                let left = as_int(left);
                self.mixed(comparison, left, right, false)
            }
            _ => {
                let (left, right) = (as_int(left), as_int(right));
                (Op::Compare(comparison), vec![left, right])
            }
        };
        Ok(Expr::new(op, args, Type::Bool))
    }

    /// An int and a float; `swapped` if the float stood on the left (what is constant has no order).
    fn mixed(
        &mut self,
        comparison: Comparison,
        int: Expr,
        float: Expr,
        swapped: bool,
    ) -> (Op, Vec<Expr>) {
        if let Op::Int(value) = int.op
            && value.unsigned_abs() <= 1 << 53
        {
            let constant = Expr::float(value as f64);
            return (Op::Compare(comparison), vec![constant, float]);
        }
        if swapped && !int.is_cheap() && !float.is_cheap() {
            // The float is evaluated first.
            let (int_slot, float_slot) = (self.temporary(Type::Int), self.temporary(Type::Float));
            let kept = Expr::new(
                Op::CompareMixed(comparison),
                vec![
                    Expr::slot(int_slot, Type::Int),
                    Expr::slot(float_slot, Type::Float),
                ],
                Type::Bool,
            );
            let inner = Expr::new(Op::Let(int_slot), vec![int, kept], Type::Bool);
            return (Op::Let(float_slot), vec![float, inner]);
        }
        (Op::CompareMixed(comparison), vec![int, float])
    }
}
