//! Several rounds of an outer loop at once.
//!
//! A sum that is added to in an inner loop waits for its last addition in every round; so does what is
//! stored and read again. Rounds of the loop around that have nothing to do with each other can share the
//! inner loop: each of them does what it does in the same order as before, only side by side, where
//! LLVM makes vectors of them.

mod plan;

use crate::emit::builder::{Builder, Mode};
use crate::emit::count::Range;
use crate::emit::value::{ArrayValue, Value};
use crate::ir::{Count, SlotId};
use crate::types::Type;
use plan::Plan;

impl Builder<'_> {
    /// Does as many rounds as come in full groups, if it can be done; `counter` is where it goes on.
    pub(super) fn jam(&mut self, count: &Count, range: &Range, counter: &str) {
        if self.mode != Mode::Outer || !self.frames.is_empty() || self.lane.is_some() {
            return;
        }
        let Some(plan) = self.plan(count) else { return };
        let [head, group, rest, apart] = [(); 4].map(|()| self.label());
        let mut disjoint = "true".to_owned();
        for written in &plan.written {
            for other in plan.read.iter().chain(&plan.written) {
                if other != written {
                    let different = self.disjoint(*written, *other);
                    disjoint = self.let_(format!("and i1 {disjoint}, {different}"));
                }
            }
        }
        self.branch(&disjoint, &apart, &rest);
        self.start(&apart);
        for slot in &plan.own {
            self.add_lanes(*slot, plan.rounds);
        }
        self.jump(&head);
        self.start(&head);
        let at = self.let_(format!("load i64, ptr {counter}"));
        // An empty range may have its end before its start.
        let begun = self.let_(format!("icmp slt i64 {at}, {}", range.stop));
        let left = self.let_(format!("sub i64 {}, {at}", range.stop));
        let many = self.let_(format!("icmp uge i64 {left}, {}", plan.rounds));
        let full = self.let_(format!("and i1 {begun}, {many}"));
        self.branch(&full, &group, &rest);
        self.start(&group);
        self.burn(&plan.rounds.to_string(), count.site);
        let around = std::mem::take(&mut self.scopes);
        self.mark_disjoint(&plan.written, &plan.read);
        self.group(count, &plan, &at);
        self.scopes = around;
        let next = self.let_(format!("add nsw i64 {at}, {}", plan.rounds));
        self.push(format!("store i64 {next}, ptr {counter}"));
        self.jump(&head);
        self.start(&rest);
    }

    fn group(&mut self, count: &Count, plan: &Plan<'_>, at: &str) {
        self.lanes(plan, |this, lane| {
            let value = this.let_(format!("add nsw i64 {at}, {lane}"));
            this.set(count.slot, &Value::Scalar(value));
            this.statements(plan.before);
        });
        let (done, after) = (self.label(), self.label());
        // Its range is the same in all rounds.
        self.lane = Some((plan.own.clone(), 0));
        let range = self.range(plan.inner);
        self.lane = None;
        self.rounds_of(plan.inner, &range, &done, &after, &|this| {
            this.lanes(plan, |this, _| this.statements(&plan.inner.body));
        });
        self.start(&done);
        self.jump(&after);
        self.start(&after);
        self.lanes(plan, |this, _| this.statements(plan.after));
        // What is there after the loop is the last round's.
        for slot in &plan.own {
            self.lane = Some((plan.own.clone(), plan.rounds - 1));
            let last = self.get(*slot);
            self.lane = None;
            self.set(*slot, &last);
        }
    }

    fn lanes(&mut self, plan: &Plan<'_>, each: impl Fn(&mut Self, usize)) {
        for lane in 0..plan.rounds {
            self.lane = Some((plan.own.clone(), lane));
            each(self, lane);
        }
        self.lane = None;
    }

    fn disjoint(&mut self, one: SlotId, other: SlotId) -> String {
        let [(begin, end), (other_begin, other_end)] = [one, other].map(|slot| self.extent(slot));
        let before = self.let_(format!("icmp ule ptr {end}, {other_begin}"));
        let behind = self.let_(format!("icmp ule ptr {other_end}, {begin}"));
        self.let_(format!("or i1 {before}, {behind}"))
    }

    /// Begin and end of an array that is contiguous.
    fn extent(&mut self, slot: SlotId) -> (String, String) {
        let (Value::Array(ArrayValue { data, sizes, .. }), Type::Array(ty)) =
            (self.get(slot), self.function.slots[slot].ty)
        else {
            unreachable!("only arrays are written to");
        };
        let mut bytes = ty.element.size().to_string();
        for size in sizes {
            bytes = self.let_(format!("mul i64 {bytes}, {size}"));
        }
        let end = self.let_(format!("getelementptr i8, ptr {data}, i64 {bytes}"));
        (data, end)
    }
}
