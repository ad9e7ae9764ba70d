//! Python's built-in functions, as far as they are of numbers and arrays.

use ruff_python_ast as ast;
use ruff_text_size::{Ranged, TextRange};

use super::Lowered;
use super::arithmetic::{as_float, as_int};
use super::function::FunctionLowerer;
use crate::diagnostic::Diagnostic;
use crate::ir::{Comparison, Expr, Op};
use crate::routine::Routine;
use crate::types::Type;

impl FunctionLowerer<'_, '_> {
    pub(super) fn builtin(&mut self, call: &ast::ExprCall, name: &str) -> Lowered<Expr> {
        let range = call.range();
        let arguments = &call.arguments.args;
        match (name, arguments.len()) {
            ("len", 1) => {
                let value = self.expression(&arguments[0])?;
                match value.ty {
                    Type::List(_) => Ok(Self::list_length(value)),
                    Type::Text(_) => Ok(super::text::length(value)),
                    Type::Tuple(items) => Ok(Expr::int(items.len().cast_signed() as i64)),
                    _ => {
                        let array = self.as_array(value, arguments[0].range())?;
                        Ok(Expr::new(Op::Dim(0), vec![array], Type::Int))
                    }
                }
            }
            ("complex", 0..=2) if call.arguments.keywords.is_empty() => self.complex_of(call),
            ("bool", 1) if call.arguments.keywords.is_empty() => self.condition(&arguments[0]),
            ("abs", 1) if call.arguments.keywords.is_empty() => {
                let value = self.pending(&arguments[0])?;
                self.absolute(value, range)
            }
            ("int" | "float" | "bool", 0) if call.arguments.keywords.is_empty() => Ok(match name {
                "int" => Expr::int(0),
                "float" => Expr::float(0.0),
                _ => Expr::bool(false),
            }),
            ("round", 1..=2) if arguments.len() + call.arguments.keywords.len() == 2 => {
                self.rounded(call)
            }
            ("int" | "float" | "round", 1) => {
                let value = self.numbers(call, name)?.remove(0);
                Ok(match name {
                    "float" => as_float(value),
                    _ if value.ty != Type::Float => as_int(value),
                    "int" => self.float_to_int(value, range),
                    _ => {
                        let rounded = Expr::new(Op::Rint, vec![value], Type::Float);
                        self.float_to_int(rounded, range)
                    }
                })
            }
            ("ord", 1) if call.arguments.keywords.is_empty() => self.ord(call),
            ("pow", 2) if call.arguments.keywords.is_empty() => {
                let (left, right) = self.both(&arguments[0], &arguments[1])?;
                self.binary(ast::Operator::Pow, left, right, range)
            }
            ("pow", 3) if call.arguments.keywords.is_empty() => self.power_modulo(call),
            ("min" | "max", 2..) => self.extreme(call, name),
            ("min" | "max", 1) => self.extreme_item(call, name),
            ("sum", 1..=2) => self.sum(call),
            ("any" | "all", 1) => self.any_or_all(call, name == "any"),
            ("sorted", 1) => self.sorted(call),
            ("list", 0) if call.arguments.keywords.is_empty() => {
                Ok(self.new_list(Vec::new(), range))
            }
            ("list", 1) if call.arguments.keywords.is_empty() => {
                self.collected(&arguments[0], None)
            }
            ("divmod", 2) => self.divmod(call),
            _ => Err(self.refuse_builtin(call, name)),
        }
    }

    /// `round(x, digits)`, where the digits may have their name.
    fn rounded(&mut self, call: &ast::ExprCall) -> Lowered<Expr> {
        let digits = match (&call.arguments.args[1..], &call.arguments.keywords[..]) {
            ([digits], _) => digits,
            (_, [keyword]) if keyword.arg.as_deref() == Some("ndigits") => &keyword.value,
            _ => return Err(self.refuse_builtin(call, "round")),
        };
        let range = call.range();
        let (value, places) = self.both(&call.arguments.args[0], digits)?;
        if !value.ty.is_number() {
            return Err(self.refuse_builtin(call, "round"));
        }
        let places = self.expect_int(places, digits.range(), "`round` takes an int of digits")?;
        if value.ty == Type::Float {
            let guard = self.as_python(range, "OverflowError", "round(a, i)");
            let args = vec![value, places];
            return Ok(Self::routine(
                Routine::RoundFloat,
                args,
                Type::Float,
                vec![guard],
            ));
        }
        let guard = self.beyond(range);
        let args = vec![as_int(value), places];
        Ok(Self::routine(
            Routine::RoundInt,
            args,
            Type::Int,
            vec![guard],
        ))
    }

    /// `pow(base, exponent, modulus)` of ints.
    fn power_modulo(&mut self, call: &ast::ExprCall) -> Lowered<Expr> {
        let values = self.numbers(call, "pow")?;
        let mut args = Vec::new();
        for (value, argument) in values.into_iter().zip(&call.arguments.args) {
            let title = "`pow` with a modulus takes ints";
            args.push(self.expect_int(value, argument.range(), title)?);
        }
        let guards = vec![
            self.as_python(call.range(), "ValueError", "pow(1, 1, 0)"),
            self.as_python(call.range(), "ValueError", "pow(2, -1, 4)"),
        ];
        Ok(Self::routine(Routine::PowerModulo, args, Type::Int, guards))
    }

    fn absolute(&mut self, value: Expr, range: TextRange) -> Lowered<Expr> {
        match value.ty {
            Type::Array(_) => self.absolute_array(value, range),
            Type::Complex => Ok(self.complex_abs(value, range)),
            Type::Float => Ok(Expr::new(Op::FAbs, vec![value], Type::Float)),
            ty if ty.is_number() => {
                let overflow = self.overflow(range);
                let value = as_int(value);
                Ok(Expr::new(Op::Abs, vec![value], Type::Int).guarded(vec![overflow]))
            }
            ty => Err(self.refuse(
                Diagnostic::new(range, "`abs` takes numbers here")
                    .label(format!("this is of {}", ty.with_article())),
            )),
        }
    }

    pub(super) fn float_to_int(&mut self, value: Expr, range: TextRange) -> Expr {
        let guards = vec![
            self.as_python(range, "ValueError", "int(float('nan'))"),
            self.as_python(range, "OverflowError", "int(float('inf'))"),
            self.guard(
                range,
                "OverflowError",
                "the float does not fit into an int of 64 bits",
            ),
        ];
        Expr::new(Op::FloatToInt, vec![value], Type::Int).guarded(guards)
    }

    /// `min` and `max` of two and more: the first of equals; a NaN stays where it comes first.
    fn extreme(&mut self, call: &ast::ExprCall, name: &str) -> Lowered<Expr> {
        let values = self.numbers(call, name)?;
        let mut ranges = call.arguments.args.iter().map(Ranged::range);
        let mut values = values.into_iter();
        let mut chosen = values.next().expect("there are two");
        let mut chosen_range = ranges.next().expect("there are two");
        for (value, range) in values.zip(ranges) {
            let (left, right) = self.same_type(
                (chosen, chosen_range),
                (value, range),
                &format!("`{name}` gives one of its arguments, so these have to be of one type"),
            )?;
            chosen = self.extreme_of_two(name == "min", left, right);
            chosen_range = call.range();
        }
        Ok(chosen)
    }

    pub(super) fn extreme_of_two(&mut self, smallest: bool, left: Expr, right: Expr) -> Expr {
        let ty = left.ty;
        let (one, other) = (self.temporary(ty), self.temporary(ty));
        let (first, second) = (Expr::slot(one, ty), Expr::slot(other, ty));
        let comparison = if smallest {
            Comparison::Lt
        } else {
            Comparison::Gt
        };
        let test = Expr::new(
            Op::Compare(comparison),
            vec![second.clone(), first.clone()],
            Type::Bool,
        );
        let select = Expr::new(Op::Select, vec![test, second, first], ty);
        let inner = Expr::new(Op::Let(other), vec![right, select], ty);
        Expr::new(Op::Let(one), vec![left, inner], ty)
    }

    pub(super) fn longer(&mut self, left: Expr, right: Expr) -> Expr {
        self.extreme_of_two(false, left, right)
    }

    pub(super) fn shorter(&mut self, left: Expr, right: Expr) -> Expr {
        self.extreme_of_two(true, left, right)
    }

    /// `divmod`: a tuple of quotient and rest.
    fn divmod(&mut self, call: &ast::ExprCall) -> Lowered<Expr> {
        let mut values = self.numbers(call, "divmod")?;
        let right = values.pop().expect("two arguments");
        let left = values.pop().expect("two arguments");
        let (left_slot, right_slot) = (self.temporary(left.ty), self.temporary(right.ty));
        let kept = [
            Expr::slot(left_slot, left.ty),
            Expr::slot(right_slot, right.ty),
        ];
        let mut both = Vec::new();
        for op in [ast::Operator::FloorDiv, ast::Operator::Mod] {
            let mut part = self.binary(op, kept[0].clone(), kept[1].clone(), call.range())?;
            let example = match part.ty {
                Type::Float => "divmod(1.0, 0.0)",
                _ => "divmod(1, 0)",
            };
            part.guards[0] = self.zero(call.range(), example);
            both.push(part);
        }
        let pair = super::tuple::tuple(both);
        let ty = pair.ty;
        let inner = Expr::new(Op::Let(right_slot), vec![right, pair], ty);
        Ok(Expr::new(Op::Let(left_slot), vec![left, inner], ty))
    }
}
