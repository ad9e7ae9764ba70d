//! Parallel loops: the body becomes a function of its own that does some of the rounds, another one puts
//! two parts of the reductions together, and `ungil_prange` has them called, on several threads.
//!
//! A frame holds what the body takes from outside, 8 bytes each; so do the parts of reductions. The record
//! that describes the loop is `parallel::Loop`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::builder::{Builder, Details};
use super::count::Range;
use super::parts;
use super::value::Value;
use crate::ir::{Count, Expr, Op, Parallel, Reduction, SlotId, walk};
use crate::parallel::ArrayWord;
use crate::types::Type;

/// What the body's function is given: context, frame, part, first value, number of rounds.
const BODY: &str =
    "ptr noalias %context, ptr noalias %frame, ptr noalias %partial, i64 %first, i64 %rounds";
/// What puts another part into a first one.
const COMBINE: &str = "ptr noalias %context, ptr noalias %into, ptr noalias %partial";

impl Builder<'_> {
    pub(super) fn parallel_loop(&mut self, count: &Count, parallel: &Parallel, range: &Range) {
        let threads = match &parallel.threads {
            None => "0".to_owned(),
            Some((threads, guard)) => {
                let threads = self.scalar(threads);
                let some = self.let_(format!("icmp sgt i64 {threads}, 0"));
                self.check(&some, *guard, &Details::Ints(&threads, "0"));
                threads
            }
        };
        let captures = count.captures();
        let words: usize = captures.iter().map(|&slot| self.words(slot)).sum();
        let frame = self.alloca(&format!("[{} x i64]", words.max(1)));
        let mut at = 0;
        let written = written(count);
        let mut arrays = Vec::new();
        for &slot in &captures {
            if let Type::Array(ty) = self.function.slots[slot].ty {
                let writes = ty.writable && written.contains(&slot);
                let item = ty.element.size();
                let array = ArrayWord::new(at, ty.dimensions, ty.contiguous, item, writes);
                arrays.push(format!("i64 {}", array.bits()));
            }
            self.save(slot, &frame, &mut at);
            if self.function.slots[slot].flagged {
                let set = self.let_(format!("load i1, ptr %s{slot}.set"));
                self.put_word("i1", &set, &frame, &mut at);
            }
        }
        let reductions = &parallel.reductions;
        let size = reductions.len().max(1);
        let identities = self.alloca(&format!("[{size} x i64]"));
        let totals = self.alloca(&format!("[{size} x i64]"));
        let (mut at, mut total_at) = (0, 0);
        for reduction in reductions {
            let identity = self.scalar(&reduction.identity);
            let ty = super::llvm(reduction.identity.ty);
            self.put_word(ty, &identity, &identities, &mut at);
            self.save(reduction.slot, &totals, &mut total_at);
        }
        let body = self.body_function(count, parallel, &captures);
        let combine = self.combine_function(reductions);
        let array_words = self.constant_words(&arrays);
        let record = self.alloca("[13 x i64]");
        let mut at = 0;
        for address in [&body, &combine, &frame, &identities, &totals] {
            self.put_word("ptr", address, &record, &mut at);
        }
        let flags = u8::from(parallel.ordered).to_string();
        let reductions_count = reductions.len().to_string();
        for word in [
            &reductions_count,
            &range.start,
            &range.step,
            &range.rounds,
            &threads,
        ] {
            self.put_word("i64", word, &record, &mut at);
        }
        self.put_word("i64", &words.to_string(), &record, &mut at);
        self.put_word("ptr", &array_words, &record, &mut at);
        self.put_word("i64", &arrays.len().to_string(), &record, &mut at);
        self.store_fuel();
        let code = self.let_(format!(
            "call i32 @ungil_prange(ptr %context, ptr {record}, i32 {flags})"
        ));
        self.load_fuel();
        let good = self.let_(format!("icmp eq i32 {code}, 0"));
        let (interrupted, forked) = (count.site.to_string(), parallel.forked.to_string());
        self.unless(&good, |this| {
            let [told, untold] = [(); 2].map(|()| this.label());
            let inside = this.let_(format!("icmp eq i32 {code}, 1"));
            this.branch(&inside, &told, &untold);
            // What failed is in the function whose text this is: it has told where.
            this.start(&told);
            this.return_failed();
            this.start(&untold);
            let waiting = this.let_(format!("icmp eq i32 {code}, 2"));
            let site = this.let_(format!(
                "select i1 {waiting}, i32 {interrupted}, i32 {forked}"
            ));
            this.fail(&site, &Details::None);
        });
        let mut at = 0;
        for reduction in reductions {
            self.restore(reduction.slot, &totals, &mut at);
        }
    }

    /// Constant words in memory.
    fn constant_words(&mut self, words: &[String]) -> String {
        if words.is_empty() {
            return "null".to_owned();
        }
        self.outlined += 1;
        let name = format!("@{}.{}", self.name, self.outlined);
        let _ = writeln!(
            self.beside,
            "{name} = internal unnamed_addr constant [{} x i64] [{}]\n",
            words.len(),
            words.join(", ")
        );
        name
    }

    /// How many words a slot's value takes in a frame.
    fn words(&self, slot: SlotId) -> usize {
        let description = &self.function.slots[slot];
        parts(description.ty).len() + usize::from(description.flagged)
    }

    /// Writes a word; 8 bytes each.
    pub(super) fn put_word(&mut self, ty: &str, value: &str, memory: &str, at: &mut usize) {
        let place = self.let_(format!(
            "getelementptr inbounds i8, ptr {memory}, i64 {}",
            8 * *at
        ));
        *at += 1;
        self.push(format!("store {ty} {value}, ptr {place}"));
    }

    pub(super) fn take_word(&mut self, ty: &str, memory: &str, at: &mut usize) -> String {
        let place = self.let_(format!(
            "getelementptr inbounds i8, ptr {memory}, i64 {}",
            8 * *at
        ));
        *at += 1;
        self.let_(format!("load {ty}, ptr {place}"))
    }

    /// Copies a slot's value into memory.
    fn save(&mut self, slot: SlotId, memory: &str, at: &mut usize) {
        for (part, ty) in parts(self.function.slots[slot].ty).into_iter().enumerate() {
            let value = self.let_(format!("load {ty}, ptr %s{slot}.{part}"));
            self.put_word(ty, &value, memory, at);
        }
    }

    /// Copies a slot's value out of memory.
    fn restore(&mut self, slot: SlotId, memory: &str, at: &mut usize) {
        for (part, ty) in parts(self.function.slots[slot].ty).into_iter().enumerate() {
            let value = self.take_word(ty, memory, at);
            self.push(format!("store {ty} {value}, ptr %s{slot}.{part}"));
        }
    }

    /// The function that does some of the rounds.
    fn body_function(
        &mut self,
        count: &Count,
        parallel: &Parallel,
        captures: &BTreeSet<SlotId>,
    ) -> String {
        let mut used = captures.clone();
        used.insert(count.slot);
        walk(&count.body, &mut |stmt| {
            used.extend(stmt.assigned());
            stmt.clone()
                .expressions_mut(&mut |expr| collect_slots(expr, &mut used));
        });
        used.extend(parallel.reductions.iter().map(|reduction| reduction.slot));
        self.outlined(BODY, &used, captures, |this| {
            let mut at = 0;
            for &slot in captures {
                this.restore(slot, "%frame", &mut at);
                // The caller has it for as long as the loop runs: its references need not be counted.
                if let (Type::Array(_), Some(part)) =
                    (this.function.slots[slot].ty, this.owner_part(slot))
                {
                    this.push(format!("store ptr null, ptr %s{slot}.{part}"));
                }
                if this.function.slots[slot].flagged {
                    let set = this.take_word("i1", "%frame", &mut at);
                    this.push(format!("store i1 {set}, ptr %s{slot}.set"));
                }
            }
            let mut at = 0;
            for reduction in &parallel.reductions {
                this.restore(reduction.slot, "%partial", &mut at);
            }
            this.load_fuel();
            let step = this.scalar(&count.step);
            let length = this.let_(format!("mul i64 %rounds, {step}"));
            let range = Range {
                start: "%first".to_owned(),
                stop: this.let_(format!("add i64 %first, {length}")),
                constant_step: super::count::constant(&count.step),
                step,
                rounds: "%rounds".to_owned(),
            };
            let done = this.label();
            this.both_versions(count, &range, &done, &done);
            this.start(&done);
            let mut at = 0;
            for reduction in &parallel.reductions {
                this.save(reduction.slot, "%partial", &mut at);
            }
        })
    }

    /// The function that puts two parts of the reductions together.
    fn combine_function(&mut self, reductions: &[Reduction]) -> String {
        if reductions.is_empty() {
            return "null".to_owned();
        }
        let mut used = BTreeSet::new();
        for reduction in reductions {
            used.extend([reduction.slot, reduction.partial]);
            collect_slots(&reduction.combined, &mut used);
        }
        self.outlined(COMBINE, &used, &BTreeSet::new(), |this| {
            let [mut into, mut from, mut out] = [0; 3];
            for reduction in reductions {
                this.restore(reduction.slot, "%into", &mut into);
                this.restore(reduction.partial, "%partial", &mut from);
                let value = this.scalar(&reduction.combined);
                this.set(reduction.slot, &Value::Scalar(value));
                this.save(reduction.slot, "%into", &mut out);
            }
        })
    }

    /// Writes a function beside this one that has some of its slots, some of them borrowed; gives its name.
    fn outlined(
        &mut self,
        parameters: &str,
        slots: &BTreeSet<SlotId>,
        borrowed: &BTreeSet<SlotId>,
        write: impl FnOnce(&mut Self),
    ) -> String {
        self.outlined += 1;
        let name = format!("{}.{}", self.name, self.outlined);
        let mut inner = Self::new(self.program, self.function, self.options, &name);
        inner.returns = Type::None;
        inner.marks = self.marks;
        inner.home = self.home;
        inner.describe();
        inner.line = self.line;
        for &slot in slots {
            inner.slot(slot);
            if !borrowed.contains(&slot) {
                inner.own(slot);
            }
        }
        let _ = writeln!(inner.allocas, "  %fuel = alloca i64");
        write(&mut inner);
        inner.return_value(&Value::None);
        self.beside
            .push_str(&inner.text(&format!("internal i32 @{name}({parameters})")));
        self.marks = inner.marks;
        format!("@{name}")
    }
}

/// The arrays that a body may write to: all but those of which it only reads elements and sizes.
fn written(count: &Count) -> BTreeSet<SlotId> {
    let mut found = BTreeSet::new();
    walk(&count.body, &mut |stmt| {
        // The array of a store is among its expressions.
        stmt.clone()
            .expressions_mut(&mut |expr| escapes(expr, &mut found));
    });
    found
}

fn escapes(expr: &Expr, found: &mut BTreeSet<SlotId>) {
    let only_read = matches!(expr.op, Op::Load | Op::Dim(_))
        && matches!(expr.args[0].op, Op::Slot(_) | Op::BoundSlot(_));
    if let (Op::Slot(slot) | Op::BoundSlot(slot), Type::Array(_)) = (&expr.op, expr.ty) {
        found.insert(*slot);
    }
    for arg in &expr.args[usize::from(only_read)..] {
        escapes(arg, found);
    }
}

fn collect_slots(expr: &Expr, slots: &mut BTreeSet<SlotId>) {
    expr.walk(&mut |inner| {
        if let Op::Slot(slot) | Op::BoundSlot(slot) | Op::Let(slot) = inner.op {
            slots.insert(slot);
        }
    });
}
