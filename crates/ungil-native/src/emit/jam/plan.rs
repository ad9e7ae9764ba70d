//! Which loops' rounds can be done together.

use std::collections::BTreeSet;

use crate::emit::builder::Builder;
use crate::emit::speculate::assigned;
use crate::ir::{Count, Expr, Op, SlotId, Stmt, Store};
use crate::types::{ArrayType, Type};

/// Rounds that are done together where each has sums of its own.
const SUMS: usize = 8;
/// Rounds that are done together where all change the same elements.
const ELEMENTS: usize = 4;

/// How a loop's body is taken apart.
pub(super) struct Plan<'b> {
    pub(super) before: &'b [Stmt],
    pub(super) inner: &'b Count,
    pub(super) after: &'b [Stmt],
    /// Slots of which each round has one of its own.
    pub(super) own: BTreeSet<SlotId>,
    pub(super) written: BTreeSet<SlotId>,
    pub(super) read: BTreeSet<SlotId>,
    pub(super) rounds: usize,
}

/// Where a body reads and writes.
#[derive(Default)]
struct Accesses<'b> {
    loads: Vec<(SlotId, &'b [Expr])>,
    stores: Vec<(SlotId, &'b Store)>,
    other: bool,
}

impl Builder<'_> {
    pub(super) fn plan<'b>(&self, count: &'b Count) -> Option<Plan<'b>> {
        let at = count
            .body
            .iter()
            .position(|stmt| matches!(stmt, Stmt::Count(_)))?;
        let Stmt::Count(inner) = &count.body[at] else {
            return None;
        };
        let (before, after) = (&count.body[..at], &count.body[at + 1..]);
        let blocks = [before, inner.body.as_slice(), after];
        let accesses = blocks.map(|block| self.accesses(block));
        let mut own: BTreeSet<SlotId> = blocks.into_iter().flat_map(assigned).collect();
        let unit = |count: &Count| matches!(count.step.op, Op::Int(1));
        let simple = unit(count)
            && unit(inner)
            && inner.orelse.is_empty()
            && !accesses.iter().any(|found| found.other)
            && own.iter().all(|slot| self.holds_number(*slot))
            && !own.contains(&inner.slot)
            && own.insert(count.slot);
        if !simple || !same_range(inner, before, &own) || !begins_anew(&own, count.slot, blocks) {
            return None;
        }
        let [early, inside, late] = &accesses;
        let written: BTreeSet<SlotId> = accesses.iter().flat_map(Accesses::written).collect();
        let read: BTreeSet<SlotId> = accesses.iter().flat_map(Accesses::read).collect();
        let apart = |found: &Accesses<'_>| !found.read().any(|slot| written.contains(&slot));
        // Either each round writes when its inner loop is over, or all change the same elements.
        let rounds = if early.stores.is_empty() && inside.stores.is_empty() {
            (apart(early) && apart(inside)).then_some(SUMS)?
        } else {
            let mut changing = own.clone();
            changing.insert(inner.slot);
            let elsewhere = early.stores.is_empty() && late.stores.is_empty();
            let same = inside.are_elements_of(inner.slot, &changing);
            (elsewhere && apart(early) && apart(late) && same).then_some(ELEMENTS)?
        };
        let contiguous = |slot: &SlotId| {
            matches!(
                self.function.slots[*slot].ty,
                Type::Array(ArrayType {
                    contiguous: true,
                    ..
                })
            )
        };
        let all_contiguous = read.iter().chain(&written).all(contiguous);
        let few = written.len() <= 2 && read.len() <= 6;
        (all_contiguous && few).then_some(Plan {
            before,
            inner,
            after,
            own,
            written,
            read,
            rounds,
        })
    }

    /// What a block reads and writes, and whether it does anything besides that cannot be moved.
    fn accesses<'b>(&self, block: &'b [Stmt]) -> Accesses<'b> {
        let mut found = Accesses::default();
        for stmt in block {
            match stmt {
                Stmt::Set(..) | Stmt::At(_) => {}
                Stmt::Store(store) => {
                    found.other |= store.guards.iter().any(|guard| self.is_open(*guard));
                    match store.array.op {
                        Op::Slot(slot) => found.stores.push((slot, store)),
                        _ => found.other = true,
                    }
                }
                _ => found.other = true,
            }
            stmt.expressions(&mut |expr| {
                expr.walk(&mut |inner| {
                    found.other |= inner.guards.iter().any(|guard| self.is_open(*guard));
                    match inner.op {
                        Op::Load => match inner.args[0].op {
                            Op::Slot(slot) => found.loads.push((slot, &inner.args[1..])),
                            _ => found.other = true,
                        },
                        Op::Call(_) | Op::Routine(_) | Op::View(_) | Op::BoundSlot(_) => {
                            found.other = true;
                        }
                        _ => {}
                    }
                });
            });
        }
        found
    }
}

impl Accesses<'_> {
    fn written(&self) -> impl Iterator<Item = SlotId> {
        self.stores.iter().map(|(slot, _)| *slot)
    }

    fn read(&self) -> impl Iterator<Item = SlotId> {
        self.loads.iter().map(|(slot, _)| *slot)
    }

    /// Whether of each array that is written to, one element is read and written in each round of the
    /// inner loop, which is another one in each and the same in all rounds of the outer one.
    fn are_elements_of(&self, variable: SlotId, changing: &BTreeSet<SlotId>) -> bool {
        let is_variable = |one: &Expr| one.op == Op::Slot(variable);
        self.stores.iter().all(|(array, store)| {
            let same = |index: &[Expr]| {
                index
                    .iter()
                    .zip(&store.index)
                    .all(|(one, other)| one.same(other))
            };
            store.index.iter().any(is_variable)
                && store
                    .index
                    .iter()
                    .all(|one| is_variable(one) || !mentions(one, changing))
                && self
                    .loads
                    .iter()
                    .all(|(slot, index)| slot != array || same(index))
                && self
                    .stores
                    .iter()
                    .all(|(slot, other)| slot != array || same(&other.index))
        })
    }
}

/// Whether the inner loop's range is the same in all rounds of the outer one.
fn same_range(inner: &Count, before: &[Stmt], own: &BTreeSet<SlotId>) -> bool {
    [&inner.start, &inner.stop].into_iter().all(|end| {
        // A temporary has what is the same.
        let defined = before.iter().find_map(|stmt| match stmt {
            Stmt::Set(slot, value) if end.op == Op::Slot(*slot) => Some(value),
            _ => None,
        });
        !mentions(defined.unwrap_or(end), own)
    })
}

/// Whether every slot is assigned to in a round before it is read there.
fn begins_anew(own: &BTreeSet<SlotId>, variable: SlotId, blocks: [&[Stmt]; 3]) -> bool {
    let mut set: BTreeSet<SlotId> = [variable].into();
    let mut good = true;
    for (at, block) in blocks.into_iter().enumerate() {
        // The inner loop may have no rounds.
        let outside = set.clone();
        for stmt in block {
            stmt.expressions(&mut |expr| good &= reads_only(expr, own, &mut set));
            set.extend(stmt.assigned());
        }
        if at == 1 {
            set = outside;
        }
    }
    good
}

fn mentions(expr: &Expr, slots: &BTreeSet<SlotId>) -> bool {
    let mut found = false;
    expr.walk(&mut |inner| {
        found |= matches!(inner.op, Op::Slot(slot) | Op::BoundSlot(slot) if slots.contains(&slot));
    });
    found
}

/// Whether an expression reads only such of these slots as are set; those that it sets itself are added.
fn reads_only(expr: &Expr, own: &BTreeSet<SlotId>, set: &mut BTreeSet<SlotId>) -> bool {
    if let Op::Slot(slot) = expr.op {
        return !own.contains(&slot) || set.contains(&slot);
    }
    if let Op::Let(slot) = expr.op {
        let value = reads_only(&expr.args[0], own, set);
        set.insert(slot);
        return value && reads_only(&expr.args[1], own, set);
    }
    let branches = matches!(expr.op, Op::And | Op::Or | Op::Select);
    let mut good = true;
    for (at, arg) in expr.args.iter().enumerate() {
        if branches && at > 0 {
            good &= reads_only(arg, own, &mut set.clone());
        } else {
            good &= reads_only(arg, own, set);
        }
    }
    good
}
