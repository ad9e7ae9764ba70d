//! From the syntax tree to the typed program: names resolved, types inferred, checks written out.
//!
//! Types flow forward through the statements; a loop's body is gone through again until what is known
//! at its head no longer changes. A variable may hold different types at different places, but where
//! ways with different types meet, it cannot be used.

mod annotation;
mod arithmetic;
mod assign;
mod attempt;
mod builtin;
mod call;
mod coerce;
mod collected;
mod compare;
mod complex;
mod comprehension;
mod elementwise;
mod expression;
mod function;
mod identity;
mod index;
mod iterated;
mod list;
mod list_loop;
mod list_method;
mod list_slice;
mod locals;
mod loops;
mod matching;
mod math;
mod nested;
mod numpy;
mod prange;
mod promotion;
mod race;
mod record;
mod reduction;
mod refusal;
mod routine;
mod state;
mod statement;
mod text;
mod together;
mod total;
mod tuple;
mod unpack;
mod variable;

use std::collections::HashMap;

use ruff_python_ast as ast;

use crate::diagnostic::Diagnostic;
use crate::environment::{Environment, FunctionId};
use crate::ir::{Function, InstanceId, Program};
use crate::types::{Element, Type};
pub(crate) use annotation::annotations;
use annotation::{annotated, width};
use call::Callee;
use function::FunctionLowerer;
use nested::with_written;

/// A refusal and the function whose text it is about.
#[derive(Debug)]
pub struct Refusal {
    /// The function.
    pub function: FunctionId,
    /// Why.
    pub diagnostic: Diagnostic,
    /// Whether it holds only if it is still so when all ways around loops are known.
    pub(crate) provisional: bool,
    /// Whether what follows in the text may make it good.
    pub(crate) later: bool,
}

pub(crate) type Lowered<T> = Result<T, Box<Refusal>>;

/// Where a function's lowering stands.
#[derive(Clone, Copy)]
enum Instance {
    /// Being lowered: calls of it are recursive, and return what it is annotated with.
    Begun(InstanceId, Option<Type>),
    Done(InstanceId),
}

pub(crate) struct Lowerer<'e> {
    environment: &'e mut dyn Environment,
    program: Program,
    instances: HashMap<(Callee, Vec<Type>), Instance>,
    /// Those being lowered, outermost first.
    open: Vec<InstanceId>,
    /// Whether a function was refused: there is no other try then.
    failed: bool,
}

/// Lowers a function for these argument types, with all that it calls.
pub(crate) fn lower(
    environment: &mut dyn Environment,
    function: FunctionId,
    arguments: &[Type],
) -> Lowered<Program> {
    let mut lowerer = Lowerer {
        environment,
        program: Program::default(),
        instances: HashMap::new(),
        open: Vec::new(),
        failed: false,
    };
    lowerer.instance(&Callee::of(function), arguments)?;
    let mut program = lowerer.program;
    mark_long(&mut program);
    Ok(program)
}

impl Lowerer<'_> {
    /// The function for these argument types, lowered unless it has been, and what it returns.
    fn instance(
        &mut self,
        callee: &Callee,
        arguments: &[Type],
    ) -> Lowered<(InstanceId, Option<Type>)> {
        let function = callee.function;
        let key = (callee.clone(), arguments.to_vec());
        match self.instances.get(&key) {
            Some(&Instance::Begun(id, returns)) => {
                // All that are open from it on can come back to themselves.
                let from = self.open.iter().position(|&open| open == id).unwrap_or(0);
                for &open in &self.open[from..] {
                    self.program.functions[open].recursive = true;
                }
                return Ok((id, returns));
            }
            Some(&Instance::Done(id)) => {
                return Ok((id, Some(self.program.functions[id].returns)));
            }
            None => {}
        }
        let source = self.environment.function(function);
        let definition = callee.definition(&source);
        let returns = self.annotated(function, definition.returns.as_deref());
        let declared = returns.map(|ty| with_written(ty, callee, arguments));
        let id = self.program.functions.len();
        self.program.functions.push(Function {
            source: function,
            name: definition.name.to_string(),
            parameters: Vec::new(),
            slots: Vec::new(),
            returns: declared.unwrap_or(Type::None),
            body: Vec::new(),
            site: 0,
            recursive: false,
            long: false,
        });
        self.instances
            .insert(key.clone(), Instance::Begun(id, declared));
        self.open.push(id);
        let lowered = FunctionLowerer::lower(self, callee, &source, arguments, returns);
        self.failed |= lowered.is_err();
        let lowered = lowered?;
        self.open.pop();
        let recursive = self.program.functions[id].recursive;
        let returns = lowered.returns;
        self.program.functions[id] = Function {
            recursive,
            ..lowered
        };
        self.instances.insert(key, Instance::Done(id));
        Ok((id, Some(returns)))
    }

    /// The width of numbers that an annotation fixes, if it does.
    fn width(&mut self, function: FunctionId, annotation: Option<&ast::Expr>) -> Option<Element> {
        width(self.environment, function, annotation)
    }

    /// The type that an annotation fixes, if it does.
    fn annotated(&mut self, function: FunctionId, annotation: Option<&ast::Expr>) -> Option<Type> {
        annotated(self.environment, function, annotation)
    }
}

/// Marks what can take long: loops, recursion, and whoever calls such.
fn mark_long(program: &mut Program) {
    use crate::ir::{Op, Stmt, walk};
    let mut calls: Vec<Vec<InstanceId>> = Vec::new();
    for function in &mut program.functions {
        function.long |= function.recursive;
        let mut called = Vec::new();
        let mut loops = false;
        walk(&function.body, &mut |stmt| {
            loops |= matches!(stmt, Stmt::While(_) | Stmt::Count(_));
            stmt.expressions(&mut |expr| {
                expr.walk(&mut |inner| match inner.op {
                    Op::Call(id) => called.push(id),
                    Op::Fold(_) => loops = true,
                    _ => {}
                });
            });
        });
        function.long |= loops;
        calls.push(called);
    }
    loop {
        let mut changed = false;
        for (id, called) in calls.iter().enumerate() {
            let long = called.iter().any(|&callee| program.functions[callee].long);
            if long && !program.functions[id].long {
                program.functions[id].long = true;
                changed = true;
            }
        }
        if !changed {
            return;
        }
    }
}
