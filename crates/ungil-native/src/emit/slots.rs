//! Slots: where variables are, until LLVM puts them into registers.

use std::fmt::Write as _;

use super::builder::Builder;
use super::value::Value;
use super::{llvm, parts};
use crate::ir::SlotId;

impl Builder<'_> {
    /// Where a number is.
    pub(super) fn place(&self, slot: SlotId) -> String {
        self.place_of(slot, 0)
    }

    fn place_of(&self, slot: SlotId, part: usize) -> String {
        match &self.lane {
            Some((own, lane)) if own.contains(&slot) => format!("%s{slot}.{part}.{lane}"),
            _ => format!("%s{slot}.{part}"),
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
        if let (Some(&bits), Value::Scalar(value)) = (self.narrow.get(&slot), value) {
            let small = self.let_(format!("trunc i64 {value} to i{bits}"));
            let place = self.place(slot);
            self.push(format!("store i{bits} {small}, ptr {place}"));
            return;
        }
        let ty = self.function.slots[slot].ty;
        for (at, (part, ty)) in value.flat().iter().zip(parts(ty)).enumerate() {
            let place = self.place_of(slot, at);
            self.push(format!("store {ty} {part}, ptr {place}"));
        }
        if self.function.slots[slot].flagged {
            self.push(format!("store i1 true, ptr %s{slot}.set"));
        }
    }

    /// Whether a slot that is never assigned to can do without a place.
    pub(super) fn can_be_fixed(&self, slot: SlotId) -> bool {
        let description = &self.function.slots[slot];
        !description.flagged && self.owner_part(slot).is_none() && !self.narrow.contains_key(&slot)
    }

    /// The value of a slot.
    pub(super) fn get(&mut self, slot: SlotId) -> Value {
        let ty = self.function.slots[slot].ty;
        if let Some(registers) = self.fixed.get(&slot) {
            return Value::of(ty, &mut registers.iter().cloned());
        }
        if let Some(&bits) = self.narrow.get(&slot) {
            let place = self.place(slot);
            let small = self.let_(format!("load i{bits}, ptr {place}"));
            return Value::Scalar(self.let_(format!("sext i{bits} {small} to i64")));
        }
        let loaded: Vec<String> = parts(ty)
            .into_iter()
            .enumerate()
            .map(|(at, ty)| {
                let place = self.place_of(slot, at);
                self.let_(format!("load {ty}, ptr {place}"))
            })
            .collect();
        Value::of(ty, &mut loaded.into_iter())
    }
}
