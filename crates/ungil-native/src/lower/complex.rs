//! Complex numbers: the formulas that `CPython` calculates with, which are others from 3.14 on.

use ruff_python_ast as ast;
use ruff_python_ast::{CmpOp, Operator};
use ruff_text_size::{Ranged, TextRange};

use super::Lowered;
use super::arithmetic::{as_float, truth};
use super::function::FunctionLowerer;
use crate::diagnostic::Diagnostic;
use crate::ir::{Comparison, ComplexOp, Expr, Op, SlotId};
use crate::types::Type;

/// The largest exponent for which Python multiplies.
const LARGEST_EXPONENT: i64 = 100;

/// A number in a slot.
enum Number {
    Real(Expr),
    Complex(Expr, Expr),
}

/// A complex number of two floats.
pub(super) fn complex(re: Expr, im: Expr) -> Expr {
    operation(ComplexOp::Make, vec![re, im])
}

fn operation(op: ComplexOp, args: Vec<Expr>) -> Expr {
    Expr::new(Op::Complex(op), args, Type::Complex)
}

fn float(op: Op, args: Vec<Expr>) -> Expr {
    Expr::new(op, args, Type::Float)
}

/// Real and imaginary part of a number in a slot.
fn parts(kept: &Expr) -> (Expr, Expr) {
    let part = |at| Expr::new(Op::Item(at), vec![kept.clone()], Type::Float);
    (part(0), part(1))
}

/// The result, after these values were put into slots.
fn after(bound: Vec<(SlotId, Expr)>, result: Expr) -> Expr {
    bound
        .into_iter()
        .rev()
        .fold(result, |inner, (slot, value)| {
            let ty = inner.ty;
            Expr::new(Op::Let(slot), vec![value, inner], ty)
        })
}

impl FunctionLowerer<'_, '_> {
    fn bound(&mut self, value: Expr, bound: &mut Vec<(SlotId, Expr)>) -> Expr {
        let ty = value.ty;
        let slot = self.temporary(ty);
        bound.push((slot, value));
        Expr::slot(slot, ty)
    }

    /// Whether Python treats reals beside complex numbers as such, and recovers infinities.
    fn annex(&self) -> bool {
        self.lowerer.environment.python() >= (3, 14)
    }

    fn number_of(&self, kept: Expr) -> Number {
        if kept.ty == Type::Complex {
            let (re, im) = parts(&kept);
            return Number::Complex(re, im);
        }
        if self.annex() {
            return Number::Real(as_float(kept));
        }
        Number::Complex(as_float(kept), Expr::float(0.0))
    }

    pub(super) fn complex_binary(
        &mut self,
        op: Operator,
        left: Expr,
        right: Expr,
        range: TextRange,
    ) -> Lowered<Expr> {
        if op == Operator::Pow {
            return self.complex_power(left, &right, range);
        }
        let mut bound = Vec::new();
        let a = self.bound(left, &mut bound);
        let b = self.bound(right, &mut bound);
        let (a, b) = (self.number_of(a), self.number_of(b));
        let result = match op {
            Operator::Add => sum(a, b),
            Operator::Sub => difference(a, b),
            Operator::Mult => self.product(a, b),
            Operator::Div => self.quotient(a, b, range, "1j / 0"),
            _ => {
                return Err(self.refuse(
                    Diagnostic::new(range, format!("complex numbers have no `{}`", op.as_str()))
                        .label("of which one is complex")
                        .help("calculate with `.real` and `.imag`"),
                ));
            }
        };
        Ok(after(bound, result))
    }

    fn product(&mut self, a: Number, b: Number) -> Expr {
        let times = |x: &Expr, y: &Expr| float(Op::FMul, vec![x.clone(), y.clone()]);
        match (a, b) {
            (Number::Complex(a, b), Number::Complex(c, d)) => {
                let re = float(Op::FSub, vec![times(&a, &c), times(&b, &d)]);
                let im = float(Op::FAdd, vec![times(&a, &d), times(&b, &c)]);
                if self.annex() && !self.source.options.fastmath {
                    operation(ComplexOp::Recovered, vec![re, im, a, b, c, d])
                } else {
                    complex(re, im)
                }
            }
            (Number::Complex(a, b), Number::Real(c)) | (Number::Real(c), Number::Complex(a, b)) => {
                complex(times(&a, &c), times(&b, &c))
            }
            (Number::Real(_), Number::Real(_)) => unreachable!("one of them is complex"),
        }
    }

    fn quotient(&mut self, a: Number, b: Number, range: TextRange, example: &str) -> Expr {
        let zero = self.zero(range, example);
        match (a, b) {
            (Number::Complex(a, b), Number::Complex(c, d)) => {
                let annex = self.annex();
                operation(ComplexOp::Quotient { annex }, vec![a, b, c, d])
            }
            (Number::Real(a), Number::Complex(c, d)) => {
                operation(ComplexOp::RealQuotient, vec![a, c, d])
            }
            (Number::Complex(a, b), Number::Real(c)) => {
                operation(ComplexOp::QuotientByReal, vec![a, b, c])
            }
            (Number::Real(_), Number::Real(_)) => unreachable!("one of them is complex"),
        }
        .guarded(vec![zero])
    }

    /// By a small whole number, which Python does by multiplying.
    fn complex_power(&mut self, left: Expr, right: &Expr, range: TextRange) -> Lowered<Expr> {
        let exponent = match right.op {
            Op::Int(exponent) if exponent.abs() <= LARGEST_EXPONENT => exponent,
            _ => {
                return Err(self.refuse(
                    Diagnostic::new(range, "complex powers are by whole numbers here")
                        .label(format!("not a constant of up to {LARGEST_EXPONENT}"))
                        .help("write the exponent as a number, or use `math` on the parts"),
                ));
            }
        };
        let mut bound = Vec::new();
        let one = || Number::Complex(Expr::float(1.0), Expr::float(0.0));
        let mut result = complex(Expr::float(1.0), Expr::float(0.0));
        let mut power = self.bound(left, &mut bound);
        let (mut mask, wanted) = (1, exponent.abs());
        while wanted >= mask {
            if wanted & mask != 0 {
                let factor = self.bound(result, &mut bound);
                let (a, b) = (parts(&factor), parts(&power));
                result = self.product(Number::Complex(a.0, a.1), Number::Complex(b.0, b.1));
            }
            mask <<= 1;
            if wanted >= mask {
                let (re, im) = parts(&power);
                let (same_re, same_im) = (re.clone(), im.clone());
                let square =
                    self.product(Number::Complex(re, im), Number::Complex(same_re, same_im));
                power = self.bound(square, &mut bound);
            }
        }
        if exponent <= 0 {
            let divisor = self.bound(result, &mut bound);
            let (re, im) = parts(&divisor);
            result = self.quotient(one(), Number::Complex(re, im), range, "0j ** -1");
        }
        let overflow = self.as_python(range, "OverflowError", "(1e300 + 0j) ** 2");
        let result = operation(ComplexOp::Finite, vec![result]).guarded(vec![overflow]);
        Ok(after(bound, result))
    }

    pub(super) fn complex_negative(&mut self, value: Expr) -> Expr {
        let mut bound = Vec::new();
        let kept = self.bound(value, &mut bound);
        let (re, im) = parts(&kept);
        let minus = |x| float(Op::FNeg, vec![x]);
        after(bound, complex(minus(re), minus(im)))
    }

    pub(super) fn complex_truth(&mut self, value: Expr) -> Expr {
        let mut bound = Vec::new();
        let kept = self.bound(value, &mut bound);
        let (re, im) = parts(&kept);
        let either = Expr::new(Op::Or, vec![truth(re), truth(im)], Type::Bool);
        after(bound, either)
    }

    pub(super) fn complex_abs(&mut self, value: Expr, range: TextRange) -> Expr {
        let overflow = self.as_python(range, "OverflowError", "abs(1.5e308 + 1.5e308j)");
        Expr::new(Op::Complex(ComplexOp::Abs), vec![value], Type::Float).guarded(vec![overflow])
    }

    pub(super) fn complex_comparison(
        &mut self,
        comparison: Comparison,
        (left, right): (Expr, Expr),
        range: TextRange,
    ) -> Lowered<Expr> {
        if !matches!(comparison, Comparison::Eq | Comparison::Ne) {
            return Err(self.refuse(
                Diagnostic::new(range, "complex numbers have no order")
                    .label("only `==` and `!=`")
                    .help("compare `abs(...)`, `.real` or `.imag`"),
            ));
        }
        let mut bound = Vec::new();
        let mut split = |this: &mut Self, value: Expr| {
            let kept = this.bound(value, &mut bound);
            if kept.ty == Type::Complex {
                parts(&kept)
            } else {
                (kept, Expr::float(0.0))
            }
        };
        let (a, b) = (split(self, left), split(self, right));
        let reals = self.comparison(CmpOp::Eq, a.0, b.0, range)?;
        let imaginaries = self.comparison(CmpOp::Eq, a.1, b.1, range)?;
        let mut same = Expr::new(Op::And, vec![reals, imaginaries], Type::Bool);
        if comparison == Comparison::Ne {
            same = Expr::new(Op::Not, vec![same], Type::Bool);
        }
        Ok(after(bound, same))
    }

    /// `complex(...)` of one or two numbers.
    pub(super) fn complex_of(&mut self, call: &ast::ExprCall) -> Lowered<Expr> {
        let mut values = Vec::new();
        for argument in &call.arguments.args {
            let value = self.expression(argument)?;
            if value.ty == Type::Complex && call.arguments.args.len() == 1 {
                return Ok(value);
            }
            if !value.ty.is_number() {
                return Err(self.refuse(
                    Diagnostic::new(argument.range(), "`complex` takes real numbers here")
                        .label(format!("this is {}", value.ty.with_article())),
                ));
            }
            values.push(as_float(value));
        }
        let mut values = values.into_iter();
        let mut next = || values.next().unwrap_or_else(|| Expr::float(0.0));
        Ok(complex(next(), next()))
    }

    pub(super) fn conjugate(&mut self, value: Expr) -> Expr {
        let mut bound = Vec::new();
        let kept = self.bound(value, &mut bound);
        let (re, im) = parts(&kept);
        after(bound, complex(re, float(Op::FNeg, vec![im])))
    }
}

/// `.real` and `.imag`.
pub(super) fn part(value: Expr, name: &str) -> Option<Expr> {
    let at = match name {
        "real" => 0,
        "imag" => 1,
        _ => return None,
    };
    Some(Expr::new(Op::Item(at), vec![value], Type::Float))
}

fn sum(a: Number, b: Number) -> Expr {
    let add = |x, y| float(Op::FAdd, vec![x, y]);
    match (a, b) {
        (Number::Complex(a, b), Number::Complex(c, d)) => complex(add(a, c), add(b, d)),
        (Number::Complex(a, b), Number::Real(c)) => complex(add(a, c), b),
        (Number::Real(a), Number::Complex(c, d)) => complex(add(a, c), d),
        (Number::Real(_), Number::Real(_)) => unreachable!("one of them is complex"),
    }
}

fn difference(a: Number, b: Number) -> Expr {
    let minus = |x, y| float(Op::FSub, vec![x, y]);
    match (a, b) {
        (Number::Complex(a, b), Number::Complex(c, d)) => complex(minus(a, c), minus(b, d)),
        (Number::Complex(a, b), Number::Real(c)) => complex(minus(a, c), b),
        (Number::Real(a), Number::Complex(c, d)) => complex(minus(a, c), float(Op::FNeg, vec![d])),
        (Number::Real(_), Number::Real(_)) => unreachable!("one of them is complex"),
    }
}
