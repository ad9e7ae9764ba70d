//! Calls: of built-ins, of `math`, of other native functions.

use ruff_python_ast as ast;
use ruff_text_size::{Ranged, TextRange};

use super::function::FunctionLowerer;
use super::{Lowered, Refusal};
use crate::diagnostic::Diagnostic;
use crate::environment::{Constant, FunctionId, FunctionSource, Global};
use crate::ir::{Expr, Guard, Op, Proof};
use crate::types::Type;

impl FunctionLowerer<'_, '_> {
    pub(super) fn call(&mut self, call: &ast::ExprCall) -> Lowered<Expr> {
        let (global, name) = match &*call.func {
            ast::Expr::Name(name) if self.is_local(&name.id) => {
                if let Type::Nested(start) = self.read(&name.id, name.range())?.ty {
                    return self.nested_call(call, start);
                }
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
            Global::Record(record) => self.new_record(call, record),
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
        let object = self.pending(&method.value)?;
        if let Type::List(_) = object.ty {
            return self.list_method(call, method, object);
        }
        let plain = call.arguments.args.is_empty() && call.arguments.keywords.is_empty();
        if let Type::Text(kind) = object.ty {
            return Err(self.refuse_text_method(method, kind));
        }
        if let Type::Record(record) = object.ty {
            return Err(self.refuse_method(method, record));
        }
        if object.ty == Type::Complex && plain && &*method.attr == "conjugate" {
            return Ok(self.conjugate(object));
        }
        self.array_method(call, method, object)
    }

    /// What a call is of, where that is known by a global name.
    pub(super) fn global_called(&mut self, call: &ast::ExprCall) -> Option<Global> {
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
        match self.global_called(call)? {
            Global::Builtin(function) => Some(function),
            _ => None,
        }
    }

    fn native_call(&mut self, call: &ast::ExprCall, function: FunctionId) -> Lowered<Expr> {
        let callee = self.lowerer.environment.function(function);
        let definition = callee.source.function();
        let defaults = callee.defaults.iter().map(|one| one.clone().map(constant));
        let given = self.matched(call, definition, &callee.name, defaults.collect())?;
        let annotations = super::annotations(self.lowerer.environment, function);
        let arguments = self.as_annotated(given, &annotations, definition, &callee.name)?;
        self.native_called(call, &Callee::of(function), arguments, &callee.name)
    }

    /// The arguments of a call in the order of the parameters.
    pub(super) fn matched(
        &mut self,
        call: &ast::ExprCall,
        definition: &ast::StmtFunctionDef,
        callee: &str,
        mut defaults: Vec<Option<Expr>>,
    ) -> Lowered<Vec<(Expr, TextRange)>> {
        let parameters = &definition.parameters;
        let names = names_of(definition);
        let mut given: Vec<Option<(Expr, TextRange)>> = names.iter().map(|_| None).collect();
        let positional = parameters.posonlyargs.len() + parameters.args.len();
        for (at, argument) in call.arguments.args.iter().enumerate() {
            if at >= positional {
                let title = format!("`{callee}` takes {positional} positional arguments");
                return Err(self.wrong_call(argument.range(), title));
            }
            let before = self.block.len();
            let value = self.expression(argument)?;
            self.settle_given(before, &mut given);
            given[at] = Some((value, argument.range()));
        }
        for keyword in &call.arguments.keywords {
            let name = keyword.arg.as_ref().map(ToString::to_string);
            let position = names.iter().position(|known| Some(known) == name.as_ref());
            let Some(at) = position.filter(|&at| at >= parameters.posonlyargs.len()) else {
                let title = match name {
                    Some(name) => format!("`{callee}` has no parameter `{name}`"),
                    None => "native code cannot unpack arguments".to_owned(),
                };
                return Err(self.wrong_call(keyword.range(), title));
            };
            if given[at].is_some() {
                let title = format!("`{}` is given twice", names[at]);
                return Err(self.wrong_call(keyword.range(), title));
            }
            let before = self.block.len();
            let value = self.expression(&keyword.value)?;
            self.settle_given(before, &mut given);
            given[at] = Some((value, keyword.value.range()));
        }
        defaults.resize(names.len(), None);
        let all = given.into_iter().zip(defaults).zip(names);
        all.map(|((given, default), name)| {
            let default = default.map(|default| (default, call.range()));
            given.or(default).ok_or_else(|| {
                let title = format!("`{callee}` needs a value for `{name}`");
                self.wrong_call(call.range(), title)
            })
        })
        .collect()
    }

    fn settle_given(&mut self, before: usize, given: &mut [Option<(Expr, TextRange)>]) {
        // Keywords in another order than the parameters are evaluated in theirs: all are kept then.
        let mut values: Vec<Expr> = given
            .iter()
            .flatten()
            .map(|(value, _)| value.clone())
            .collect();
        self.settle(before, &mut values);
        let places = given.iter_mut().flatten();
        for ((place, _), value) in places.zip(values) {
            *place = value;
        }
    }

    pub(super) fn wrong_call(&self, range: TextRange, title: String) -> Box<Refusal> {
        self.refuse(Diagnostic::new(range, title).label("in this call"))
    }

    /// Arguments as the parameters' annotations want them.
    pub(super) fn as_annotated(
        &mut self,
        given: Vec<(Expr, TextRange)>,
        annotations: &[Option<Type>],
        definition: &ast::StmtFunctionDef,
        callee: &str,
    ) -> Lowered<Vec<Expr>> {
        let mut arguments = Vec::new();
        let names = names_of(definition);
        for (((value, range), &annotation), name) in given.into_iter().zip(annotations).zip(names) {
            let value = match annotation {
                Some(wanted) => self.coerced(value, wanted, range),
                None => value,
            };
            match (annotation, value.ty) {
                (Some(wanted), got) if wanted != got => {
                    let title = format!(
                        "`{name}` of `{callee}` is annotated as {}",
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
                    return Err(self.wrong_call(range, title));
                }
                (_, Type::Nested(_)) => {
                    let title = "native code passes no functions".to_owned();
                    return Err(self.wrong_call(range, title));
                }
                _ => arguments.push(value),
            }
        }
        Ok(arguments)
    }

    /// The call itself.
    pub(super) fn native_called(
        &mut self,
        call: &ast::ExprCall,
        callee: &Callee,
        arguments: Vec<Expr>,
        name: &str,
    ) -> Lowered<Expr> {
        let types: Vec<Type> = arguments.iter().map(|argument| argument.ty).collect();
        let (id, returns) = self.lowerer.instance(callee, &types)?;
        let Some(returns) = returns else {
            return Err(self.refuse(
                Diagnostic::new(
                    call.range(),
                    format!("what `{name}` returns is not known here"),
                )
                .label("it calls itself")
                .help(format!("annotate its result: `def {name}(...) -> int:`")),
            ));
        };
        let site = self.push_site(call.range(), None);
        let guard = Guard {
            site,
            proof: Proof::Open,
        };
        let called = Expr::new(Op::Call(id), arguments, returns).guarded(vec![guard]);
        if !callee.written.is_empty() {
            return Ok(self.take_written(callee, called));
        }
        match returns {
            Type::Array(_) => {}
            Type::List(_) => return Ok(self.new_from(called)),
            Type::Record(_) => {
                // Whoever gets an object refers to it.
                let slot = self.temporary(returns);
                let kept = Expr::slot(slot, returns);
                return Ok(Expr::new(Op::Let(slot), vec![called, kept], returns));
            }
            _ => return Ok(called),
        }
        // Whoever gets an array refers to it; and what stands before in the statement comes first.
        if call.range() != self.whole {
            return Err(self.refuse(
                Diagnostic::new(call.range(), format!("`{name}` returns an array"))
                    .label("within an expression")
                    .help("assign it to a variable first"),
            ));
        }
        Ok(self.held(called))
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
            let before = self.block.len();
            let value = self.expression(argument)?;
            self.settle(before, &mut values);
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

/// A function that is called.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Callee {
    /// The one whose text has it.
    pub(super) function: FunctionId,
    /// Where it begins there, if it is inside of that one.
    pub(super) nested: Option<u32>,
    /// Which variables around it come as its last arguments.
    pub(super) captured: Vec<String>,
    /// Which of them it assigns to.
    pub(super) written: Vec<String>,
}

impl Callee {
    pub(super) fn of(function: FunctionId) -> Self {
        Self {
            function,
            nested: None,
            captured: Vec::new(),
            written: Vec::new(),
        }
    }

    pub(super) fn definition<'a>(&self, source: &'a FunctionSource) -> &'a ast::StmtFunctionDef {
        match self.nested {
            None => source.source.function(),
            Some(start) => super::nested::definition_at(&source.source, start),
        }
    }
}

fn names_of(definition: &ast::StmtFunctionDef) -> Vec<String> {
    let parameters = definition.parameters.iter_non_variadic_params();
    parameters
        .map(|parameter| parameter.parameter.name.to_string())
        .collect()
}

pub(super) fn constant(known: Constant) -> Expr {
    match known {
        Constant::Bool(value) => Expr::bool(value),
        Constant::Int(value) => Expr::int(value),
        Constant::Float(value) => Expr::float(value),
        Constant::Complex(re, im) => super::complex::complex(Expr::float(re), Expr::float(im)),
        Constant::Text(kind, codes) => super::text::literal(kind, codes),
        Constant::Tuple(items) => super::tuple::tuple(items.into_iter().map(constant).collect()),
    }
}
