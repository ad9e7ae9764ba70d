//! Functions inside of functions.
//!
//! Such a function is lowered as one of its own that takes the variables of the functions around it as
//! further parameters: a call passes what they hold at that moment, which is what Python's cells hold.
//! The name of such a function is a variable whose type says all; its value takes no room.

use std::collections::{BTreeMap, BTreeSet};

use ruff_python_ast as ast;
use ruff_python_ast::visitor::{self, Visitor};
use ruff_text_size::{Ranged, TextRange};

use super::Lowered;
use super::call::Callee;
use super::function::FunctionLowerer;
use super::locals::Locals;
use crate::diagnostic::Diagnostic;
use crate::ir::{Expr, Op};
use crate::source::Source;
use crate::types::{Items, Type};

impl FunctionLowerer<'_, '_> {
    /// `def` inside of a function.
    pub(super) fn nested_function(&mut self, definition: &ast::StmtFunctionDef) -> Lowered<()> {
        self.refuse_signature(definition)?;
        if let Some(decorator) = definition.decorator_list.first() {
            return Err(self.refuse(
                Diagnostic::new(
                    decorator.range(),
                    "a function inside of a native function has no decorators",
                )
                .label("a decorator")
                .help("leave it out: the function is native as the one around it is"),
            ));
        }
        for parameter in definition.parameters.iter_non_variadic_params() {
            if let Some(default) = parameter.default.as_deref()
                && !is_literal(default)
            {
                return Err(self.refuse(
                    Diagnostic::new(default.range(), "a default value has to be a number here")
                        .label("not written as a number")
                        .help("pass it where the function is called"),
                ));
            }
        }
        let ty = Type::Nested(definition.range().start().to_u32());
        let value = Expr::new(Op::None, Vec::new(), ty);
        self.assign(&definition.name, value, definition.name.range());
        Ok(())
    }

    /// A call of a function inside of this one, or around it.
    pub(super) fn nested_call(&mut self, call: &ast::ExprCall, start: u32) -> Lowered<Expr> {
        let source = self.source.clone();
        let definition = definition_at(&source.source, start);
        let name = definition.name.to_string();
        let defaults = definition
            .parameters
            .iter_non_variadic_params()
            .map(|parameter| {
                let default = parameter.default.as_deref();
                default.map(|default| self.expression(default)).transpose()
            })
            .collect::<Lowered<Vec<_>>>()?;
        let given = self.matched(call, definition, &name, defaults)?;
        let annotations: Vec<Option<Type>> = definition
            .parameters
            .iter_non_variadic_params()
            .map(|parameter| {
                let annotation = parameter.parameter.annotation.as_deref();
                self.lowerer.annotated(self.id, annotation)
            })
            .collect();
        let mut arguments = self.as_annotated(given, &annotations, definition, &name)?;
        let mut captured = Vec::new();
        let (needed, written) = self.captured_by(&source.source, definition);
        for (variable, user) in needed {
            if self.state.get(&variable).is_none() {
                // Not there yet: a use of it is refused.
                continue;
            }
            if !self.may_pass_on(&variable, user) {
                return Err(self.refuse(
                    Diagnostic::new(
                        call.range(),
                        format!(
                            "`{}` uses another `{variable}` than that of this function",
                            user.name
                        ),
                    )
                    .label("two variables of one name")
                    .help("give one of them another name"),
                ));
            }
            arguments.push(self.read(&variable, call.range())?);
            captured.push(variable);
        }
        let written: Vec<String> = written.into_iter().collect();
        self.refuse_lost_writes(call, &written, &captured)?;
        let callee = Callee {
            function: self.id,
            nested: Some(start),
            captured,
            written,
        };
        self.native_called(call, &callee, arguments, &name)
    }

    /// The variables around a function that it needs, and those that the functions need that it calls.
    fn captured_by<'d>(
        &self,
        source: &'d Source,
        definition: &'d ast::StmtFunctionDef,
    ) -> (BTreeMap<String, &'d ast::StmtFunctionDef>, BTreeSet<String>) {
        let mut found = BTreeMap::new();
        let mut written = BTreeSet::new();
        let mut open = vec![definition];
        while let Some(user) = open.pop() {
            written.extend(Locals::of(user).nonlocal);
            for name in free_names(user) {
                if !self.is_local(&name) || found.contains_key(&name) {
                    continue;
                }
                if let Some(Type::Nested(start)) =
                    self.state.get(&name).and_then(|one| one.holds.one())
                {
                    open.push(definition_at(source, start));
                }
                found.insert(name, user);
            }
        }
        written.retain(|name| found.contains_key(name));
        (found, written)
    }

    /// What an inner function assigns to is taken over where it returns: it must return, and to this thread.
    fn refuse_lost_writes(
        &self,
        call: &ast::ExprCall,
        written: &[String],
        captured: &[String],
    ) -> Lowered<()> {
        let Some(name) = written.first() else {
            return Ok(());
        };
        if let Some(missing) = written.iter().find(|name| !captured.contains(name)) {
            return Err(self.refuse(
                Diagnostic::new(call.range(), format!("`{missing}` has no value here"))
                    .label("the function that is called assigns to it: `nonlocal`")
                    .help(format!("give `{missing}` a value before")),
            ));
        }
        let place = if !self.attempts.is_empty() {
            "within `try`"
        } else if self.parallel > 0 {
            "within a parallel loop"
        } else {
            return Ok(());
        };
        Err(self.refuse(
            Diagnostic::new(
                call.range(),
                format!("a function that assigns to `{name}` around it is not called {place}"),
            )
            .label("`nonlocal` in it")
            .help(format!(
                "return the new value of `{name}` and assign it here"
            )),
        ))
    }

    /// The value of a call that returns the variables around it as well, which are assigned to.
    pub(super) fn take_written(&mut self, callee: &Callee, called: Expr) -> Expr {
        let kept = self.held(called);
        let mut items = super::tuple::items(&kept);
        let values = items.split_off(items.len() - callee.written.len());
        let range = self.definition.name.range();
        for (name, value) in callee.written.iter().zip(values) {
            self.assign(name, value, range);
        }
        items.pop().unwrap_or_else(Expr::none)
    }

    /// What is returned: with the variables around that were assigned to.
    pub(super) fn with_written(&mut self, value: Expr, range: TextRange) -> Lowered<Expr> {
        if self.written.is_empty() {
            return Ok(value);
        }
        let mut all = Vec::new();
        if value.ty != Type::None {
            all.push(value);
        }
        for name in self.written.clone() {
            let value = self.read(&name, range)?;
            let slot = self.around.get(&name).copied().unwrap_or(Type::None);
            if value.ty != slot || !value.ty.is_small() {
                return Err(self.refuse(
                    Diagnostic::new(range, format!("`{name}` has another type than before"))
                        .label(format!(
                            "{} here, {} around this function",
                            value.ty.with_article(),
                            slot.with_article()
                        ))
                        .help("give it a value of that type where it is made: `0.0` for `0`"),
                ));
            }
            all.push(value);
        }
        Ok(super::tuple::tuple(all))
    }

    /// Whether a variable of this name is the one that a function means: where that is inside of this
    /// function, or where both have it from the functions around.
    fn may_pass_on(&self, variable: &str, definition: &ast::StmtFunctionDef) -> bool {
        self.captured.iter().any(|captured| captured == variable)
            || self.definition.range().contains_range(definition.range())
                && self.definition.range() != definition.range()
    }
}

/// The function inside of a native one whose text begins there.
pub(super) fn definition_at(source: &Source, start: u32) -> &ast::StmtFunctionDef {
    struct Finder<'a>(u32, Option<&'a ast::StmtFunctionDef>);
    impl<'a> Visitor<'a> for Finder<'a> {
        fn visit_stmt(&mut self, stmt: &'a ast::Stmt) {
            if let ast::Stmt::FunctionDef(inner) = stmt
                && inner.range().start().to_u32() == self.0
            {
                self.1 = Some(inner);
            }
            if self.1.is_none() {
                visitor::walk_stmt(self, stmt);
            }
        }
    }
    let mut finder = Finder(start, None);
    finder.visit_body(&source.function().body);
    finder.1.expect("its type was made from its place")
}

/// The names that a function uses and that are not its own.
fn free_names(definition: &ast::StmtFunctionDef) -> BTreeSet<String> {
    #[derive(Default)]
    struct Used(BTreeSet<String>);
    impl<'a> Visitor<'a> for Used {
        fn visit_stmt(&mut self, stmt: &'a ast::Stmt) {
            match stmt {
                ast::Stmt::FunctionDef(inner) => self.0.extend(free_names(inner)),
                _ => visitor::walk_stmt(self, stmt),
            }
        }
        fn visit_expr(&mut self, expr: &'a ast::Expr) {
            if let ast::Expr::Name(name) = expr {
                self.0.insert(name.id.to_string());
            }
            visitor::walk_expr(self, expr);
        }
    }
    let mut used = Used::default();
    used.visit_body(&definition.body);
    let own = Locals::of(definition).names;
    used.0.difference(&own).cloned().collect()
}

/// A number as it is written, with its sign.
fn is_literal(expr: &ast::Expr) -> bool {
    match expr {
        ast::Expr::NumberLiteral(_) | ast::Expr::BooleanLiteral(_) => true,
        ast::Expr::UnaryOp(inner) => is_literal(&inner.operand),
        _ => false,
    }
}

/// What a function returns that assigns to variables around it: a tuple of its own result, if it has one, and these.
pub(super) fn with_written(ty: Type, callee: &Callee, arguments: &[Type]) -> Type {
    if callee.written.is_empty() {
        return ty;
    }
    let mut types: Vec<Type> = Vec::new();
    if ty != Type::None {
        types.push(ty);
    }
    let around = &arguments[arguments.len() - callee.captured.len()..];
    for name in &callee.written {
        let at = callee.captured.iter().position(|captured| captured == name);
        types.extend(at.map(|at| around[at]));
    }
    Type::Tuple(Items::new(&types))
}
