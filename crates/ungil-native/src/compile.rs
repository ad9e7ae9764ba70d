//! The way from a function to LLVM IR.

use ruff_text_size::Ranged;

use crate::emit::{self, Home};
use crate::environment::{Environment, FunctionId, Options};
use crate::ir::{Expr, Guard, Program, Proof, Site, Stmt, walk};
use crate::lower::{self, Refusal};
use crate::range;
use crate::types::Type;

/// A function in LLVM IR.
#[derive(Debug)]
pub struct Compiled {
    /// The module's text; its function `ungil_entry` has the signature `i32 (ptr arguments, ptr result, ptr
    /// context)`.
    pub ir: String,
    /// Another module, of what is hardly ever needed: [`runtime::Deferred`](crate::runtime::Deferred) is its entry's
    /// signature. To be compiled when the first one asks for it.
    pub deferred: Option<String>,
    /// What the function returns.
    pub returns: Type,
    /// Places where it can fail, as machine code numbers them.
    pub sites: Vec<Site>,
    /// Whether it can take long: whether it has loops or recursion.
    pub long: bool,
    /// Whether it has parallel loops.
    pub parallel: bool,
    /// Whether it needs to know where the stack ends.
    pub recursive: bool,
    /// What became of its checks.
    pub checks: Checks,
    /// The typed program as text.
    pub typed: String,
}

/// How many checks there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checks {
    /// Made where they stand.
    pub made: usize,
    /// Made once before a loop.
    pub before_loops: usize,
    /// Left out because they cannot fail.
    pub proved: usize,
}

/// A function in LLVM IR that tells of which line of the source an instruction is.
#[derive(Debug)]
pub struct Explained {
    /// The module's text, as that of [`Compiled`].
    pub ir: String,
    /// Its checks in the order of the program, and what became of each.
    pub checks: Vec<(Site, Fate)>,
}

/// What became of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is made where it stands.
    Made,
    /// It is made once before a loop.
    BeforeLoop,
    /// It cannot fail.
    Proved,
    /// The user does without it.
    Waived,
}

impl From<Proof> for Fate {
    fn from(proof: Proof) -> Self {
        match proof {
            Proof::Open => Self::Made,
            Proof::Hoisted | Proof::Outer => Self::BeforeLoop,
            Proof::Proved => Self::Proved,
            Proof::Waived => Self::Waived,
        }
    }
}

/// Compiles a function for these argument types, with all that it calls.
///
/// # Errors
/// The refusal of what is not in the language.
pub fn compile(
    environment: &mut dyn Environment,
    function: FunctionId,
    arguments: &[Type],
) -> Result<Compiled, Box<Refusal>> {
    let (program, options) = lowered(environment, function, arguments)?;
    let modules = emit::emit(&program, &options);
    let root = &program.functions[0];
    Ok(Compiled {
        ir: modules.main,
        deferred: modules.deferred,
        returns: root.returns,
        long: root.long,
        parallel: program.has_parallel_loops(),
        recursive: program.functions.iter().any(|function| function.recursive),
        checks: count(&program),
        typed: program.functions.iter().map(ToString::to_string).collect(),
        sites: program.sites,
    })
}

/// The same for those who want to know what became of each line.
///
/// # Errors
/// As [`compile`].
pub fn explain(
    environment: &mut dyn Environment,
    function: FunctionId,
    arguments: &[Type],
) -> Result<Explained, Box<Refusal>> {
    let (program, options) = lowered(environment, function, arguments)?;
    let homes: Vec<Home> = program
        .functions
        .iter()
        .map(|function| {
            let source = &environment.function(function.source).source;
            Home {
                file: source.file.clone(),
                line: source.place(source.function().name.range()).line,
            }
        })
        .collect();
    let mut checks = Vec::new();
    each_guard(&program, &mut |guard| {
        checks.push((program.sites[guard.site].clone(), guard.proof.into()));
    });
    Ok(Explained {
        ir: emit::emit_with_lines(&program, &options, &homes),
        checks,
    })
}

fn lowered(
    environment: &mut dyn Environment,
    function: FunctionId,
    arguments: &[Type],
) -> Result<(Program, Vec<Options>), Box<Refusal>> {
    let mut program = lower::lower(environment, function, arguments)?;
    let options: Vec<Options> = program
        .functions
        .iter()
        .map(|function| environment.function(function.source).options)
        .collect();
    range::prove(&mut program, &options);
    Ok((program, options))
}

/// The types that the annotations of a function's parameters fix, in the order of the call.
pub fn parameter_types(
    environment: &mut dyn Environment,
    function: FunctionId,
) -> Vec<Option<Type>> {
    lower::annotations(environment, function)
}

fn count(program: &Program) -> Checks {
    let mut checks = Checks::default();
    each_guard(program, &mut |guard| match Fate::from(guard.proof) {
        Fate::Made => checks.made += 1,
        Fate::BeforeLoop => checks.before_loops += 1,
        Fate::Proved | Fate::Waived => checks.proved += 1,
    });
    checks
}

fn each_guard(program: &Program, visit: &mut dyn FnMut(&Guard)) {
    for function in &program.functions {
        walk(&function.body, &mut |stmt| {
            if let Stmt::Store(store) = stmt {
                store.guards.iter().for_each(&mut *visit);
            }
            stmt.expressions(&mut |expr: &Expr| {
                expr.walk(&mut |inner| inner.guards.iter().for_each(&mut *visit));
            });
        });
    }
}
