//! Small ints in few bits: a vector then has more of them.
//!
//! What is calculated from elements of 8, 16 or 32 bits often fits into 16 or 32 itself, as its intervals
//! tell. Slots that take nothing else are as small.

use std::collections::{BTreeMap, BTreeSet};

use super::builder::Builder;
use crate::ir::{Comparison, Expr, Function, Op, Proof, SlotId, Stmt, walk};
use crate::types::{Element, Type};

/// Slots that are small, with their bits.
pub(super) type Narrow = BTreeMap<SlotId, u8>;

const SIZES: [u8; 2] = [16, 32];

/// The slots of a function that are small.
pub(super) fn narrow_slots(function: &Function) -> Narrow {
    let mut values: BTreeMap<SlotId, Vec<&Expr>> = BTreeMap::new();
    let mut other: BTreeSet<SlotId> = function.parameters.iter().copied().collect();
    let mut parallel = false;
    walk(&function.body, &mut |stmt| {
        parallel |= matches!(stmt, Stmt::Count(count) if count.parallel.is_some());
        match stmt {
            Stmt::Set(slot, value) if value.ty == Type::Int => {
                values.entry(*slot).or_default().push(value);
            }
            _ => other.extend(stmt.assigned()),
        }
        stmt.expressions(&mut |expr| {
            expr.walk(&mut |inner| {
                if let Op::Let(slot) = inner.op {
                    other.insert(slot);
                }
            });
        });
    });
    let mut found = Narrow::new();
    // What parallel loops take over is of 8 bytes.
    if parallel {
        return found;
    }
    loop {
        let before = found.len();
        for (slot, values) in &values {
            if other.contains(slot) || function.slots[*slot].flagged || found.contains_key(slot) {
                continue;
            }
            let fits = |bits: &u8| {
                values
                    .iter()
                    .all(|value| has_elements(value, &found) && is_narrow(value, *bits, &found))
            };
            if let Some(bits) = SIZES.into_iter().find(fits) {
                found.insert(*slot, bits);
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

fn has_elements(expr: &Expr, slots: &Narrow) -> bool {
    let mut found = false;
    expr.walk(&mut |inner| {
        found |= match inner.op {
            Op::Load => true,
            Op::Slot(slot) => slots.contains_key(&slot),
            _ => false,
        }
    });
    found
}

/// Whether all that comes up in it has so many bits at most, and cannot overflow.
fn is_narrow(expr: &Expr, bits: u8, slots: &Narrow) -> bool {
    let (low, high) = Element::Signed(bits).bounds();
    match expr.op {
        Op::Int(value) => low <= value && value <= high,
        Op::Slot(slot) => slots.get(&slot).is_some_and(|size| *size <= bits),
        Op::Load => match expr.args[0].ty {
            Type::Array(array) => match array.element {
                Element::Signed(size) => size <= bits,
                Element::Unsigned(size) => size < bits,
                _ => false,
            },
            _ => false,
        },
        Op::Add | Op::Sub | Op::Mul => {
            low <= expr.range.0
                && expr.range.1 <= high
                && expr.guards[0].proof == Proof::Proved
                && expr.args.iter().all(|arg| is_narrow(arg, bits, slots))
        }
        _ => false,
    }
}

impl Builder<'_> {
    /// A comparison of small ints.
    pub(super) fn narrow_comparison(
        &mut self,
        comparison: Comparison,
        left: &Expr,
        right: &Expr,
    ) -> Option<String> {
        let sides = [left, right];
        if left.ty != Type::Int || !sides.iter().any(|side| has_elements(side, &self.narrow)) {
            return None;
        }
        let fits = |bits: &u8| {
            sides
                .iter()
                .all(|side| is_narrow(side, *bits, &self.narrow))
        };
        let bits = SIZES.into_iter().find(fits)?;
        let [a, b] = sides.map(|side| self.narrow(side, bits));
        let name = super::expression::comparison_name(comparison, Type::Int);
        Some(self.let_(format!("icmp {name} i{bits} {a}, {b}")))
    }

    /// Assigns what is small to a slot that is.
    pub(super) fn set_narrow(&mut self, slot: SlotId, value: &Expr) -> bool {
        let Some(&bits) = self.narrow.get(&slot) else {
            return false;
        };
        let value = self.narrow(value, bits);
        let place = self.place(slot);
        self.push(format!("store i{bits} {value}, ptr {place}"));
        true
    }

    fn narrow(&mut self, expr: &Expr, bits: u8) -> String {
        let name = match expr.op {
            Op::Int(value) => return value.to_string(),
            Op::Load => return self.load_to(expr, &format!("i{bits}")),
            Op::Slot(slot) => {
                let (own, place) = (self.narrow[&slot], self.place(slot));
                let value = self.let_(format!("load i{own}, ptr {place}"));
                if own == bits {
                    return value;
                }
                return self.let_(format!("sext i{own} {value} to i{bits}"));
            }
            Op::Add => "add",
            Op::Sub => "sub",
            _ => "mul",
        };
        let args: Vec<String> = expr.args.iter().map(|arg| self.narrow(arg, bits)).collect();
        self.let_(format!("{name} nsw i{bits} {}, {}", args[0], args[1]))
    }
}
