//! What a parallel loop has beside the range that it counts over.

use std::collections::BTreeSet;

use super::{Count, Expr, Guard, Op, SiteId, SlotId, walk};

/// The iterations of a [`Count`] are independent of each other, but for reductions.
#[derive(Clone, Debug)]
pub(crate) struct Parallel {
    /// What the iterations add up to.
    pub reductions: Vec<Reduction>,
    /// Whether the parts that are reduced do not depend on the number of threads.
    pub ordered: bool,
    /// How many threads, if the loop says; the guard is for less than one.
    pub threads: Option<(Expr, Guard)>,
    /// For a process that forks in the middle of the loop.
    pub forked: SiteId,
}

/// A variable that every thread has its own part of, put together at the end.
#[derive(Clone, Debug)]
pub(crate) struct Reduction {
    /// The variable.
    pub slot: SlotId,
    /// What a part begins with: a constant.
    pub identity: Expr,
    /// The slot of another part.
    pub partial: SlotId,
    /// The variable together with the other part.
    pub combined: Expr,
}

impl Count {
    /// The slots whose values the body (and the step) takes from outside of the loop.
    pub(crate) fn captures(&self) -> BTreeSet<SlotId> {
        let mut read = BTreeSet::new();
        let mut assigned = BTreeSet::from([self.slot]);
        let mut note = |expr: &Expr, assigned: &mut BTreeSet<SlotId>| {
            expr.walk(&mut |inner| match inner.op {
                Op::Slot(slot) | Op::BoundSlot(slot) => {
                    read.insert(slot);
                }
                Op::Let(slot) => {
                    assigned.insert(slot);
                }
                _ => {}
            });
        };
        note(&self.step, &mut assigned);
        walk(&self.body, &mut |stmt| {
            assigned.extend(stmt.assigned());
            stmt.clone()
                .expressions_mut(&mut |expr| note(expr, &mut assigned));
        });
        read.difference(&assigned).copied().collect()
    }
}
