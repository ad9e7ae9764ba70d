//! Marks by which LLVM knows that arrays do not overlap.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::builder::Builder;
use crate::ir::{Expr, Op, SlotId};

impl Builder<'_> {
    /// A new mark.
    pub(super) fn mark(&mut self, description: impl FnOnce(usize) -> String) -> usize {
        let number = self.marks;
        self.marks += 1;
        let _ = writeln!(self.metadata, "!{number} = {}", description(number));
        number
    }

    /// Marks arrays as known not to overlap: those that are written with each other and all others.
    pub(super) fn mark_disjoint(&mut self, written: &BTreeSet<SlotId>, read: &BTreeSet<SlotId>) {
        let domain = self.mark(|own| format!("distinct !{{!{own}}}"));
        let scopes: BTreeMap<SlotId, usize> = (written | read)
            .into_iter()
            .map(|slot| {
                let scope = self.mark(|own| format!("distinct !{{!{own}, !{domain}}}"));
                (slot, scope)
            })
            .collect();
        for (slot, scope) in &scopes {
            let others: Vec<String> = scopes
                .iter()
                .filter(|(other, _)| {
                    *other != slot && (written.contains(slot) || written.contains(other))
                })
                .map(|(_, scope)| format!("!{scope}"))
                .collect();
            let own = self.mark(|_| format!("!{{!{scope}}}"));
            let others = self.mark(|_| format!("!{{{}}}", others.join(", ")));
            self.scopes
                .insert(*slot, format!(", !alias.scope !{own}, !noalias !{others}"));
        }
    }

    /// What a load or store of an array is marked with.
    pub(super) fn scope(&self, array: &Expr) -> &str {
        match array.op {
            Op::Slot(slot) => self.scopes.get(&slot).map_or("", String::as_str),
            _ => "",
        }
    }
}
