//! The functions of `math`.

use ruff_python_ast as ast;
use ruff_text_size::{Ranged, TextRange};

use super::arithmetic::{as_float, as_int};
use super::function::FunctionLowerer;
use super::{Lowered, Refusal};
use crate::diagnostic::Diagnostic;
use crate::ir::{Expr, Guard, MathFunction, Op};
use crate::routine::Routine;
use crate::types::{Items, Scalar, Type};

impl FunctionLowerer<'_, '_> {
    pub(super) fn math(&mut self, call: &ast::ExprCall, name: &str) -> Lowered<Expr> {
        match name {
            "fsum" => return self.fsum(call),
            "prod" => return self.product_of_items(call),
            "dist" => return self.distance(call),
            "isclose" => return self.is_close(call),
            _ => {}
        }
        let mut values = self.numbers(call, &format!("math.{name}"))?;
        if let Some(known) = self.of_ints(call, name, &values)? {
            return Ok(known);
        }
        if let Some(known) = self.of_floats(call, name, &values) {
            return Ok(known);
        }
        let range = call.range();
        // Those that have another type or meaning than "floats in, a float out".
        match (name, values.len()) {
            ("floor" | "ceil" | "trunc", 1) => {
                let value = values.remove(0);
                if value.ty != Type::Float {
                    return Ok(as_int(value));
                }
                let rounded = match name {
                    "floor" => Expr::new(Op::Floor, vec![value], Type::Float),
                    "ceil" => Expr::new(Op::Ceil, vec![value], Type::Float),
                    _ => value,
                };
                return Ok(self.float_to_int(rounded, range));
            }
            ("isnan" | "isinf" | "isfinite", 1) => {
                let value = as_float(values.remove(0));
                let op = match name {
                    "isnan" => Op::IsNan,
                    "isinf" => Op::IsInf,
                    _ => Op::IsFinite,
                };
                return Ok(Expr::new(op, vec![value], Type::Bool));
            }
            ("degrees" | "radians", 1) => {
                let factor = match name {
                    "degrees" => 180.0 / std::f64::consts::PI,
                    _ => std::f64::consts::PI / 180.0,
                };
                let args = vec![as_float(values.remove(0)), Expr::float(factor)];
                return Ok(Expr::new(Op::FMul, args, Type::Float));
            }
            _ => {}
        }
        let Some(function) = MathFunction::named(name) else {
            return Err(self.no_such_function(call, name));
        };
        if function == MathFunction::Log && values.len() == 2 {
            let base = values.pop().expect("there are two");
            let value = values.pop().expect("there are two");
            let value = self.function(function, vec![value], range);
            let base = self.function(function, vec![base], range);
            let zero = self.zero(range, "math.log(2.0, 1.0)");
            return Ok(Expr::new(Op::FDiv, vec![value, base], Type::Float).guarded(vec![zero]));
        }
        self.expect_arguments(call, name, values.len(), function.arity())?;
        Ok(self.function(function, values, range))
    }

    /// A function that takes floats and gives one.
    fn function(
        &mut self,
        function: MathFunction,
        mut values: Vec<Expr>,
        range: TextRange,
    ) -> Expr {
        let ints = values.iter().any(|value| value.ty != Type::Float);
        if matches!(
            function,
            MathFunction::Log | MathFunction::Log2 | MathFunction::Log10
        ) && ints
        {
            // Python calculates these of ints exactly, beyond the floats.
            for value in &mut values {
                let plain = std::mem::replace(value, Expr::none());
                *value = self.exact_float(plain, range);
            }
        }
        let args: Vec<Expr> = values.into_iter().map(as_float).collect();
        let name = function.name();
        let example = match function.arity() {
            1 => format!("math.{name}(a)"),
            _ => format!("math.{name}(a, b)"),
        };
        let guards = vec![
            self.as_python(range, "ValueError", &example),
            self.as_python(range, "OverflowError", &example),
        ];
        Expr::new(Op::Math(function), args, Type::Float).guarded(guards)
    }

    /// Those of ints: exact, or an `OverflowError`.
    fn of_ints(
        &mut self,
        call: &ast::ExprCall,
        name: &str,
        values: &[Expr],
    ) -> Lowered<Option<Expr>> {
        let range = call.range();
        let (routine, counts) = match name {
            "gcd" => (Routine::Gcd, 0..=usize::MAX),
            "lcm" => (Routine::Lcm, 0..=usize::MAX),
            "comb" => (Routine::Comb, 2..=2),
            "perm" => (Routine::Perm, 1..=2),
            "factorial" => (Routine::Factorial, 1..=1),
            "isqrt" => (Routine::Isqrt, 1..=1),
            _ => return Ok(None),
        };
        if !counts.contains(&values.len()) {
            return Err(self.wrong_count(call, name, values.len(), *counts.end()));
        }
        let mut args = Vec::new();
        for (value, argument) in values.iter().zip(&call.arguments.args) {
            let title = format!("`math.{name}` takes ints");
            args.push(self.expect_int(value.clone(), argument.range(), &title)?);
        }
        let mut guards: Vec<Guard> = Vec::new();
        let example = match (name, args.len()) {
            ("comb" | "perm", 2) => format!("math.{name}(i, j)"),
            _ => format!("math.{name}(i)"),
        };
        if !matches!(routine, Routine::Gcd | Routine::Lcm) {
            guards.push(self.as_python(range, "ValueError", &example));
        }
        if routine != Routine::Isqrt {
            guards.push(self.beyond(range));
        }
        if routine == Routine::Perm && args.len() == 1 {
            let kept = self.kept(args.remove(0));
            args = vec![kept.clone(), kept];
        }
        Ok(Some(Self::routine(routine, args, Type::Int, guards)))
    }

    /// An int beyond 64 bits, also where others may wrap around.
    pub(super) fn beyond(&mut self, range: TextRange) -> Guard {
        self.guard(
            range,
            "OverflowError",
            "the result does not fit into an int of 64 bits",
        )
    }

    /// Those of floats that Python, or the C library, has algorithms of their own for.
    fn of_floats(&mut self, call: &ast::ExprCall, name: &str, values: &[Expr]) -> Option<Expr> {
        let range = call.range();
        let float = Type::Float;
        let (routine, example, ty, count) = match name {
            "hypot" => {
                let args = values.iter().cloned().map(as_float).collect();
                return Some(self.norm(args));
            }
            "gamma" => (Routine::Gamma, "math.gamma(a)", float, 1),
            "lgamma" => (Routine::Lgamma, "math.lgamma(a)", float, 1),
            "ulp" => (Routine::Ulp, "", float, 1),
            "nextafter" => (Routine::NextAfter, "", float, 2),
            "remainder" => (Routine::Remainder, "math.remainder(a, b)", float, 2),
            "fma" => (Routine::Fma, "", float, 3),
            "frexp" => {
                let pair = Type::Tuple(Items::new(&[Type::Float, Type::Int]));
                (Routine::Frexp, "", pair, 1)
            }
            "modf" => {
                let pair = Type::Tuple(Items::new(&[Type::Float, Type::Float]));
                (Routine::Modf, "", pair, 1)
            }
            "ldexp" => (Routine::Ldexp, "math.ldexp(a, i)", float, 2),
            _ => return None,
        };
        let ints = name == "ldexp" && values.get(1).is_some_and(|value| value.ty == Type::Float);
        if values.len() != count || ints {
            return None;
        }
        let mut args: Vec<Expr> = values.iter().cloned().map(as_float).collect();
        let guards = match routine {
            Routine::Ldexp => {
                args[1] = as_int(values[1].clone());
                vec![self.as_python(range, "OverflowError", example)]
            }
            Routine::Fma => vec![
                self.as_python(range, "ValueError", "math.fma(float('inf'), 0.0, 0.0)"),
                self.as_python(range, "OverflowError", "math.fma(1e300, 1e300, 0.0)"),
            ],
            Routine::Remainder => vec![self.as_python(range, "ValueError", example)],
            Routine::Gamma | Routine::Lgamma => vec![
                self.as_python(range, "ValueError", example),
                self.as_python(range, "OverflowError", example),
            ],
            _ => Vec::new(),
        };
        Some(Self::routine(routine, args, ty, guards))
    }

    fn norm(&mut self, coordinates: Vec<Expr>) -> Expr {
        let minor = i64::from(self.lowerer.environment.python().1);
        let mut args = vec![Expr::int(minor)];
        args.extend(coordinates);
        Self::routine(Routine::Norm, args, Type::Float, Vec::new())
    }

    /// `math.dist` of two tuples.
    fn distance(&mut self, call: &ast::ExprCall) -> Lowered<Expr> {
        let arguments = &call.arguments;
        if arguments.args.len() != 2 || !arguments.keywords.is_empty() {
            return Err(self.wrong_count(call, "dist", arguments.args.len(), 2));
        }
        let before = self.block.len();
        let mut points = Vec::new();
        for argument in &arguments.args {
            let value = self.expression(argument)?;
            let Type::Tuple(_) = value.ty else {
                return Err(self.refuse(
                    Diagnostic::new(argument.range(), "`math.dist` takes two tuples here")
                        .label(format!("this is {}", value.ty.with_article()))
                        .help("write `math.dist((x, y), (u, v))`, or the loop"),
                ));
            };
            self.settle(before, &mut points);
            points.push(value);
        }
        let [one, other] = [0, 1].map(|at| {
            let kept = self.held(points[at].clone());
            super::tuple::items(&kept)
        });
        if one.len() != other.len() {
            return Err(self.refuse(
                Diagnostic::new(call.range(), "these points have not as many coordinates")
                    .label(format!("{} and {}", one.len(), other.len())),
            ));
        }
        let mut coordinates = Vec::new();
        for (left, right) in one.into_iter().zip(other) {
            if !left.ty.is_number() || !right.ty.is_number() {
                return Err(self.refuse(
                    Diagnostic::new(call.range(), "`math.dist` takes tuples of numbers")
                        .label("not a number in it"),
                ));
            }
            let args = vec![as_float(left), as_float(right)];
            coordinates.push(Expr::new(Op::FSub, args, Type::Float));
        }
        Ok(self.norm(coordinates))
    }

    /// `math.isclose(a, b, rel_tol=..., abs_tol=...)`.
    fn is_close(&mut self, call: &ast::ExprCall) -> Lowered<Expr> {
        let arguments = &call.arguments;
        if arguments.args.len() != 2 {
            return Err(self.wrong_count(call, "isclose", arguments.args.len(), 2));
        }
        let mut values = vec![None, None, None, None];
        let named = arguments.keywords.iter().map(|keyword| {
            let at = match keyword.arg.as_deref() {
                Some("rel_tol") => Some(2),
                Some("abs_tol") => Some(3),
                _ => None,
            };
            (at, &keyword.value)
        });
        let given: Vec<(Option<usize>, &ast::Expr)> = (0..2)
            .map(|at| (Some(at), &arguments.args[at]))
            .chain(named)
            .collect();
        for (at, argument) in given {
            let Some(at) = at else {
                return Err(self.refuse(
                    Diagnostic::new(argument.range(), "`math.isclose` has no such parameter")
                        .label("neither `rel_tol` nor `abs_tol`"),
                ));
            };
            let value = self.real_number(argument, "math.isclose")?;
            values[at] = Some(self.held(as_float(value)));
        }
        let defaults = [0.0, 0.0, 1e-9, 0.0].map(Expr::float);
        let args = values.into_iter().zip(defaults);
        let args = args
            .map(|(value, default)| value.unwrap_or(default))
            .collect();
        let example = "math.isclose(0.0, 1.0, rel_tol=-1.0)";
        let guards = vec![self.as_python(call.range(), "ValueError", example)];
        Ok(Self::routine(Routine::IsClose, args, Type::Bool, guards))
    }

    /// `math.fsum` of whatever can be gone through.
    fn fsum(&mut self, call: &ast::ExprCall) -> Lowered<Expr> {
        let [argument] = self.only_positional::<1>(call, "math.fsum")?;
        let list = self.collected(argument, Some(Scalar::Float))?;
        let range = call.range();
        let infinities = "math.fsum([float('inf'), float('-inf')])";
        let guards = vec![
            self.as_python(range, "ValueError", infinities),
            self.as_python(range, "OverflowError", "math.fsum([1.7e308, 1.7e308])"),
        ];
        Ok(Self::routine(
            Routine::Fsum,
            vec![list],
            Type::Float,
            guards,
        ))
    }

    fn expect_arguments(
        &self,
        call: &ast::ExprCall,
        name: &str,
        given: usize,
        wanted: usize,
    ) -> Lowered<()> {
        if given == wanted {
            return Ok(());
        }
        Err(self.wrong_count(call, name, given, wanted))
    }

    fn wrong_count(
        &self,
        call: &ast::ExprCall,
        name: &str,
        given: usize,
        wanted: usize,
    ) -> Box<Refusal> {
        self.refuse(
            Diagnostic::new(
                call.range(),
                format!("`math.{name}` takes {wanted} arguments here"),
            )
            .label(format!("{given} given")),
        )
    }

    fn no_such_function(&self, call: &ast::ExprCall, name: &str) -> Box<Refusal> {
        self.refuse(
            Diagnostic::new(
                call.func.range(),
                format!("native code has no `math.{name}` like this"),
            )
            .label("not in the native language")
            .help(match name {
                "sumprod" => "write the loop, or `math.fsum(x * y for x, y in zip(p, q))`",
                "ldexp" => "its second argument is an int",
                _ => "there is all of `math` that takes numbers and gives some",
            }),
        )
    }
}
