//! Arithmetic: which operation Python means for these types, and what can go wrong in it.

use ruff_python_ast as ast;
use ruff_python_ast::Operator;
use ruff_text_size::{Ranged, TextRange};

use super::Lowered;
use super::function::FunctionLowerer;
use crate::diagnostic::Diagnostic;
use crate::ir::{Expr, Guard, Op};
use crate::types::Type;

impl FunctionLowerer<'_, '_> {
    pub(super) fn binary(
        &mut self,
        op: Operator,
        left: Expr,
        right: Expr,
        range: TextRange,
    ) -> Lowered<Expr> {
        let complex = |ty: Type| ty == Type::Complex;
        let fits = |ty: Type| ty.is_number() || complex(ty);
        if (complex(left.ty) || complex(right.ty)) && fits(left.ty) && fits(right.ty) {
            return self.complex_binary(op, left, right, range);
        }
        if matches!(left.ty, Type::List(_)) || matches!(right.ty, Type::List(_)) {
            return self.list_binary(op, left, right, range);
        }
        if matches!(left.ty, Type::Array(_)) || matches!(right.ty, Type::Array(_)) {
            return self.array_binary(op, left, right, range);
        }
        if !left.ty.is_number() || !right.ty.is_number() {
            return Err(self.refuse(
                Diagnostic::new(
                    range,
                    format!("native code has no `{}` of these", op.as_str()),
                )
                .label(format!(
                    "{} and {}",
                    left.ty.with_article(),
                    right.ty.with_article()
                ))
                .help("calculate with numbers; go over arrays in a loop"),
            ));
        }
        let bitwise = matches!(op, Operator::BitAnd | Operator::BitOr | Operator::BitXor);
        if left.ty == Type::Bool && right.ty == Type::Bool && bitwise {
            return Ok(Expr::new(bitwise_op(op), vec![left, right], Type::Bool));
        }
        if left.ty == Type::Float || right.ty == Type::Float {
            let (left, right) = (as_float(left), as_float(right));
            self.float_binary(op, left, right, range)
        } else {
            let (left, right) = (as_int(left), as_int(right));
            self.int_binary(op, left, right, range)
        }
    }

    fn int_binary(
        &mut self,
        op: Operator,
        left: Expr,
        right: Expr,
        range: TextRange,
    ) -> Lowered<Expr> {
        let (op, guards) = match op {
            Operator::Add => (Op::Add, vec![self.overflow(range)]),
            Operator::Sub => (Op::Sub, vec![self.overflow(range)]),
            Operator::Mult => (Op::Mul, vec![self.overflow(range)]),
            Operator::FloorDiv => (
                Op::FloorDiv,
                vec![self.zero(range, "1 // 0"), self.overflow(range)],
            ),
            Operator::Mod => (Op::Mod, vec![self.zero(range, "1 % 0")]),
            Operator::Div => {
                let guard = self.zero(range, "1 / 0");
                return Ok(
                    Expr::new(Op::TrueDiv, vec![left, right], Type::Float).guarded(vec![guard])
                );
            }
            Operator::Pow => return self.int_power(left, right, range),
            Operator::LShift => (
                Op::Shl,
                vec![
                    self.guard(range, "ValueError", "negative shift count"),
                    self.overflow(range),
                ],
            ),
            Operator::RShift => (
                Op::Shr,
                vec![self.guard(range, "ValueError", "negative shift count")],
            ),
            Operator::BitAnd | Operator::BitOr | Operator::BitXor => (bitwise_op(op), Vec::new()),
            Operator::MatMult => return Err(self.refuse_matmul(range)),
        };
        Ok(Expr::new(op, vec![left, right], Type::Int).guarded(guards))
    }

    fn int_power(&mut self, left: Expr, right: Expr, range: TextRange) -> Lowered<Expr> {
        let exponent = match right.op {
            Op::Int(value) => Some(value),
            _ => None,
        };
        if exponent.is_some_and(|exponent| exponent < 0) {
            // A negative exponent makes a float of it, as in Python.
            let (left, right) = (as_float(left), as_float(right));
            return self.float_binary(Operator::Pow, left, right, range);
        }
        if exponent == Some(2) {
            let overflow = self.overflow(range);
            if left.is_cheap() {
                return Ok(
                    Expr::new(Op::Mul, vec![left.clone(), left], Type::Int).guarded(vec![overflow])
                );
            }
        }
        let guards = vec![
            self.guard(
                range,
                "ValueError",
                "an int to a negative power is a float: write float(...) ** ...",
            ),
            self.overflow(range),
        ];
        Ok(Expr::new(Op::Pow, vec![left, right], Type::Int).guarded(guards))
    }

    fn float_binary(
        &mut self,
        op: Operator,
        left: Expr,
        right: Expr,
        range: TextRange,
    ) -> Lowered<Expr> {
        let (op, guards) = match op {
            Operator::Add => (Op::FAdd, Vec::new()),
            Operator::Sub => (Op::FSub, Vec::new()),
            Operator::Mult => (Op::FMul, Vec::new()),
            Operator::Div => (Op::FDiv, vec![self.zero(range, "1.0 / 0.0")]),
            Operator::FloorDiv => (Op::FFloorDiv, vec![self.zero(range, "1.0 // 0.0")]),
            Operator::Mod => (Op::FMod, vec![self.zero(range, "1.0 % 0.0")]),
            Operator::Pow => return Ok(self.float_power(left, right, range)),
            Operator::MatMult => return Err(self.refuse_matmul(range)),
            _ => {
                return Err(self.refuse(
                    Diagnostic::new(range, format!("floats have no `{}`", op.as_str()))
                        .label("of which one is a float")
                        .help("write `int(...)` around the float"),
                ));
            }
        };
        Ok(Expr::new(op, vec![left, right], Type::Float).guarded(guards))
    }

    fn float_power(&mut self, left: Expr, right: Expr, range: TextRange) -> Expr {
        let too_large = self.as_python(range, "OverflowError", "1e200 ** 2");
        if right.op == Op::Float(2.0) {
            return Expr::new(Op::FSquare, vec![left], Type::Float).guarded(vec![too_large]);
        }
        let zero = self.zero(range, "0.0 ** -1.0");
        let complex = self.guard(
            range,
            "ValueError",
            "a negative number to the power of a fraction is complex, which native code does not have",
        );
        Expr::new(Op::FPow, vec![left, right], Type::Float).guarded(vec![zero, complex, too_large])
    }

    pub(super) fn unary(&mut self, expr: &ast::ExprUnaryOp) -> Lowered<Expr> {
        if expr.op == ast::UnaryOp::Not {
            let value = self.condition(&expr.operand)?;
            return Ok(Expr::new(Op::Not, vec![value], Type::Bool));
        }
        // -9223372036854775808 is an int of 64 bits, though its digits alone are not.
        if expr.op == ast::UnaryOp::USub
            && let ast::Expr::NumberLiteral(literal) = &*expr.operand
            && let ast::Number::Int(value) = &literal.value
            && value.as_i64().is_none()
            && value.as_u64() == Some(1 << 63)
        {
            return Ok(Expr::int(i64::MIN));
        }
        let value = self.pending(&expr.operand)?;
        match (expr.op, value.ty) {
            (_, Type::Array(_)) => return self.array_unary(expr.op, value, expr.range()),
            (ast::UnaryOp::USub, Type::Complex) => return Ok(self.complex_negative(value)),
            (ast::UnaryOp::UAdd, Type::Complex) => return Ok(value),
            _ => {}
        }
        if !value.ty.is_number() {
            return Err(self.refuse(
                Diagnostic::new(expr.range(), "native code has no sign for this")
                    .label(value.ty.with_article()),
            ));
        }
        let range = expr.range();
        if let (ast::UnaryOp::USub, Op::Int(constant)) = (expr.op, &value.op)
            && let Some(negated) = constant.checked_neg()
        {
            return Ok(Expr::int(negated));
        }
        match (expr.op, value.ty) {
            (ast::UnaryOp::UAdd, Type::Float) => Ok(value),
            (ast::UnaryOp::UAdd, _) => Ok(as_int(value)),
            (ast::UnaryOp::USub, Type::Float) => Ok(Expr::new(Op::FNeg, vec![value], Type::Float)),
            (ast::UnaryOp::USub, _) => {
                let overflow = self.overflow(range);
                let value = as_int(value);
                Ok(Expr::new(Op::Neg, vec![value], Type::Int).guarded(vec![overflow]))
            }
            (_, Type::Float) => Err(self.refuse(
                Diagnostic::new(range, "floats have no `~`")
                    .label("a float")
                    .help("write `int(...)` around the float"),
            )),
            _ => {
                let value = as_int(value);
                Ok(Expr::new(Op::Invert, vec![value], Type::Int))
            }
        }
    }

    pub(super) fn zero(&mut self, range: TextRange, example: &str) -> Guard {
        self.as_python(range, "ZeroDivisionError", example)
    }

    /// A number as a float that has the same value.
    pub(super) fn exact_float(&mut self, value: Expr, range: TextRange) -> Expr {
        let mut converted = as_float(value);
        if converted.op == Op::IntToFloat {
            let guard = self.guard(
                range,
                "OverflowError",
                "the int {a} has no float of the same value, which the annotation asks for",
            );
            converted.guards = vec![guard];
        }
        converted
    }

    pub(super) fn expect_int(
        &mut self,
        value: Expr,
        range: TextRange,
        title: &str,
    ) -> Lowered<Expr> {
        match value.ty {
            Type::Int | Type::Bool => Ok(as_int(value)),
            other => Err(self.refuse(
                Diagnostic::new(range, title)
                    .label(format!("this is {}", other.with_article()))
                    .help("write `int(...)` around it, or `//` instead of `/`"),
            )),
        }
    }

    pub(super) fn refuse_matmul(&self, range: TextRange) -> Box<super::Refusal> {
        self.refuse(
            Diagnostic::new(range, "numbers have no `@`")
                .label("matrix multiplication")
                .help("write the loops: they are as fast here as in C"),
        )
    }
}

/// A number as an int; a float stays what it is.
pub(super) fn as_int(value: Expr) -> Expr {
    match value.ty {
        Type::Bool => Expr::new(Op::BoolToInt, vec![value], Type::Int),
        _ => value,
    }
}

/// A number as a float, rounded to the nearest as Python does.
pub(super) fn as_float(value: Expr) -> Expr {
    match (&value.op, value.ty) {
        (_, Type::Float) => value,
        (Op::Int(constant), _) => Expr::float(*constant as f64),
        _ => {
            let value = as_int(value);
            Expr::new(Op::IntToFloat, vec![value], Type::Float)
        }
    }
}

/// Whether a number is not zero.
pub(super) fn truth(value: Expr) -> Expr {
    if value.ty == Type::Bool {
        value
    } else {
        Expr::new(Op::Truth, vec![value], Type::Bool)
    }
}

pub(super) fn bitwise_op(op: Operator) -> Op {
    match op {
        Operator::BitAnd => Op::BitAnd,
        Operator::BitOr => Op::BitOr,
        _ => Op::BitXor,
    }
}
