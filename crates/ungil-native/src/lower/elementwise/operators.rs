//! Python's operators, of elements.

use ruff_python_ast::Operator;
use ruff_text_size::TextRange;

use super::super::Lowered;
use super::super::arithmetic::{as_int, bitwise_op};
use super::super::function::FunctionLowerer;
use super::dtype::common;
use super::join::{Kind, Part};
use crate::diagnostic::Diagnostic;
use crate::ir::{Comparison, EachOp, Expr, Guard, MathFunction, Op, Proof};
use crate::types::{Element, Type};

impl FunctionLowerer<'_, '_> {
    /// An operator with an array on one side.
    pub(in crate::lower) fn array_binary(
        &mut self,
        op: Operator,
        left: Expr,
        right: Expr,
        range: TextRange,
    ) -> Lowered<Expr> {
        self.array_binary_into(op, left, right, None, range)
    }

    /// The same, for an array that the result is to go into.
    pub(super) fn array_binary_into(
        &mut self,
        op: Operator,
        left: Expr,
        right: Expr,
        into: Option<&Expr>,
        range: TextRange,
    ) -> Lowered<Expr> {
        let mut joined = self.joined_into(vec![(left, range), (right, range)], into, range)?;
        let parts = std::mem::take(&mut joined.parts);
        let (value, element) = self.element_binary(op, parts, range)?;
        Ok(joined.into_expr(value, element))
    }

    pub(super) fn element_binary(
        &mut self,
        op: Operator,
        parts: Vec<Part>,
        range: TextRange,
    ) -> Lowered<(Expr, Element)> {
        let mut element = common(&parts);
        match op {
            Operator::Add | Operator::Mult | Operator::Sub if element == Element::Bool => {
                let op = match op {
                    Operator::Add => Op::BitOr,
                    Operator::Mult => Op::BitAnd,
                    _ => return Err(self.refuse_bools(range, "subtraction", "`a ^ b`")),
                };
                let args = self.all_converted(parts, element, range);
                return Ok((Expr::new(op, args, Type::Bool), element));
            }
            Operator::BitAnd | Operator::BitOr | Operator::BitXor => {
                if element.is_float() {
                    return Err(self.refuse_floats(op.as_str(), range));
                }
                let args = self.all_converted(parts, element, range);
                return Ok((Expr::new(bitwise_op(op), args, element.read()), element));
            }
            Operator::MatMult => return Err(self.refuse_matmul(range)),
            Operator::Div if !element.is_float() => element = Element::Float64,
            _ => {}
        }
        if element == Element::Bool {
            element = Element::Signed(8);
        }
        if element.is_float() {
            return self.floats_binary(op, parts, element, range);
        }
        if let (Operator::Pow, Op::Int(..0)) = (op, &parts[1].value.op) {
            return Err(self.refuse(
                Diagnostic::new(range, "ints have no negative powers in NumPy")
                    .label("Integers to negative integer powers are not allowed.")
                    .help("write `.astype(float)` after the array, or a float as the exponent"),
            ));
        }
        let [left, right] = self.pair(parts, element, range);
        let value = self.ints_binary(op, left, right, range);
        Ok((self.in_width(value, element, range), element))
    }

    fn ints_binary(&mut self, op: Operator, left: Expr, right: Expr, range: TextRange) -> Expr {
        let overflow = self.overflow(range);
        let (op, guards) = match op {
            Operator::Add => (Op::Add, vec![overflow]),
            Operator::Sub => (Op::Sub, vec![overflow]),
            Operator::Mult => (Op::Mul, vec![overflow]),
            Operator::FloorDiv => (Op::FloorDiv, vec![self.zero(range, "1 // 0"), overflow]),
            Operator::Mod => (Op::Mod, vec![self.zero(range, "1 % 0")]),
            Operator::Pow if right.op == Op::Int(2) => {
                return self.of_kept(left, |left| {
                    Expr::new(Op::Mul, vec![left.clone(), left], Type::Int).guarded(vec![overflow])
                });
            }
            Operator::Pow => {
                let negative = "Integers to negative integer powers are not allowed.";
                let negative = self.guard(range, "ValueError", negative);
                (Op::Pow, vec![negative, overflow])
            }
            Operator::LShift | Operator::RShift => {
                let negative = self.guard(range, "ValueError", "negative shift count");
                if op == Operator::LShift {
                    (Op::Shl, vec![negative, overflow])
                } else {
                    (Op::Shr, vec![negative])
                }
            }
            _ => unreachable!("bitwise operations and divisions were looked at before"),
        };
        Expr::new(op, vec![left, right], Type::Int).guarded(guards)
    }

    fn floats_binary(
        &mut self,
        op: Operator,
        parts: Vec<Part>,
        element: Element,
        range: TextRange,
    ) -> Lowered<(Expr, Element)> {
        let number = parts[1].kind == Kind::Number;
        let [left, right] = self.pair(parts, element, range);
        let two = |op| Expr::new(op, vec![left.clone(), right.clone()], Type::Float);
        let waived = self.waived(range);
        let value = match op {
            Operator::Add => two(Op::FAdd),
            Operator::Sub => two(Op::FSub),
            Operator::Mult => two(Op::FMul),
            Operator::Div => two(Op::FDiv).guarded(vec![waived]),
            Operator::Mod => two(Op::FMod).guarded(vec![waived]),
            Operator::FloorDiv => two(Op::Each(EachOp::FloorDivide(element))),
            Operator::Pow => self.float_powers(left, right, number, range),
            _ => return Err(self.refuse_floats(op.as_str(), range)),
        };
        Ok((self.in_width(value, element, range), element))
    }

    /// `NumPy`'s powers: some exponents have a short way, where they are numbers.
    fn float_powers(&mut self, left: Expr, right: Expr, number: bool, range: TextRange) -> Expr {
        let square = |left: Expr| Expr::new(Op::FMul, vec![left.clone(), left], Type::Float);
        if let (true, &Op::Float(exponent)) = (number, &right.op) {
            let is = |other: f64| exponent.to_bits() == other.to_bits();
            if is(2.0) {
                return self.of_kept(left, square);
            }
            if is(1.0) {
                return left;
            }
            if is(0.5) {
                return self.math_of(MathFunction::Sqrt, vec![left], range);
            }
        }
        if number && !matches!(right.op, Op::Float(_)) {
            let is_two = Expr::new(
                Op::Compare(Comparison::Eq),
                vec![right.clone(), Expr::float(2.0)],
                Type::Bool,
            );
            let slot = self.temporary(Type::Float);
            let kept = Expr::slot(slot, Type::Float);
            let power = self.math_of(MathFunction::Pow, vec![kept.clone(), right], range);
            let chosen = Expr::new(Op::Select, vec![is_two, square(kept), power], Type::Float);
            return Expr::new(Op::Let(slot), vec![left, chosen], Type::Float);
        }
        self.math_of(MathFunction::Pow, vec![left, right], range)
    }

    /// A function of the C library, where infinities and NaNs are results like others.
    pub(super) fn math_of(
        &mut self,
        function: MathFunction,
        args: Vec<Expr>,
        range: TextRange,
    ) -> Expr {
        let waived = self.waived(range);
        Expr::new(Op::Math(function), args, Type::Float).guarded(vec![waived, waived])
    }

    /// A comparison with an array on one side.
    pub(in crate::lower) fn array_comparison(
        &mut self,
        comparison: Comparison,
        left: Expr,
        right: Expr,
        range: TextRange,
    ) -> Lowered<Expr> {
        let mut joined = self.joined(vec![(left, range), (right, range)], range)?;
        let parts = std::mem::take(&mut joined.parts);
        let value = self.element_comparison(comparison, parts, range);
        Ok(joined.into_expr(value, Element::Bool))
    }

    pub(super) fn element_comparison(
        &mut self,
        comparison: Comparison,
        parts: Vec<Part>,
        range: TextRange,
    ) -> Expr {
        let reads = |part: &Part| part.value.ty;
        let args = if parts.iter().any(|part| reads(part) == Type::Float) {
            let element = common(&parts);
            self.all_converted(parts, element, range)
        } else if parts.iter().all(|part| reads(part) == Type::Bool) {
            parts.into_iter().map(|part| part.value).collect()
        } else {
            // Ints are compared as they are: those beyond the type of an array's elements, too.
            parts.into_iter().map(|part| as_int(part.value)).collect()
        };
        Expr::new(Op::Compare(comparison), args, Type::Bool)
    }

    /// `-a`, `+a` and `~a`.
    pub(in crate::lower) fn array_unary(
        &mut self,
        op: ruff_python_ast::UnaryOp,
        operand: Expr,
        range: TextRange,
    ) -> Lowered<Expr> {
        use ruff_python_ast::UnaryOp;
        let mut joined = self.joined(vec![(operand, range)], range)?;
        let part = std::mem::take(&mut joined.parts).remove(0);
        let element = common(std::slice::from_ref(&part));
        let value = match op {
            UnaryOp::Invert if element.is_float() => {
                return Err(self.refuse_floats("~", range));
            }
            UnaryOp::Invert => inverted(part.value, element),
            _ if element == Element::Bool => {
                return Err(self.refuse_bools(range, "sign", "`~a`"));
            }
            UnaryOp::UAdd => part.value,
            _ => self.negative(part.value, element, range),
        };
        Ok(joined.into_expr(value, element))
    }

    pub(super) fn negative(&mut self, value: Expr, element: Element, range: TextRange) -> Expr {
        if element.is_float() {
            return Expr::new(Op::FNeg, vec![value], Type::Float);
        }
        let overflow = self.overflow(range);
        let value = Expr::new(Op::Neg, vec![value], Type::Int).guarded(vec![overflow]);
        self.in_width(value, element, range)
    }

    pub(super) fn all_converted(
        &mut self,
        parts: Vec<Part>,
        element: Element,
        range: TextRange,
    ) -> Vec<Expr> {
        parts
            .into_iter()
            .map(|part| self.converted(part, element, range))
            .collect()
    }

    pub(super) fn pair(
        &mut self,
        parts: Vec<Part>,
        element: Element,
        range: TextRange,
    ) -> [Expr; 2] {
        let mut args = self.all_converted(parts, element, range).into_iter();
        [(); 2].map(|()| args.next().expect("there are two operands"))
    }

    /// Something of a value that is used more than once.
    pub(super) fn of_kept(&mut self, value: Expr, make: impl FnOnce(Expr) -> Expr) -> Expr {
        let slot = self.temporary(value.ty);
        let made = make(Expr::slot(slot, value.ty));
        let ty = made.ty;
        Expr::new(Op::Let(slot), vec![value, made], ty)
    }

    /// A check that is not made.
    pub(super) fn waived(&mut self, range: TextRange) -> Guard {
        Guard {
            site: self.push_site(range, None),
            proof: Proof::Waived,
        }
    }

    fn refuse_bools(
        &self,
        range: TextRange,
        what: &str,
        instead: &str,
    ) -> Box<super::super::Refusal> {
        self.refuse(
            Diagnostic::new(range, format!("NumPy has no {what} of bools"))
                .label("arrays of bools")
                .help(format!(
                    "write {instead}, or `.astype(int)` after the array"
                )),
        )
    }

    fn refuse_floats(&self, op: &str, range: TextRange) -> Box<super::super::Refusal> {
        self.refuse(
            Diagnostic::new(range, format!("floats have no `{op}`"))
                .label("of which one is of floats")
                .help("write `.astype(int)` after the array"),
        )
    }
}

pub(super) fn inverted(value: Expr, element: Element) -> Expr {
    match element {
        Element::Bool => Expr::new(Op::Not, vec![value], Type::Bool),
        Element::Unsigned(bits) if bits < 64 => {
            let ones = Expr::int((1 << bits) - 1);
            Expr::new(Op::BitXor, vec![value, ones], Type::Int)
        }
        _ => Expr::new(Op::Invert, vec![value], Type::Int),
    }
}
