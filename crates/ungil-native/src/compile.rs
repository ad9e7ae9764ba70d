//! The way from a function to LLVM IR.

use crate::emit;
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

/// Compiles a function for these argument types, with all that it calls.
///
/// # Errors
/// The refusal of what is not in the language.
pub fn compile(
    environment: &mut dyn Environment,
    function: FunctionId,
    arguments: &[Type],
) -> Result<Compiled, Box<Refusal>> {
    let mut program = lower::lower(environment, function, arguments)?;
    let options: Vec<Options> = program
        .functions
        .iter()
        .map(|function| environment.function(function.source).options)
        .collect();
    range::prove(&mut program, &options);
    let ir = emit::emit(&program, &options);
    let root = &program.functions[0];
    Ok(Compiled {
        ir,
        returns: root.returns,
        long: root.long,
        parallel: has_parallel_loops(&program),
        recursive: program.functions.iter().any(|function| function.recursive),
        checks: count(&program),
        typed: program.functions.iter().map(ToString::to_string).collect(),
        sites: program.sites,
    })
}

/// The types that the annotations of a function's parameters fix, in the order of the call.
pub fn parameter_types(
    environment: &mut dyn Environment,
    function: FunctionId,
) -> Vec<Option<Type>> {
    lower::annotations(environment, function)
}

fn has_parallel_loops(program: &Program) -> bool {
    let mut found = false;
    for function in &program.functions {
        walk(&function.body, &mut |stmt| {
            found |= matches!(stmt, Stmt::Count(count) if count.parallel.is_some());
        });
    }
    found
}

fn count(program: &Program) -> Checks {
    let mut checks = Checks::default();
    let mut note = |guards: &[Guard]| {
        for guard in guards {
            match guard.proof {
                Proof::Open => checks.made += 1,
                Proof::Hoisted => checks.before_loops += 1,
                Proof::Proved | Proof::Waived => checks.proved += 1,
            }
        }
    };
    for function in &program.functions {
        walk(&function.body, &mut |stmt| {
            if let Stmt::Store(store) = stmt {
                note(&store.guards);
            }
            let mut copy = stmt.clone();
            copy.expressions_mut(&mut |expr: &mut Expr| {
                expr.walk(&mut |inner| note(&inner.guards));
            });
        });
    }
    checks
}
