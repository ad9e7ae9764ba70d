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
mod each;
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
mod slots;
mod speculate;
mod text;
mod value;

use std::fmt::Write as _;

use crate::environment::Options;
use crate::ir::Program;
use crate::types::Type;
use builder::Builder;
pub(crate) use lines::Home;

/// The name of the function that callers from outside call: `i32 (ptr arguments, ptr result, ptr context)`.
pub(crate) const ENTRY: &str = "ungil_entry";

/// Writes the program, whose first function is the one that is called from outside.
///
/// With the places of the functions, instructions are marked with their lines.
pub(crate) fn emit(program: &Program, options: &[Options], homes: Option<&[Home]>) -> String {
    let mut text = String::new();
    for (id, function) in program.functions.iter().enumerate() {
        text.push_str(&Builder::function(
            program,
            id,
            function,
            options[id],
            homes.map(|homes| &homes[id]),
        ));
    }
    entry(program, &mut text);
    if homes.is_some() {
        text.push_str(lines::MODULE);
    }
    let prelude = prelude::needed(&text);
    prelude + &text
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
