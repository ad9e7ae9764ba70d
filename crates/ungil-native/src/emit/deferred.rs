//! Loops with checks, beside a version without: hardly ever needed, so they are in a module of their own,
//! which is compiled when one of them is.
//!
//! Such a loop becomes a function. A frame holds the range's four words and the slots that the loop uses, 8
//! bytes for each part: those that it changes come first, and are taken back at the end. What a `return` in it
//! gives comes last.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::builder::Builder;
use super::count::Range;
use super::parts;
use super::value::Value;
use crate::ir::{Count, Expr, Op, SlotId, Stmt, walk};

/// Where in a function's stack the frame is; no loop needs two at a time.
const FRAME: &str = "%deferred";
/// Words of the range.
const RANGE: usize = 4;

/// How a deferred loop has ended: what its function returns.
#[derive(Clone, Copy)]
enum End {
    Done = 0,
    Failed = 1,
    Left = 2,
    Returned = 3,
}

/// What is written for later.
#[derive(Debug, Default)]
pub(super) struct Deferred {
    /// The functions' texts; they are called by their numbers.
    pub(super) functions: Vec<String>,
    /// Words of the largest frame of the function that is being written.
    words: usize,
}

/// What has to be known where a deferred loop ends.
#[derive(Debug)]
pub(super) struct Guest {
    changed: Vec<SlotId>,
    result_at: usize,
}

/// The slots that a loop uses.
struct Slots {
    /// Shared with what is around, and changed.
    changed: Vec<SlotId>,
    /// Shared, and not changed.
    unchanged: Vec<SlotId>,
    /// Used nowhere else, and assigned to before they are.
    own: Vec<SlotId>,
}

impl Builder<'_> {
    /// Whether loops are left for later, instead of written where they stand.
    pub(super) fn defers(&self) -> bool {
        self.deferred.is_some()
            && self.lane.is_none()
            && self.frames.is_empty()
            // Where something fails or is raised again in a `try`, the way leads to blocks of this function.
            && self.handlers.is_empty()
            && self.handled.is_empty()
    }

    /// Has the loop run by a function that is compiled when it is first called; ends by jumping to `done`
    /// or, after a `break`, to `after`.
    pub(super) fn deferred_loop(&mut self, count: &Count, range: &Range, done: &str, after: &str) {
        let slots = self.slots_of(count);
        let mut at = 0;
        for word in [&range.start, &range.stop, &range.step, &range.rounds] {
            self.put_word("i64", word, FRAME, &mut at);
        }
        for &slot in slots.changed.iter().chain(&slots.unchanged) {
            self.put_slot(slot, FRAME, &mut at);
        }
        let result_at = at;
        let number = self
            .deferred
            .as_ref()
            .map_or(0, |deferred| deferred.functions.len());
        // Constants beside it have names that begin with its own.
        let name = format!("{}.d{number}", self.name);
        let function = self.guest_function(&name, count, range, &slots, result_at);
        let deferred = self.deferred.as_mut().expect("only where there are some");
        deferred.functions.push(function);
        deferred.words = deferred.words.max(result_at + parts(self.returns).len());
        self.store_fuel();
        let end = self.let_(format!(
            "call i32 @ungil_deferred(ptr %context, i32 {number}, ptr {FRAME}, i32 {})",
            count.site
        ));
        self.load_fuel();
        let mut at = RANGE;
        for slot in slots.changed {
            self.take_slot(slot, FRAME, &mut at);
        }
        let [failed, returned] = [(); 2].map(|()| self.label());
        let mut ways = format!("i32 {}, label %{failed}", End::Failed as i32);
        if contains(count, &|stmt| matches!(stmt, Stmt::Break)) {
            let _ = write!(ways, " i32 {}, label %{after}", End::Left as i32);
        }
        let returns = contains(count, &|stmt| matches!(stmt, Stmt::Return(_)));
        if returns {
            let _ = write!(ways, " i32 {}, label %{returned}", End::Returned as i32);
        }
        self.push(format!("switch i32 {end}, label %{done} [{ways}]"));
        self.start(&failed);
        self.return_failed();
        if returns {
            self.start(&returned);
            let mut at = result_at;
            let words: Vec<String> = parts(self.returns)
                .into_iter()
                .map(|ty| self.take_word(ty, FRAME, &mut at))
                .collect();
            let value = Value::of(self.returns, &mut words.into_iter());
            self.return_value(&value);
        }
    }

    /// Makes room for the largest frame.
    pub(super) fn room_for_frame(&mut self) {
        let deferred = self.deferred.as_mut();
        let words = deferred.map_or(0, |deferred| std::mem::take(&mut deferred.words));
        if words > 0 {
            let _ = writeln!(self.allocas, "  {FRAME} = alloca [{words} x i64]");
        }
    }

    /// The function that a loop becomes; its text lacks its name.
    fn guest_function(
        &mut self,
        name: &str,
        count: &Count,
        range: &Range,
        slots: &Slots,
        result_at: usize,
    ) -> String {
        let mut inner = Self::new(self.program, self.function, self.options, name);
        inner.marks = self.marks;
        inner.mode = self.mode;
        inner.spare = true;
        inner.failing = count.exact;
        let _ = writeln!(inner.allocas, "  %fuel = alloca i64\n  %end = alloca i32");
        let mut at = 0;
        let [start, stop, step, rounds] =
            [(); RANGE].map(|()| inner.take_word("i64", FRAME, &mut at));
        for &slot in &slots.own {
            inner.slot(slot);
        }
        for &slot in slots.changed.iter().chain(&slots.unchanged) {
            if !slots.changed.contains(&slot) && inner.can_be_fixed(slot) {
                let registers = parts(inner.function.slots[slot].ty)
                    .into_iter()
                    .map(|ty| inner.take_word(ty, FRAME, &mut at))
                    .collect();
                inner.fixed.insert(slot, registers);
                continue;
            }
            inner.slot(slot);
            inner.take_slot(slot, FRAME, &mut at);
        }
        inner.guest = Some(Guest {
            changed: slots.changed.clone(),
            result_at,
        });
        inner.load_fuel();
        let range = Range {
            start,
            stop,
            step: range.constant_step.map_or(step, |step| step.to_string()),
            constant_step: range.constant_step,
            rounds,
        };
        let [done, after] = [(); 2].map(|()| inner.label());
        inner.rounds(count, &range, &done, &after);
        inner.start(&done);
        inner.leave_guest(End::Done);
        inner.start(&after);
        inner.leave_guest(End::Left);
        let text = inner.text(&format!("({BODY}) noinline"));
        self.marks = inner.marks;
        text
    }

    /// Leaves a deferred loop by a `return`.
    pub(super) fn return_from_guest(&mut self, value: &Value) {
        let guest = self.guest.as_ref().expect("only in deferred loops");
        let mut at = guest.result_at;
        for (part, ty) in value.flat().iter().zip(parts(self.returns)) {
            self.put_word(ty, part, FRAME, &mut at);
        }
        self.leave_guest(End::Returned);
    }

    /// Leaves a deferred loop as something has failed in it.
    pub(super) fn fail_in_guest(&mut self) {
        self.leave_guest(End::Failed);
    }

    fn leave_guest(&mut self, end: End) {
        self.push(format!("store i32 {}, ptr %end", end as i32));
        self.jump("leave");
    }

    /// The end of a deferred loop's function.
    pub(super) fn end_of_guest(&mut self) {
        let Some(guest) = self.guest.take() else {
            return;
        };
        self.start("leave");
        let mut at = RANGE;
        for slot in guest.changed {
            self.put_slot(slot, FRAME, &mut at);
        }
        self.store_fuel();
        let end = self.let_("load i32, ptr %end".to_owned());
        self.push(format!("ret i32 {end}"));
    }

    fn slots_of(&self, count: &Count) -> Slots {
        let mut everywhere = Mentions::new();
        mentions_in_block(&self.function.body, &mut everywhere);
        let mut inside = Mentions::new();
        mentions_in_loop(count, &mut inside);
        let mut assigned = BTreeSet::from([count.slot]);
        walk(&count.body, &mut |stmt| {
            assigned.extend(stmt.assigned());
            stmt.expressions(&mut |expr| {
                expr.walk(&mut |inner| {
                    if let Op::Let(slot) = inner.op {
                        assigned.insert(slot);
                    }
                });
            });
        });
        let is_shared = |(slot, times): &(SlotId, usize)| {
            everywhere[slot] != *times
                || self.function.parameters.contains(slot)
                || self.function.slots[*slot].flagged
                || self.owner_part(*slot).is_some()
        };
        let (shared, own): (Vec<_>, Vec<_>) = inside.into_iter().partition(is_shared);
        let (changed, unchanged) = shared
            .into_iter()
            .map(|(slot, _)| slot)
            .partition(|slot| assigned.contains(slot));
        Slots {
            changed,
            unchanged,
            own: own.into_iter().map(|(slot, _)| slot).collect(),
        }
    }

    /// Copies a slot to a frame, and whether it is assigned to.
    fn put_slot(&mut self, slot: SlotId, frame: &str, at: &mut usize) {
        let value = self.get(slot);
        let description = &self.function.slots[slot];
        for (part, ty) in value.flat().iter().zip(parts(description.ty)) {
            self.put_word(ty, part, frame, at);
        }
        if description.flagged {
            let set = self.let_(format!("load i1, ptr %s{slot}.set"));
            self.put_word("i1", &set, frame, at);
        }
    }

    /// Copies it back.
    fn take_slot(&mut self, slot: SlotId, frame: &str, at: &mut usize) {
        let description = &self.function.slots[slot];
        let words: Vec<String> = parts(description.ty)
            .into_iter()
            .map(|ty| self.take_word(ty, frame, at))
            .collect();
        let value = Value::of(description.ty, &mut words.into_iter());
        self.set(slot, &value);
        if description.flagged {
            let set = self.take_word("i1", frame, at);
            self.push(format!("store i1 {set}, ptr %s{slot}.set"));
        }
    }
}

const BODY: &str = "ptr noalias %context, ptr noalias %deferred";

/// The module of these functions, as far as they are all its own: its entry calls one by its number.
pub(super) fn module(functions: &[String]) -> String {
    let (mut ways, mut calls, mut texts) = (String::new(), String::new(), String::new());
    for (number, function) in functions.iter().enumerate() {
        let _ = writeln!(
            texts,
            "{}",
            function.replacen(
                "define ",
                &format!("define internal i32 @deferred.{number}"),
                1
            )
        );
        let _ = write!(ways, " i32 {number}, label %c{number}");
        let _ = writeln!(
            calls,
            "c{number}:\n  %r{number} = call i32 @deferred.{number}(ptr %context, ptr %frame)\n  ret i32 %r{number}"
        );
    }
    format!(
        "define i32 @{}(ptr noalias %context, i32 %number, ptr noalias %frame) nounwind {{\n  \
         switch i32 %number, label %none [{ways}]\n{calls}none:\n  unreachable\n}}\n\n{texts}",
        super::entry::NAME
    )
}

fn contains(count: &Count, wanted: &dyn Fn(&Stmt) -> bool) -> bool {
    let mut found = false;
    walk(&count.body, &mut |stmt| found |= wanted(stmt));
    found
}

/// How often slots come up in a loop.
type Mentions = BTreeMap<SlotId, usize>;

fn mentions_in_loop(count: &Count, mentions: &mut Mentions) {
    *mentions.entry(count.slot).or_default() += 1;
    for variable in &count.inner {
        *mentions.entry(variable.slot).or_default() += 1;
        mentions_in(&variable.start, mentions);
        mentions_in(&variable.stop, mentions);
    }
    for condition in &count.hoisted {
        mentions_in(&condition.value, mentions);
        if let Some((array, _)) = &condition.within {
            mentions_in(array, mentions);
        }
    }
    mentions_in_block(&count.body, mentions);
}

fn mentions_in_block(block: &[Stmt], mentions: &mut Mentions) {
    for stmt in block {
        stmt.expressions(&mut |expr| mentions_in(expr, mentions));
        if let Stmt::Count(count) = stmt {
            mentions_in_loop(count, mentions);
            mentions_in_block(&count.orelse, mentions);
            continue;
        }
        if let Some(slot) = stmt.assigned() {
            *mentions.entry(slot).or_default() += 1;
        }
        for block in stmt.blocks() {
            mentions_in_block(block, mentions);
        }
    }
}

fn mentions_in(expr: &Expr, mentions: &mut Mentions) {
    expr.walk(&mut |inner| {
        if let Op::Slot(slot) | Op::BoundSlot(slot) | Op::Let(slot) = inner.op {
            *mentions.entry(slot).or_default() += 1;
        }
    });
}
