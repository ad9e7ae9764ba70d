//! From the typed program to LLVM IR, as text.
//!
//! Every function returns a code beside its value: not zero if it failed, and then the context says where.
//! Slots become stack slots, which LLVM turns into registers. What fails goes into cold blocks at a
//! function's end.

mod affine;
mod arithmetic;
mod array;
mod attempt;
mod builder;
mod complex;
mod control;
mod count;
mod created;
mod deferred;
mod each;
mod entry;
mod exits;
mod expression;
mod fold;
mod hoisted;
mod independent;
mod jam;
mod lines;
mod list;
mod narrow;
mod parallel;
mod power;
mod prelude;
mod record;
mod routine;
mod scopes;
mod side_by_side;
mod slots;
mod speculate;
mod text;
mod value;

use crate::environment::Options;
use crate::ir::Program;
use crate::types::Type;
use builder::Builder;
use deferred::Deferred;
pub(crate) use lines::Home;

/// A program's texts.
pub(crate) struct Modules {
    /// The module of the function that is called from outside.
    pub(crate) main: String,
    /// That of the loops which are compiled when they are needed: its entry has the signature `i32 (ptr context,
    /// i32 number, ptr frame)`.
    pub(crate) deferred: Option<String>,
}

/// Writes the program, whose first function is the one that is called from outside.
pub(crate) fn emit(program: &Program, options: &[Options]) -> Modules {
    // Threads of parallel loops are none of Python's: they could not have anything compiled.
    let mut deferred = (!program.has_parallel_loops()).then(Deferred::default);
    let functions = functions(program, options, None, &mut deferred);
    let main = functions.concat() + &entry::of(program);
    let loops = deferred.map_or_else(Vec::new, |deferred| deferred.functions);
    Modules {
        main: whole(program, options, &main),
        deferred: (!loops.is_empty()).then(|| {
            let own = deferred::module(&loops);
            whole(program, options, &(own.clone() + &called(&own, &functions)))
        }),
    }
}

/// The same in one module, with instructions marked with their lines; it is not run.
pub(crate) fn emit_with_lines(program: &Program, options: &[Options], homes: &[Home]) -> String {
    let mut text = functions(program, options, Some(homes), &mut None).concat();
    text.push_str(&entry::of(program));
    text.push_str(lines::MODULE);
    whole(program, options, &text)
}

/// A module of functions, with what they need.
fn whole(program: &Program, options: &[Options], functions: &str) -> String {
    let marked = side_by_side::found(program, options);
    let mark = if marked { side_by_side::MARK } else { "" };
    mark.to_owned() + &prelude::needed(functions) + functions
}

fn functions(
    program: &Program,
    options: &[Options],
    homes: Option<&[Home]>,
    deferred: &mut Option<Deferred>,
) -> Vec<String> {
    let write = |(id, function)| {
        let home = homes.map(|homes| &homes[id]);
        Builder::function(program, id, function, options[id], home, deferred)
    };
    program.functions.iter().enumerate().map(write).collect()
}

/// The functions that a text calls, and those that these do.
fn called(text: &str, functions: &[String]) -> String {
    let mut chosen = vec![false; functions.len()];
    let mut open = vec![text];
    while let Some(text) = open.pop() {
        for (id, function) in functions.iter().enumerate() {
            if !chosen[id] && text.contains(&format!("@f{id}(")) {
                chosen[id] = true;
                open.push(function);
            }
        }
    }
    let chosen = functions.iter().zip(chosen).filter(|(_, chosen)| *chosen);
    chosen.map(|(function, _)| function.as_str()).collect()
}

/// LLVM's name of a scalar type.
pub(crate) fn llvm(ty: Type) -> &'static str {
    match ty {
        Type::Bool => "i1",
        Type::Int => "i64",
        Type::Float => "double",
        Type::List(_) | Type::Record(_) => "ptr",
        Type::None
        | Type::Complex
        | Type::Array(_)
        | Type::Text(_)
        | Type::Tuple(_)
        | Type::Nested(_) => {
            unreachable!("not a scalar")
        }
    }
}

/// What a function returns: its code, and its value if it has one.
fn result_type(ty: Type) -> String {
    match ty {
        Type::None => "i32".to_owned(),
        ty => format!("{{ i32, {} }}", parts(ty).join(", ")),
    }
}

/// The registers that a value is in: LLVM's types.
fn parts(ty: Type) -> Vec<&'static str> {
    match ty {
        Type::Array(array) => {
            let sizes = usize::from(array.dimensions);
            let strides = if array.contiguous { 0 } else { sizes };
            let mut parts = vec!["ptr"];
            parts.extend(vec!["i64"; sizes + strides]);
            parts.push("ptr");
            parts
        }
        Type::Text(text) => parts(Type::Array(text.codes())),
        Type::Complex => vec!["double"; 2],
        Type::Tuple(items) => items.iter().flat_map(|&item| parts(item)).collect(),
        Type::None | Type::Nested(_) => Vec::new(),
        ty => vec![llvm(ty)],
    }
}
