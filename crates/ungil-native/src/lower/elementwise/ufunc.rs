//! The functions of `numpy` that are calculated element by element, of arrays and of numbers.

use ruff_python_ast as ast;
use ruff_python_ast::Operator;
use ruff_text_size::{Ranged, TextRange};

use super::super::Lowered;
use super::super::arithmetic::{as_int, truth};
use super::super::function::FunctionLowerer;
use super::convert::as_read;
use super::dtype::{common, floating};
use super::join::Part;
use crate::diagnostic::Diagnostic;
use crate::ir::{Comparison, EachOp, Expr, MathFunction, Op};
use crate::types::{Element, Type};

/// What there is, for messages.
pub(in crate::lower) const NAMES: &str = "the arithmetic ones (add, divide, power, ...), comparisons, sqrt, exp, log, \
    sin and the like, hypot, abs, sign, floor, ceil, trunc, rint, minimum, maximum, clip, where, isnan, isinf, isfinite";

/// A function of elements.
#[derive(Clone, Copy)]
enum Ufunc {
    Operator(Operator),
    Comparison(Comparison),
    /// Of floats; ints are made floats.
    Float(MathFunction),
    Hypot,
    /// To a whole number, of floats.
    Whole(Op1),
    /// Whether it is such a float.
    Is(Op1),
    Square,
    Reciprocal,
    Negative,
    Positive,
    Invert,
    Absolute,
    Fabs,
    Sign,
    /// The smaller or the larger one; and whether a NaN wins.
    Extreme {
        smallest: bool,
        nan: bool,
    },
    Clip,
    Where,
    Logical(Operator),
    LogicalNot,
}

/// Operations with one argument.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Op1 {
    Floor,
    Ceil,
    Trunc,
    Rint,
    Nan,
    Inf,
    Finite,
}

impl Ufunc {
    fn named(name: &str) -> Option<Self> {
        use MathFunction as M;
        let float = |function| Some(Self::Float(function));
        match name {
            "add" => Some(Self::Operator(Operator::Add)),
            "subtract" => Some(Self::Operator(Operator::Sub)),
            "multiply" => Some(Self::Operator(Operator::Mult)),
            "divide" | "true_divide" => Some(Self::Operator(Operator::Div)),
            "floor_divide" => Some(Self::Operator(Operator::FloorDiv)),
            "remainder" | "mod" => Some(Self::Operator(Operator::Mod)),
            "power" | "pow" => Some(Self::Operator(Operator::Pow)),
            "bitwise_and" => Some(Self::Operator(Operator::BitAnd)),
            "bitwise_or" => Some(Self::Operator(Operator::BitOr)),
            "bitwise_xor" => Some(Self::Operator(Operator::BitXor)),
            "left_shift" => Some(Self::Operator(Operator::LShift)),
            "right_shift" => Some(Self::Operator(Operator::RShift)),
            "equal" => Some(Self::Comparison(Comparison::Eq)),
            "not_equal" => Some(Self::Comparison(Comparison::Ne)),
            "less" => Some(Self::Comparison(Comparison::Lt)),
            "less_equal" => Some(Self::Comparison(Comparison::Le)),
            "greater" => Some(Self::Comparison(Comparison::Gt)),
            "greater_equal" => Some(Self::Comparison(Comparison::Ge)),
            "arcsin" | "asin" => float(M::Asin),
            "arccos" | "acos" => float(M::Acos),
            "arctan" | "atan" => float(M::Atan),
            "arctan2" | "atan2" => float(M::Atan2),
            "arcsinh" | "asinh" => float(M::Asinh),
            "arccosh" | "acosh" => float(M::Acosh),
            "arctanh" | "atanh" => float(M::Atanh),
            "sqrt" | "exp" | "exp2" | "expm1" | "log" | "log2" | "log10" | "log1p" | "sin"
            | "cos" | "tan" | "sinh" | "cosh" | "tanh" | "cbrt" | "fmod" | "copysign" => {
                M::named(name).map(Self::Float)
            }
            "hypot" => Some(Self::Hypot),
            "floor" => Some(Self::Whole(Op1::Floor)),
            "ceil" => Some(Self::Whole(Op1::Ceil)),
            "trunc" => Some(Self::Whole(Op1::Trunc)),
            "rint" => Some(Self::Whole(Op1::Rint)),
            "isnan" => Some(Self::Is(Op1::Nan)),
            "isinf" => Some(Self::Is(Op1::Inf)),
            "isfinite" => Some(Self::Is(Op1::Finite)),
            "square" => Some(Self::Square),
            "reciprocal" => Some(Self::Reciprocal),
            "negative" => Some(Self::Negative),
            "positive" => Some(Self::Positive),
            "invert" | "bitwise_not" => Some(Self::Invert),
            "abs" | "absolute" => Some(Self::Absolute),
            "fabs" => Some(Self::Fabs),
            "sign" => Some(Self::Sign),
            "minimum" => Some(Self::Extreme {
                smallest: true,
                nan: true,
            }),
            "maximum" => Some(Self::Extreme {
                smallest: false,
                nan: true,
            }),
            "fmin" => Some(Self::Extreme {
                smallest: true,
                nan: false,
            }),
            "fmax" => Some(Self::Extreme {
                smallest: false,
                nan: false,
            }),
            "clip" => Some(Self::Clip),
            "where" => Some(Self::Where),
            "logical_and" => Some(Self::Logical(Operator::BitAnd)),
            "logical_or" => Some(Self::Logical(Operator::BitOr)),
            "logical_xor" => Some(Self::Logical(Operator::BitXor)),
            "logical_not" => Some(Self::LogicalNot),
            _ => None,
        }
    }

    fn arity(self) -> usize {
        match self {
            Self::Clip | Self::Where => 3,
            Self::Operator(_)
            | Self::Comparison(_)
            | Self::Hypot
            | Self::Extreme { .. }
            | Self::Logical(_) => 2,
            Self::Float(function) => function.arity(),
            _ => 1,
        }
    }
}

impl FunctionLowerer<'_, '_> {
    /// A call of a function of elements, if it is one.
    pub(in crate::lower) fn ufunc(
        &mut self,
        call: &ast::ExprCall,
        name: &str,
    ) -> Lowered<Option<Expr>> {
        let Some(ufunc) = Ufunc::named(name) else {
            return Ok(None);
        };
        let range = call.range();
        let arguments = &call.arguments;
        if let Some(keyword) = arguments.keywords.first() {
            return Err(self.refuse(
                Diagnostic::new(
                    keyword.range(),
                    format!("native code has no keyword arguments of `{name}`"),
                )
                .label("a keyword argument")
                .help("assign the result: `out[:] = ...` makes no other array"),
            ));
        }
        if arguments.args.len() != ufunc.arity() {
            let count = ufunc.arity();
            return Err(self.refuse(
                Diagnostic::new(range, format!("`{name}` takes {count} arguments here"))
                    .label(format!("{} given", arguments.args.len())),
            ));
        }
        let operands = self.operands(&arguments.args)?;
        self.applied(ufunc, name, operands, range).map(Some)
    }

    /// `abs(...)` of an array.
    pub(in crate::lower) fn absolute_array(
        &mut self,
        value: Expr,
        range: TextRange,
    ) -> Lowered<Expr> {
        self.applied(Ufunc::Absolute, "abs", vec![(value, range)], range)
    }

    fn applied(
        &mut self,
        ufunc: Ufunc,
        name: &str,
        operands: Vec<(Expr, TextRange)>,
        range: TextRange,
    ) -> Lowered<Expr> {
        let mut joined = self.joined(operands, range)?;
        let parts = std::mem::take(&mut joined.parts);
        let (value, element) = match ufunc {
            Ufunc::Operator(op) => self.element_binary(op, parts, range)?,
            Ufunc::Comparison(comparison) => {
                let value = self.element_comparison(comparison, parts, range);
                (value, Element::Bool)
            }
            Ufunc::Logical(op) => {
                let args = parts.into_iter().map(|part| truth(part.value)).collect();
                let op = super::super::arithmetic::bitwise_op(op);
                (Expr::new(op, args, Type::Bool), Element::Bool)
            }
            Ufunc::Clip => self.clipped(parts, range),
            Ufunc::Where => self.chosen(parts, range),
            Ufunc::Extreme { smallest, nan } => {
                let element = common(&parts);
                let [left, right] = self.pair(parts, element, range);
                (self.extreme_element(smallest, nan, left, right), element)
            }
            Ufunc::Float(_) | Ufunc::Hypot | Ufunc::Whole(_) | Ufunc::Fabs => {
                self.floats_of(ufunc, name, parts, range)?
            }
            _ => self.of_one(ufunc, name, parts, range)?,
        };
        Ok(joined.into_expr(value, element))
    }

    /// Functions that are there for floats only.
    fn floats_of(
        &mut self,
        ufunc: Ufunc,
        name: &str,
        parts: Vec<Part>,
        range: TextRange,
    ) -> Lowered<(Expr, Element)> {
        let given = common(&parts);
        let of_numbers = parts
            .iter()
            .all(|part| part.kind == super::join::Kind::Number);
        let element = match ufunc {
            // Its result for ints is another one in every version of NumPy.
            Ufunc::Whole(_) if !given.is_float() && !of_numbers => None,
            _ if of_numbers => Some(Element::Float64),
            _ => floating(given),
        };
        let Some(element) = element else {
            return Err(self.refuse(
                Diagnostic::new(range, format!("native code has `{name}` of floats"))
                    .label(format!("these are of {given}"))
                    .help("write `.astype(float)` after the array"),
            ));
        };
        let mut args = self.all_converted(parts, element, range);
        let first = |args: &mut Vec<Expr>| args.remove(0);
        let value = match ufunc {
            Ufunc::Float(function) => self.math_of(function, args, range),
            Ufunc::Hypot => Expr::new(Op::Each(EachOp::Hypot), args, Type::Float),
            Ufunc::Fabs => Expr::new(Op::FAbs, args, Type::Float),
            Ufunc::Whole(Op1::Floor) => Expr::new(Op::Floor, args, Type::Float),
            Ufunc::Whole(Op1::Ceil) => Expr::new(Op::Ceil, args, Type::Float),
            Ufunc::Whole(Op1::Trunc) => {
                let value = first(&mut args);
                self.of_kept(value, |value| {
                    let below = compare(Comparison::Lt, value.clone(), Expr::float(0.0));
                    let up = Expr::new(Op::Ceil, vec![value.clone()], Type::Float);
                    let down = Expr::new(Op::Floor, vec![value], Type::Float);
                    select(below, up, down)
                })
            }
            _ => Expr::new(Op::Rint, args, Type::Float),
        };
        Ok((self.in_width(value, element, range), element))
    }

    fn of_one(
        &mut self,
        ufunc: Ufunc,
        name: &str,
        mut parts: Vec<Part>,
        range: TextRange,
    ) -> Lowered<(Expr, Element)> {
        let element = common(&parts);
        let bools = element == Element::Bool;
        let value = parts.remove(0).value;
        let float = element.is_float();
        let refused = match ufunc {
            Ufunc::Reciprocal => !float,
            Ufunc::Invert => float,
            Ufunc::Sign | Ufunc::Negative | Ufunc::Positive => bools,
            _ => false,
        };
        if refused {
            let help = if float {
                "write `.astype(int)` after the array"
            } else {
                "write `.astype(float)` after the array"
            };
            return Err(self.refuse(
                Diagnostic::new(range, format!("there is no `{name}` of these"))
                    .label(format!("of {element}"))
                    .help(help),
            ));
        }
        let value = match ufunc {
            Ufunc::Is(which) => return Ok((is(which, value), Element::Bool)),
            Ufunc::LogicalNot => {
                let value = Expr::new(Op::Not, vec![truth(value)], Type::Bool);
                return Ok((value, Element::Bool));
            }
            Ufunc::Negative => self.negative(value, element, range),
            Ufunc::Invert => super::operators::inverted(value, element),
            Ufunc::Absolute if float => Expr::new(Op::FAbs, vec![value], Type::Float),
            Ufunc::Absolute if !bools => {
                let overflow = self.overflow(range);
                let value = Expr::new(Op::Abs, vec![value], Type::Int).guarded(vec![overflow]);
                self.in_width(value, element, range)
            }
            Ufunc::Square if bools => value,
            Ufunc::Square => {
                let overflow = self.overflow(range);
                let product = self.of_kept(value, |value| {
                    let both = vec![value.clone(), value];
                    if float {
                        Expr::new(Op::FMul, both, Type::Float)
                    } else {
                        Expr::new(Op::Mul, both, Type::Int).guarded(vec![overflow])
                    }
                });
                self.in_width(product, element, range)
            }
            Ufunc::Reciprocal => {
                let waived = self.waived(range);
                let value = Expr::new(Op::FDiv, vec![Expr::float(1.0), value], Type::Float);
                self.in_width(value.guarded(vec![waived]), element, range)
            }
            Ufunc::Sign => self.of_kept(value, |value| sign(value, element)),
            _ => value,
        };
        Ok((value, element))
    }

    fn extreme_element(&mut self, smallest: bool, nan: bool, left: Expr, right: Expr) -> Expr {
        let ty = left.ty;
        let [one, other] = [(); 2].map(|()| self.temporary(ty));
        let (first, second) = (Expr::slot(one, ty), Expr::slot(other, ty));
        let comparison = if smallest {
            Comparison::Le
        } else {
            Comparison::Ge
        };
        let better = compare(comparison, first.clone(), second.clone());
        let is_first = if ty == Type::Float {
            let asked = if nan { first.clone() } else { second.clone() };
            let is_nan = Expr::new(Op::IsNan, vec![asked], Type::Bool);
            Expr::new(Op::BitOr, vec![better, is_nan], Type::Bool)
        } else {
            better
        };
        let chosen = select(is_first, first, second);
        let inner = Expr::new(Op::Let(other), vec![right, chosen], ty);
        Expr::new(Op::Let(one), vec![left, inner], ty)
    }

    /// `numpy.clip(a, low, high)`.
    fn clipped(&mut self, parts: Vec<Part>, range: TextRange) -> (Expr, Element) {
        let element = common(&parts);
        let args = self.all_converted(parts, element, range);
        let [value, low, high] = <[Expr; 3]>::try_from(args).expect("there are three");
        let above = self.extreme_element(false, true, value, low);
        (self.extreme_element(true, true, above, high), element)
    }

    /// `numpy.where(condition, a, b)`: both are calculated.
    fn chosen(&mut self, mut parts: Vec<Part>, range: TextRange) -> (Expr, Element) {
        let test = truth(parts.remove(0).value);
        let element = common(&parts);
        let [then, other] = self.pair(parts, element, range);
        let ty = element.read();
        let slots = [(); 2].map(|()| self.temporary(ty));
        let value = select(test, Expr::slot(slots[0], ty), Expr::slot(slots[1], ty));
        let value = Expr::new(Op::Let(slots[1]), vec![other, value], ty);
        (Expr::new(Op::Let(slots[0]), vec![then, value], ty), element)
    }
}

fn compare(comparison: Comparison, left: Expr, right: Expr) -> Expr {
    Expr::new(Op::Compare(comparison), vec![left, right], Type::Bool)
}

fn select(test: Expr, then: Expr, other: Expr) -> Expr {
    let ty = then.ty;
    Expr::new(Op::Select, vec![test, then, other], ty)
}

fn is(which: Op1, value: Expr) -> Expr {
    if value.ty != Type::Float {
        // Evaluated, as it may fail.
        let value = truth(as_int(value));
        let same = compare(Comparison::Eq, value.clone(), value);
        return match which {
            Op1::Finite => same,
            _ => Expr::new(Op::Not, vec![same], Type::Bool),
        };
    }
    let op = match which {
        Op1::Nan => Op::IsNan,
        Op1::Inf => Op::IsInf,
        _ => Op::IsFinite,
    };
    Expr::new(op, vec![value], Type::Bool)
}

fn sign(value: Expr, element: Element) -> Expr {
    let number = |number: i64| as_read(Expr::int(number), element);
    let below = compare(Comparison::Lt, value.clone(), number(0));
    let above = compare(Comparison::Gt, value.clone(), number(0));
    // Zeros and NaNs are left: they are their own signs, but for a zero's sign.
    let rest = if element.is_float() {
        Expr::new(Op::FAdd, vec![value, number(0)], Type::Float)
    } else {
        number(0)
    };
    select(above, number(1), select(below, number(-1), rest))
}
