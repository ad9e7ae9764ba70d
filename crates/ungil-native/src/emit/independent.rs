//! Loops whose rounds do not use what others write: LLVM is told so, and what can only be too large is looked at
//! after the loop, so that it can be done several rounds at a time.

use std::fmt::Write as _;

use super::builder::{Builder, Details};
use crate::ir::{Count, EachOp, Guard, Op, SiteId, Stmt};

/// The loop that is being written.
pub(super) struct Independent {
    /// The mark of its reads and writes.
    group: usize,
    /// The mark of the loop.
    pub(super) mark: usize,
    /// Where it is noted what is to be raised afterwards: not zero if something is.
    noted: Vec<(SiteId, String)>,
}

impl Builder<'_> {
    /// Begins the body of such a loop, if it is one.
    pub(super) fn begin_independent(&mut self, count: &Count) -> bool {
        let is_independent = matches!(
            count.body.first(),
            Some(Stmt::Eval(first)) if first.op == Op::Each(EachOp::Independent)
        );
        if !is_independent || !self.frames.is_empty() {
            return false;
        }
        let group = self.mark(|_| "distinct !{}".to_owned());
        let accesses = self.mark(|_| format!("!{{!\"llvm.loop.parallel_accesses\", !{group}}}"));
        let mark = self.mark(|own| format!("distinct !{{!{own}, !{accesses}}}"));
        self.independent = Some(Independent {
            group,
            mark,
            noted: Vec::new(),
        });
        true
    }

    /// Where such a loop comes to its end: raises what is to be raised.
    pub(super) fn end_independent(&mut self) {
        let Some(done) = self.independent.take() else {
            return;
        };
        for (site, place) in done.noted {
            let bad = self.let_(format!("load i64, ptr {place}"));
            let fine = self.let_(format!("icmp eq i64 {bad}, 0"));
            self.unless(&fine, |this| this.fail(&site.to_string(), &Details::None));
        }
    }

    /// What reads and writes in such a loop are marked with.
    pub(super) fn access_mark(&self) -> String {
        self.independent.as_ref().map_or_else(String::new, |own| {
            format!(", !llvm.access.group !{}", own.group)
        })
    }

    /// A check that does no harm if it is made later: in such a loop it is noted.
    pub(super) fn check_later(&mut self, ok: &str, guard: Guard, details: &Details<'_>) {
        if self.independent.is_none() || !self.frames.is_empty() {
            self.check(ok, guard, details);
            return;
        }
        let place = self.noted_at(guard.site);
        let so_far = self.let_(format!("load i64, ptr {place}"));
        let bad = self.let_(format!("xor i1 {ok}, true"));
        let bad = self.let_(format!("zext i1 {bad} to i64"));
        let noted = self.let_(format!("or i64 {so_far}, {bad}"));
        self.push(format!("store i64 {noted}, ptr {place}"));
    }

    fn noted_at(&mut self, site: SiteId) -> String {
        let known = self.independent.as_ref().and_then(|own| {
            own.noted
                .iter()
                .find(|(noted, _)| *noted == site)
                .map(|(_, place)| place.clone())
        });
        known.unwrap_or_else(|| {
            let place = self.alloca("i64");
            // What is noted is raised at once: it is zero wherever such a loop begins.
            let _ = writeln!(self.allocas, "  store i64 0, ptr {place}");
            if let Some(own) = &mut self.independent {
                own.noted.push((site, place.clone()));
            }
            place
        })
    }

    /// A sum or a difference, as it wraps around, and whether it does, in a way that works on vectors.
    pub(super) fn overflow_of_sum(&mut self, name: &str, a: &str, b: &str) -> (String, String) {
        let value = self.let_(format!("{name} i64 {a}, {b}"));
        let [first, second] =
            [a, b].map(|operand| self.let_(format!("xor i64 {operand}, {value}")));
        let second = if name == "sub" {
            // It can only overflow where the signs differ.
            self.let_(format!("xor i64 {a}, {b}"))
        } else {
            second
        };
        let signs = self.let_(format!("and i64 {first}, {second}"));
        let overflow = self.let_(format!("icmp slt i64 {signs}, 0"));
        (value, overflow)
    }
}
