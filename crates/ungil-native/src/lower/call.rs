//! Calls: of built-ins, of `math`, of other native functions.

use ruff_python_ast as ast;
use ruff_text_size::{Ranged, TextRange};

use super::Lowered;
use super::arithmetic::{as_float, as_int};
use super::function::FunctionLowerer;
use crate::diagnostic::Diagnostic;
use crate::environment::{Constant, FunctionId, Global};
use crate::ir::{Expr, Guard, MathFunction, Op, Proof};
use crate::types::Type;

impl FunctionLowerer<'_, '_> {
    pub(super) fn call(&mut self, call: &ast::ExprCall) -> Lowered<Expr> {
        let (global, name) = match &*call.func {
            ast::Expr::Name(name) if self.is_local(&name.id) => {
                return Err(self.refuse(
                    Diagnostic::new(name.range(), format!("`{}` is a local variable", name.id))
                        .label("not a function that native code can call"),
                ));
            }
            ast::Expr::Name(name) => (
                self.lowerer.environment.global(self.id, &name.id),
                name.id.to_string(),
            ),
            ast::Expr::Attribute(attribute) => {
                let Some(global) = self.module_attribute(attribute) else {
                    return self.method(call, attribute);
                };
                (global, attribute.attr.to_string())
            }
            other => {
                return Err(self.refuse(
                    Diagnostic::new(other.range(), "native code cannot call this")
                        .label("not the name of a function"),
                ));
            }
        };
        match global {
            Global::Native(function) => self.native_call(call, function),
            Global::Builtin(function) => self.builtin(call, &function),
            Global::Math(function) => self.math(call, &function),
            Global::Numpy(function) => self.numpy(call, &function),
            Global::Parallel => Err(self.refuse(
                Diagnostic::new(call.range(), "`prange` is the head of a parallel loop")
                    .label("not in the head of a `for` loop of its own")
                    .help("write `for i in ungil.prange(...)`"),
            )),
            Global::Missing => Err(self.refuse(
                Diagnostic::new(call.func.range(), format!("there is no `{name}`"))
                    .label("neither a local variable nor a global name nor a built-in"),
            )),
            Global::Other(what) => Err(self.refuse(
                Diagnostic::new(
                    call.func.range(),
                    format!("native code cannot call `{name}`"),
                )
                .label(what.as_str())
                .note("a native function calls native functions, some built-ins and `math`")
                .help(if what.ends_with("not native") {
                    format!("decorate `{name}` with `@ungil.native`, too")
                } else {
                    "leave it out, or move it out of the native function".to_owned()
                }),
            )),
            Global::Constant(_) | Global::Module(_) | Global::Exception(_) | Global::Width(_) => {
                Err(self.refuse(
                    Diagnostic::new(
                        call.func.range(),
                        format!("native code cannot call `{name}`"),
                    )
                    .label("not a function"),
                ))
            }
        }
    }

    fn method(&mut self, call: &ast::ExprCall, method: &ast::ExprAttribute) -> Lowered<Expr> {
        let object = self.expression(&method.value)?;
        if let Type::List(_) = object.ty {
            return self.list_method(call, method, object);
        }
        self.array_method(call, method, object)
    }

    /// What a call is of, where that is known by a global name.
    pub(super) fn called(&mut self, call: &ast::ExprCall) -> Option<Global> {
        match &*call.func {
            ast::Expr::Name(name) if !self.is_local(&name.id) => {
                Some(self.lowerer.environment.global(self.id, &name.id))
            }
            ast::Expr::Attribute(attribute) => self.module_attribute(attribute),
            _ => None,
        }
    }

    /// The built-in that a call is of.
    pub(super) fn builtin_called(&mut self, call: &ast::ExprCall) -> Option<String> {
        match self.called(call)? {
            Global::Builtin(function) => Some(function),
            _ => None,
        }
    }

    fn native_call(&mut self, call: &ast::ExprCall, function: FunctionId) -> Lowered<Expr> {
        let callee = self.lowerer.environment.function(function);
        let names = callee.source.parameter_names();
        let mut given: Vec<Option<(Expr, TextRange)>> = names.iter().map(|_| None).collect();
        let wrong = |this: &Self, range, title: String| {
            this.refuse(Diagnostic::new(range, title).label("in this call"))
        };
        let (positional, keyword_only) = {
            let parameters = &callee.source.function().parameters;
            (
                parameters.posonlyargs.len() + parameters.args.len(),
                parameters.posonlyargs.len(),
            )
        };
        for (at, argument) in call.arguments.args.iter().enumerate() {
            if at >= positional {
                let title = format!("`{}` takes {positional} positional arguments", callee.name);
                return Err(wrong(self, argument.range(), title));
            }
            let value = self.expression(argument)?;
            given[at] = Some((value, argument.range()));
        }
        for keyword in &call.arguments.keywords {
            let name = keyword.arg.as_ref().map(ToString::to_string);
            let position = names.iter().position(|known| Some(known) == name.as_ref());
            let Some(at) = position.filter(|&at| at >= keyword_only) else {
                let title = match name {
                    Some(name) => format!("`{}` has no parameter `{name}`", callee.name),
                    None => "native code cannot unpack arguments".to_owned(),
                };
                return Err(wrong(self, keyword.range(), title));
            };
            if given[at].is_some() {
                let title = format!("`{}` is given twice", names[at]);
                return Err(wrong(self, keyword.range(), title));
            }
            let value = self.expression(&keyword.value)?;
            given[at] = Some((value, keyword.value.range()));
        }
        let annotations = super::annotations(self.lowerer.environment, function);
        let mut arguments = Vec::new();
        for (at, given) in given.into_iter().enumerate() {
            let (value, range) = match (given, callee.defaults.get(at).copied().flatten()) {
                (Some(given), _) => given,
                (None, Some(default)) => (constant(default), call.range()),
                (None, None) => {
                    let title = format!("`{}` needs a value for `{}`", callee.name, names[at]);
                    return Err(wrong(self, call.range(), title));
                }
            };
            let value = match annotations[at] {
                Some(wanted) => self.coerced(value, wanted, range),
                None => value,
            };
            let value = match (annotations[at], value.ty) {
                (Some(wanted), got) if wanted != got => {
                    let title = format!(
                        "`{}` of `{}` is annotated as {}",
                        names[at],
                        callee.name,
                        wanted.with_article()
                    );
                    return Err(self.refuse(
                        Diagnostic::new(range, title)
                            .label(format!("this is {}", got.with_article()))
                            .help(format!("write `{wanted}(...)` around it")),
                    ));
                }
                (None, Type::None) => {
                    let title = "native code passes no None".to_owned();
                    return Err(wrong(self, range, title));
                }
                _ => value,
            };
            arguments.push(value);
        }
        let types: Vec<Type> = arguments.iter().map(|argument| argument.ty).collect();
        let (id, returns) = self.lowerer.instance(function, &types)?;
        let Some(returns) = returns else {
            return Err(self.refuse(
                Diagnostic::new(
                    call.range(),
                    format!("what `{}` returns is not known here", callee.name),
                )
                .label("it calls itself")
                .help(format!(
                    "annotate its result: `def {}(...) -> int:`",
                    callee.name
                )),
            ));
        };
        let site = self.push_site(call.range(), None);
        let guard = Guard {
            site,
            proof: Proof::Open,
        };
        let called = Expr::new(Op::Call(id), arguments, returns).guarded(vec![guard]);
        // Whoever gets an array refers to it.
        Ok(match returns {
            Type::Array(_) => self.held(called),
            _ => called,
        })
    }

    fn math(&mut self, call: &ast::ExprCall, name: &str) -> Lowered<Expr> {
        let range = call.range();
        let mut values = self.numbers(call, &format!("math.{name}"))?;
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
                let value = values.remove(0);
                let value = as_float(value);
                let op = match name {
                    "isnan" => Op::IsNan,
                    "isinf" => Op::IsInf,
                    _ => Op::IsFinite,
                };
                return Ok(Expr::new(op, vec![value], Type::Bool));
            }
            _ => {}
        }
        let Some(function) = MathFunction::named(name) else {
            return Err(self.refuse(
                Diagnostic::new(call.func.range(), format!("native code has no `math.{name}`"))
                    .label("not in the native language")
                    .help(
                        "there are sqrt, cbrt, exp, exp2, expm1, log, log2, log10, log1p, the \
                         trigonometric and hyperbolic functions, pow, fmod, floor, ceil, trunc, fabs, \
                         copysign, erf, erfc, isnan, isinf and isfinite",
                    ),
            ));
        };
        if values.len() != function.arity() {
            return Err(self.refuse(
                Diagnostic::new(
                    range,
                    format!("`math.{name}` takes {} arguments here", function.arity()),
                )
                .label(format!("{} given", values.len())),
            ));
        }
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
        let example = match function.arity() {
            1 => format!("math.{name}(a)"),
            _ => format!("math.{name}(a, b)"),
        };
        let guards = vec![
            self.as_python(range, "ValueError", &example),
            self.as_python(range, "OverflowError", &example),
        ];
        Ok(Expr::new(Op::Math(function), args, Type::Float).guarded(guards))
    }

    /// The arguments of a call that takes positional numbers.
    pub(super) fn numbers(&mut self, call: &ast::ExprCall, name: &str) -> Lowered<Vec<Expr>> {
        if let Some(keyword) = call.arguments.keywords.first() {
            return Err(self.refuse(
                Diagnostic::new(
                    keyword.range(),
                    format!("native code has no keyword arguments of `{name}`"),
                )
                .label("a keyword argument"),
            ));
        }
        let mut values = Vec::new();
        for argument in &call.arguments.args {
            let value = self.expression(argument)?;
            if !value.ty.is_number() {
                return Err(self.refuse(
                    Diagnostic::new(argument.range(), format!("`{name}` takes numbers here"))
                        .label(format!("this is {}", value.ty.with_article())),
                ));
            }
            values.push(value);
        }
        Ok(values)
    }
}

fn constant(constant: Constant) -> Expr {
    match constant {
        Constant::Bool(value) => Expr::bool(value),
        Constant::Int(value) => Expr::int(value),
        Constant::Float(value) => Expr::float(value),
    }
}
