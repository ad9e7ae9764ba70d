//! How functions are left: by returning, by failing, by being told to stop.

use super::builder::{Builder, Details, Mode};
use super::value::Value;
use super::{parts, result_type};
use crate::ir::{Guard, Proof, SiteId};
use crate::types::Type;

impl Builder<'_> {
    /// Whether a check has to be made in what is being written.
    pub(super) fn is_open(&self, guard: Guard) -> bool {
        match guard.proof {
            Proof::Open => true,
            Proof::Proved | Proof::Waived => false,
            Proof::Hoisted => self.mode == Mode::Checked,
            Proof::Outer => self.mode != Mode::Outer,
        }
    }

    /// Makes a check, or takes note of it.
    pub(super) fn check(&mut self, ok: &str, guard: Guard, details: &Details<'_>) {
        if let Some(frame) = self.frames.last_mut() {
            frame.push(ok.to_owned());
            return;
        }
        self.unless(ok, |this| {
            this.fail(&guard.site.to_string(), details);
        });
    }

    /// Leaves the function with the error of a site, a constant or a register.
    pub(super) fn fail(&mut self, site: &str, details: &Details<'_>) {
        match details {
            Details::None => self.push(format!(
                "call void @ungil_raise(ptr %context, i32 {site}, i64 0, i64 0)"
            )),
            Details::Ints(a, b) => self.push(format!(
                "call void @ungil_raise(ptr %context, i32 {site}, i64 {a}, i64 {b})"
            )),
            Details::Floats(x, y) => self.push(format!(
                "call void @ungil_raise_floats(ptr %context, i32 {site}, double {x}, double {y})"
            )),
            Details::Words(words) => self.push(format!(
                "call void @ungil_raise_words(ptr %context, i32 {site}, ptr {words})"
            )),
        }
        self.return_failed();
    }

    /// Leaves the function because one that it called has failed.
    pub(super) fn pass_on(&mut self, site: SiteId) {
        self.push(format!("call void @ungil_pass(ptr %context, i32 {site})"));
        self.return_failed();
    }

    pub(super) fn return_failed(&mut self) {
        let label = self.failure();
        self.jump(&label);
    }

    /// The block where it goes on after an error: the handlers of the innermost `try`, or the function's end.
    fn failure(&mut self) -> String {
        if let Some(handler) = self.handlers.last() {
            return handler.clone();
        }
        self.fails = true;
        "failed".to_owned()
    }

    pub(super) fn return_value(&mut self, value: &Value) {
        if self.guest.is_some() {
            self.return_from_guest(value);
            return;
        }
        if self.function.long {
            self.store_fuel();
        }
        let result = result_type(self.returns);
        if self.outermost {
            self.give_result(value);
        }
        if self.outermost || *value == Value::None {
            self.release_slots();
            self.push("ret i32 0".to_owned());
            return;
        }
        let mut filled = format!("{result} {{ i32 0{} }}", poisons(self.returns));
        for (at, (part, ty)) in value.flat().iter().zip(parts(self.returns)).enumerate() {
            let next = self.let_(format!("insertvalue {filled}, {ty} {part}, {}", at + 1));
            filled = format!("{result} {next}");
        }
        self.release_slots();
        self.push(format!("ret {filled}"));
    }

    /// The end of a function that fails: what it owns is freed.
    pub(super) fn failed(&mut self) {
        if !self.fails {
            return;
        }
        self.start("failed");
        if self.guest.is_some() {
            self.fail_in_guest();
            return;
        }
        self.release_slots();
        match self.returns {
            _ if self.outermost => self.push("ret i32 1".to_owned()),
            Type::None => self.push("ret i32 1".to_owned()),
            ty => self.push(format!(
                "ret {} {{ i32 1{} }}",
                result_type(ty),
                poisons(ty)
            )),
        }
    }

    pub(super) fn store_fuel(&mut self) {
        let fuel = self.let_("load i64, ptr %fuel".to_owned());
        self.push(format!("store i64 {fuel}, ptr %context"));
    }

    pub(super) fn load_fuel(&mut self) {
        let fuel = self.let_("load i64, ptr %context".to_owned());
        self.push(format!("store i64 {fuel}, ptr %fuel"));
    }

    /// Takes note of rounds; now and then, asks whether to go on.
    pub(super) fn burn(&mut self, rounds: &str, site: SiteId) {
        let fuel = self.let_("load i64, ptr %fuel".to_owned());
        let left = self.let_(format!("sub i64 {fuel}, {rounds}"));
        self.push(format!("store i64 {left}, ptr %fuel"));
        let some = self.let_(format!("icmp sgt i64 {left}, 0"));
        let (good, bad) = (self.label(), self.label());
        self.push(format!(
            "br i1 {some}, label %{good}, label %{bad}, !prof !0"
        ));
        let outer = std::mem::take(&mut self.body);
        self.start(&bad);
        let stop = self.let_(format!("call i32 @ungil_poll(ptr %context, i32 {site})"));
        self.load_fuel();
        let go_on = self.let_(format!("icmp eq i32 {stop}, 0"));
        let failure = self.failure();
        self.branch(&go_on, &good, &failure);
        let text = std::mem::replace(&mut self.body, outer);
        self.cold.push_str(&text);
        self.start(&good);
    }

    pub(super) fn check_stack(&mut self) {
        let frame = self.let_("call ptr @llvm.frameaddress.p0(i32 0)".to_owned());
        let address = self.let_(format!("ptrtoint ptr {frame} to i64"));
        let place = self.let_("getelementptr inbounds i8, ptr %context, i64 8".to_owned());
        let limit = self.let_(format!("load i64, ptr {place}"));
        let room = self.let_(format!("icmp ugt i64 {address}, {limit}"));
        let guard = Guard {
            site: self.function.site,
            proof: Proof::Open,
        };
        self.check(&room, guard, &Details::None);
        self.burn("16", self.function.site);
    }
}

/// The values of a result that is not there.
fn poisons(ty: Type) -> String {
    parts(ty)
        .into_iter()
        .fold(String::new(), |text, part| text + ", " + part + " poison")
}
