//! Slots: where variables are, until LLVM puts them into registers.

use std::fmt::Write as _;

use super::builder::{ArrayValue, Builder, Value};
use super::{llvm, parts};
use crate::ir::SlotId;
use crate::types::Type;

impl Builder<'_> {
    /// Where a number is.
    pub(super) fn place(&self, slot: SlotId) -> String {
        match &self.lane {
            Some((own, lane)) if own.contains(&slot) => format!("%s{slot}.0.{lane}"),
            _ => format!("%s{slot}.0"),
        }
    }

    /// Makes room for a slot of each round.
    pub(super) fn add_lanes(&mut self, slot: SlotId, rounds: usize) {
        let small = self.narrow.get(&slot).map(|bits| format!("i{bits}"));
        let ty = small.unwrap_or_else(|| llvm(self.function.slots[slot].ty).to_owned());
        for lane in 0..rounds {
            let place = format!("  %s{slot}.0.{lane} = ");
            // Loops are written more than once.
            if !self.allocas.contains(&place) {
                let _ = writeln!(self.allocas, "{place}alloca {ty}");
            }
        }
    }

    /// Assigns to a slot.
    pub(super) fn set(&mut self, slot: SlotId, value: &Value) {
        match value {
            Value::Scalar(value) => {
                let place = self.place(slot);
                if let Some(&bits) = self.narrow.get(&slot) {
                    let small = self.let_(format!("trunc i64 {value} to i{bits}"));
                    self.push(format!("store i{bits} {small}, ptr {place}"));
                    return;
                }
                let ty = llvm(self.function.slots[slot].ty);
                self.push(format!("store {ty} {value}, ptr {place}"));
            }
            Value::Array(array) => {
                let types = parts(self.function.slots[slot].ty);
                for ((part, value), ty) in array.parts().enumerate().zip(types) {
                    self.push(format!("store {ty} {value}, ptr %s{slot}.{part}"));
                }
            }
            Value::None => {}
        }
        if self.function.slots[slot].flagged {
            self.push(format!("store i1 true, ptr %s{slot}.set"));
        }
    }

    /// The value of a slot.
    pub(super) fn get(&mut self, slot: SlotId) -> Value {
        match self.function.slots[slot].ty {
            Type::Array(array) => {
                let data = self.let_(format!("load ptr, ptr %s{slot}.0"));
                let count = usize::from(array.dimensions);
                let mut load = |part| self.let_(format!("load i64, ptr %s{slot}.{part}"));
                let sizes = (1..=count).map(&mut load).collect();
                let strides = if array.contiguous {
                    Vec::new()
                } else {
                    (count + 1..=2 * count).map(load).collect()
                };
                Value::Array(ArrayValue {
                    data,
                    sizes,
                    strides,
                })
            }
            ty => {
                let (ty, place) = (llvm(ty), self.place(slot));
                if let Some(&bits) = self.narrow.get(&slot) {
                    let small = self.let_(format!("load i{bits}, ptr {place}"));
                    return Value::Scalar(self.let_(format!("sext i{bits} {small} to {ty}")));
                }
                Value::Scalar(self.let_(format!("load {ty}, ptr {place}")))
            }
        }
    }
}
