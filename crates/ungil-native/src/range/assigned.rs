//! What a block assigns to, and what it only adds to.

use std::collections::BTreeMap;

use crate::ir::{Expr, Op, SlotId, Stmt};

/// What is added to a slot (or subtracted from it, where that is false).
pub(super) type Terms = Vec<(bool, Expr)>;

/// The slots that a body assigns to: with all that is added to each, where nothing else is done with it.
pub(super) fn assignments(body: &[Stmt]) -> BTreeMap<SlotId, Option<Terms>> {
    let mut found: BTreeMap<SlotId, Option<Terms>> = BTreeMap::new();
    collect(body, true, &mut found);
    found
}

fn collect(block: &[Stmt], once: bool, found: &mut BTreeMap<SlotId, Option<Terms>>) {
    for stmt in block {
        if let Stmt::Set(slot, value) = stmt {
            let entry = found.entry(*slot).or_insert_with(|| Some(Vec::new()));
            match added(*slot, value).filter(|_| once) {
                Some(term) => {
                    if let Some(terms) = entry {
                        terms.push(term);
                    }
                }
                None => *entry = None,
            }
        } else if let Some(slot) = stmt.assigned() {
            found.insert(slot, None);
        }
        stmt.expressions(&mut |expr| {
            expr.walk(&mut |inner| {
                if let Op::Let(slot) = inner.op {
                    found.insert(slot, None);
                }
            });
        });
        let once = once && matches!(stmt, Stmt::If(..));
        for nested in stmt.blocks() {
            collect(nested, once, found);
        }
    }
}

/// The term of `slot = slot + term`, `term + slot` or `slot - term`.
fn added(slot: SlotId, value: &Expr) -> Option<(bool, Expr)> {
    let is_slot = |expr: &Expr| expr.op == Op::Slot(slot);
    let mentions = |expr: &Expr| {
        let mut found = false;
        expr.walk(&mut |inner| found |= inner.op == Op::Slot(slot));
        found
    };
    let (sign, term) = match value.op {
        Op::Add if is_slot(&value.args[0]) => (true, &value.args[1]),
        Op::Add if is_slot(&value.args[1]) => (true, &value.args[0]),
        Op::Sub if is_slot(&value.args[0]) => (false, &value.args[1]),
        _ => return None,
    };
    (!mentions(term)).then(|| (sign, term.clone()))
}
