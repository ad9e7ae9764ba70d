//! The function that callers from outside call: arguments and result are in memory, 8 bytes each.

use std::fmt::Write as _;

use super::builder::Builder;
use super::value::Value;
use super::{parts, result_type};
use crate::environment::Options;
use crate::ir::{InstanceId, Op, Program, walk};
use crate::types::Type;

/// Its name.
pub(crate) const NAME: &str = "ungil_entry";
/// Its name and parameters.
pub(super) const HEAD: &str = "i32 @ungil_entry(ptr %arguments, ptr %result, ptr noalias %context)";
/// The function of the program that it stands for.
const OUTERMOST: InstanceId = 0;

/// Whether a function is the entry itself, as no other one calls it.
pub(super) fn is(program: &Program, id: InstanceId) -> bool {
    let mut called = false;
    for function in &program.functions {
        walk(&function.body, &mut |stmt| {
            stmt.expressions(&mut |expr| {
                expr.walk(&mut |inner| called |= inner.op == Op::Call(OUTERMOST));
            });
        });
    }
    id == OUTERMOST && !called
}

/// The entry, where it is not the function itself.
pub(super) fn of(program: &Program) -> String {
    if is(program, OUTERMOST) {
        return String::new();
    }
    let function = &program.functions[OUTERMOST];
    let mut this = Builder::new(program, function, Options::default(), NAME);
    let mut passed = String::new();
    let arguments = this.arguments();
    for (&slot, registers) in function.parameters.iter().zip(arguments) {
        for (ty, register) in parts(function.slots[slot].ty).into_iter().zip(registers) {
            let _ = write!(passed, ", {ty} {register}");
        }
    }
    let result = result_type(function.returns);
    let call = format!("call fastcc {result} @f{OUTERMOST}(ptr %context{passed})");
    let returned = this.let_(call);
    if function.returns == Type::None {
        this.push(format!("ret i32 {returned}"));
        return this.text(HEAD);
    }
    let code = this.let_(format!("extractvalue {result} {returned}, 0"));
    let words: Vec<String> = (1..=parts(function.returns).len())
        .map(|at| this.let_(format!("extractvalue {result} {returned}, {at}")))
        .collect();
    this.give_result(&Value::of(function.returns, &mut words.into_iter()));
    this.push(format!("ret i32 {code}"));
    this.text(HEAD)
}

impl Builder<'_> {
    /// The registers of each argument, from memory.
    pub(super) fn arguments(&mut self) -> Vec<Vec<String>> {
        let mut at = 0;
        let function = self.function;
        let mut taken = Vec::new();
        for &slot in &function.parameters {
            let ty = function.slots[slot].ty;
            let mut registers = Vec::new();
            let mut parts = parts(ty);
            // Arrays that are passed are somebody else's.
            let owned = matches!(ty, Type::Array(_)) && parts.pop().is_some();
            for part in parts {
                let whole = if part == "i1" { "i64" } else { part };
                let word = self.take_word(whole, "%arguments", &mut at);
                registers.push(match part {
                    "i1" => self.let_(format!("icmp ne i64 {word}, 0")),
                    _ => word,
                });
            }
            if owned {
                registers.push("null".to_owned());
            }
            taken.push(registers);
        }
        taken
    }

    /// Writes the result to memory.
    pub(super) fn give_result(&mut self, value: &Value) {
        let mut at = 0;
        for (part, ty) in value.flat().iter().zip(parts(self.returns)) {
            if ty == "i1" {
                let word = self.let_(format!("zext i1 {part} to i64"));
                self.put_word("i64", &word, "%result", &mut at);
            } else {
                self.put_word(ty, part, "%result", &mut at);
            }
        }
    }
}
