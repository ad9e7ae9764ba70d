//! From the typed program to LLVM IR, as text.
//!
//! Every function returns a code beside its value: not zero if it failed, and then the context says where.
//! Slots become stack slots, which LLVM turns into registers. What fails goes into cold blocks at a
//! function's end.

mod affine;
mod arithmetic;
mod array;
mod builder;
mod complex;
mod control;
mod count;
mod created;
mod deferred;
mod expression;
mod fold;
mod hoisted;
mod jam;
mod lines;
mod list;
mod narrow;
mod parallel;
mod power;
mod prelude;
mod scopes;
mod slots;
mod speculate;
mod value;

use std::fmt::Write as _;

use crate::environment::Options;
use crate::ir::Program;
use crate::types::Type;
use builder::Builder;
use deferred::Deferred;
pub(crate) use lines::Home;

/// The name of the function that callers from outside call: `i32 (ptr arguments, ptr result, ptr context)`.
pub(crate) const ENTRY: &str = "ungil_entry";

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
    let mut main = functions.concat();
    entry(program, &mut main);
    let loops = deferred.map_or_else(Vec::new, |deferred| deferred.functions);
    Modules {
        main: prelude::needed(&main) + &main,
        deferred: (!loops.is_empty()).then(|| {
            let own = deferred::module(&loops);
            let text = own.clone() + &called(&own, &functions);
            prelude::needed(&text) + &text
        }),
    }
}

/// The same in one module, with instructions marked with their lines; it is not run.
pub(crate) fn emit_with_lines(program: &Program, options: &[Options], homes: &[Home]) -> String {
    let mut text = functions(program, options, Some(homes), &mut None).concat();
    entry(program, &mut text);
    text.push_str(lines::MODULE);
    prelude::needed(&text) + &text
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
        Type::List(_) => "ptr",
        Type::None | Type::Complex | Type::Array(_) | Type::Tuple(_) | Type::Nested(_) => {
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
        Type::Complex => vec!["double"; 2],
        Type::Tuple(items) => items.iter().flat_map(|&item| parts(item)).collect(),
        Type::None | Type::Nested(_) => Vec::new(),
        ty => vec![llvm(ty)],
    }
}

/// The function that unpacks arguments from memory, 8 bytes each.
fn entry(program: &Program, text: &mut String) {
    let function = &program.functions[0];
    let mut loads = String::new();
    let mut passed = Vec::new();
    let mut position = 0;
    for &slot in &function.parameters {
        let mut registers = parts(function.slots[slot].ty);
        // Arrays that are passed are somebody else's.
        let owner = matches!(function.slots[slot].ty, Type::Array(_))
            .then(|| registers.pop())
            .flatten();
        for part in registers {
            let at = position * 8;
            let _ = writeln!(
                loads,
                "  %p{position} = getelementptr inbounds i8, ptr %arguments, i64 {at}"
            );
            if part == "i1" {
                let _ = writeln!(
                    loads,
                    "  %w{position} = load i64, ptr %p{position}\n  %a{position} = icmp ne i64 %w{position}, 0"
                );
            } else {
                let _ = writeln!(loads, "  %a{position} = load {part}, ptr %p{position}");
            }
            passed.push(format!(", {part} %a{position}"));
            position += 1;
        }
        passed.extend(owner.map(|owner| format!(", {owner} null")));
    }
    let result = result_type(function.returns);
    let _ = writeln!(
        text,
        "define i32 @{ENTRY}(ptr %arguments, ptr %result, ptr noalias %context) nounwind {{\n{loads}  \
         %r = call fastcc {result} @f0(ptr %context{})",
        passed.concat()
    );
    if function.returns == Type::None {
        let _ = writeln!(text, "  ret i32 %r\n}}");
        return;
    }
    let _ = writeln!(text, "  %code = extractvalue {result} %r, 0");
    for (at, ty) in parts(function.returns).into_iter().enumerate() {
        let (place, from) = (8 * at, at + 1);
        let _ = writeln!(
            text,
            "  %v{at} = extractvalue {result} %r, {from}\n  \
             %o{at} = getelementptr inbounds i8, ptr %result, i64 {place}"
        );
        if ty == "i1" {
            let _ = writeln!(
                text,
                "  %x{at} = zext i1 %v{at} to i64\n  store i64 %x{at}, ptr %o{at}"
            );
        } else {
            let _ = writeln!(text, "  store {ty} %v{at}, ptr %o{at}");
        }
    }
    let _ = writeln!(text, "  ret i32 %code\n}}");
}
