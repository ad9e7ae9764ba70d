//! One function's text: instructions, blocks, stack slots, cold blocks.

use std::fmt::Write as _;

use super::value::Value;
use super::{parts, result_type};
use crate::environment::Options;
use crate::ir::{Function, Guard, Program, Proof, SiteId, SlotId};
use crate::types::Type;

pub(super) struct Builder<'a> {
    pub(super) program: &'a Program,
    pub(super) function: &'a Function,
    pub(super) options: Options,
    /// The function's name in LLVM IR.
    pub(super) name: String,
    /// What the function returns beside its code.
    pub(super) returns: Type,
    /// Stack slots.
    pub(super) allocas: String,
    /// Instructions so far.
    body: String,
    /// Blocks that are hardly ever run.
    cold: String,
    next: usize,
    /// The block that instructions go to.
    pub(super) block: String,
    pub(super) loops: Vec<LoopLabels>,
    /// Whether the loop's version without hoisted checks is being written.
    pub(super) fast: bool,
    /// Functions that were written beside it, and how many.
    pub(super) beside: String,
    pub(super) outlined: usize,
    /// Slots that are given back at the end.
    pub(super) owning: Vec<(SlotId, usize)>,
    /// Whether arrays can have memory that was made here.
    pub(super) makes_arrays: bool,
    /// Whether there is a way to the block where the function ends in failure.
    fails: bool,
}

/// Where `break` and `continue` lead.
pub(super) struct LoopLabels {
    pub(super) after: String,
    pub(super) next: String,
}

/// What is told about a failure.
pub(super) enum Details<'a> {
    None,
    Ints(&'a str, &'a str),
    Floats(&'a str, &'a str),
}

impl<'a> Builder<'a> {
    /// The text of a function.
    pub(super) fn function(
        program: &'a Program,
        id: usize,
        function: &'a Function,
        options: Options,
    ) -> String {
        let mut this = Self::new(program, function, options, &format!("f{id}"));
        let mut parameters = String::new();
        for slot in 0..function.slots.len() {
            this.slot(slot);
            this.own(slot);
        }
        for (position, &slot) in function.parameters.iter().enumerate() {
            for (part, ty) in parts(function.slots[slot].ty).into_iter().enumerate() {
                let _ = write!(parameters, ", {ty} %a{position}.{part}");
                this.push(format!(
                    "store {ty} %a{position}.{part}, ptr %s{slot}.{part}"
                ));
            }
        }
        this.retain_parameters();
        if function.long {
            let _ = writeln!(this.allocas, "  %fuel = alloca i64");
            this.load_fuel();
        }
        if function.recursive {
            this.check_stack();
        }
        this.statements(&function.body);
        // The lowering has made sure that every way ends in a `return` or a `raise`.
        this.push("unreachable".to_owned());
        let result = result_type(function.returns);
        this.text(&format!(
            "internal fastcc {result} @f{id}(ptr noalias %context{parameters})"
        ))
    }

    /// A function without text yet.
    pub(super) fn new(
        program: &'a Program,
        function: &'a Function,
        options: Options,
        name: &str,
    ) -> Self {
        Self {
            program,
            function,
            options,
            name: name.to_owned(),
            returns: function.returns,
            allocas: String::new(),
            body: String::new(),
            cold: String::new(),
            next: 0,
            block: "entry".to_owned(),
            loops: Vec::new(),
            fast: false,
            beside: String::new(),
            outlined: 0,
            owning: Vec::new(),
            makes_arrays: super::created::makes_arrays(program),
            fails: false,
        }
    }

    /// Makes room for a slot.
    pub(super) fn slot(&mut self, slot: SlotId) {
        let description = &self.function.slots[slot];
        for (part, ty) in parts(description.ty).into_iter().enumerate() {
            let _ = writeln!(self.allocas, "  %s{slot}.{part} = alloca {ty}");
        }
        if let Some(part) = self.owner_part(slot) {
            self.push(format!("store ptr null, ptr %s{slot}.{part}"));
        }
        if description.flagged {
            let _ = writeln!(self.allocas, "  %s{slot}.set = alloca i1");
            self.push(format!("store i1 false, ptr %s{slot}.set"));
        }
    }

    /// The whole text, with the functions beside it.
    pub(super) fn text(&mut self, head: &str) -> String {
        let mut body = std::mem::take(&mut self.body);
        self.failed();
        body.push_str(&self.cold);
        body.push_str(&self.body);
        format!(
            "define {head} nounwind {{\nentry:\n{}{body}}}\n\n{}",
            self.allocas, self.beside
        )
    }

    #[allow(clippy::needless_pass_by_value)] // texts are made for it on the spot
    pub(super) fn push(&mut self, instruction: String) {
        let _ = writeln!(self.body, "  {instruction}");
    }

    /// An instruction with a result: its register.
    #[allow(clippy::needless_pass_by_value)] // as above
    pub(super) fn let_(&mut self, instruction: String) -> String {
        let register = format!("%r{}", self.next);
        self.next += 1;
        let _ = writeln!(self.body, "  {register} = {instruction}");
        register
    }

    pub(super) fn label(&mut self) -> String {
        self.next += 1;
        format!("l{}", self.next)
    }

    /// Begins a block.
    pub(super) fn start(&mut self, label: &str) {
        let _ = writeln!(self.body, "{label}:");
        label.clone_into(&mut self.block);
    }

    pub(super) fn jump(&mut self, label: &str) {
        self.push(format!("br label %{label}"));
    }

    pub(super) fn branch(&mut self, condition: &str, then: &str, other: &str) {
        self.push(format!("br i1 {condition}, label %{then}, label %{other}"));
    }

    /// Branches to a block that is hardly ever run if the condition does not hold, whose text is given.
    pub(super) fn unless(&mut self, condition: &str, cold: impl FnOnce(&mut Self)) {
        let (good, bad) = (self.label(), self.label());
        self.push(format!(
            "br i1 {condition}, label %{good}, label %{bad}, !prof !0"
        ));
        let outer = std::mem::take(&mut self.body);
        self.start(&bad);
        cold(self);
        let text = std::mem::replace(&mut self.body, outer);
        self.cold.push_str(&text);
        self.start(&good);
    }

    /// A stack slot of the function's own.
    pub(super) fn alloca(&mut self, ty: &str) -> String {
        self.next += 1;
        let name = format!("%m{}", self.next);
        let _ = writeln!(self.allocas, "  {name} = alloca {ty}");
        name
    }

    pub(super) fn phi(&mut self, ty: &str, ways: &[(&str, &str)]) -> String {
        let ways: Vec<String> = ways
            .iter()
            .map(|(value, block)| format!("[ {value}, %{block} ]"))
            .collect();
        self.let_(format!("phi {ty} {}", ways.join(", ")))
    }

    /// Whether a check has to be made in what is being written.
    pub(super) fn is_open(&self, guard: Guard) -> bool {
        match guard.proof {
            Proof::Open => true,
            Proof::Proved | Proof::Waived => false,
            Proof::Hoisted => !self.fast,
        }
    }

    /// Makes a check.
    pub(super) fn check(&mut self, ok: &str, guard: Guard, details: &Details<'_>) {
        self.unless(ok, |this| {
            this.fail(&guard.site.to_string(), details);
        });
    }

    /// Leaves the function with the error of a site, a constant or a register.
    pub(super) fn fail(&mut self, site: &str, details: &Details<'_>) {
        match details {
            Details::None => self.push(format!(
                "call void @ungil.raise(ptr %context, i32 {site}, i64 0, i64 0)"
            )),
            Details::Ints(a, b) => self.push(format!(
                "call void @ungil.raise(ptr %context, i32 {site}, i64 {a}, i64 {b})"
            )),
            Details::Floats(x, y) => self.push(format!(
                "call void @ungil.raise.floats(ptr %context, i32 {site}, double {x}, double {y})"
            )),
        }
        self.return_failed();
    }

    /// Leaves the function because one that it called has failed.
    pub(super) fn pass_on(&mut self, site: SiteId) {
        self.push(format!("call void @ungil.pass(ptr %context, i32 {site})"));
        self.return_failed();
    }

    pub(super) fn return_failed(&mut self) {
        self.push("br label %failed".to_owned());
        self.fails = true;
    }

    pub(super) fn return_value(&mut self, value: &Value) {
        if self.function.long {
            self.store_fuel();
        }
        let result = result_type(self.returns);
        if *value == Value::None {
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
    fn failed(&mut self) {
        if !self.fails {
            return;
        }
        self.start("failed");
        self.release_slots();
        match self.returns {
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
        let stop = self.let_("call i32 @ungil_poll(ptr %context)".to_owned());
        self.load_fuel();
        let go_on = self.let_(format!("icmp eq i32 {stop}, 0"));
        let failed = self.label();
        self.branch(&go_on, &good, &failed);
        self.start(&failed);
        self.fail(&site.to_string(), &Details::None);
        let text = std::mem::replace(&mut self.body, outer);
        self.cold.push_str(&text);
        self.start(&good);
    }

    fn check_stack(&mut self) {
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

    /// Assigns to a slot.
    pub(super) fn set(&mut self, slot: SlotId, value: &Value) {
        let ty = self.function.slots[slot].ty;
        for (at, (part, ty)) in value.flat().iter().zip(parts(ty)).enumerate() {
            self.push(format!("store {ty} {part}, ptr %s{slot}.{at}"));
        }
        if self.function.slots[slot].flagged {
            self.push(format!("store i1 true, ptr %s{slot}.set"));
        }
    }

    /// The value of a slot.
    pub(super) fn get(&mut self, slot: SlotId) -> Value {
        let ty = self.function.slots[slot].ty;
        let loaded: Vec<String> = parts(ty)
            .into_iter()
            .enumerate()
            .map(|(at, ty)| self.let_(format!("load {ty}, ptr %s{slot}.{at}")))
            .collect();
        Value::of(ty, &mut loaded.into_iter())
    }
}

/// The values of a result that is not there.
fn poisons(ty: Type) -> String {
    parts(ty)
        .into_iter()
        .fold(String::new(), |text, part| text + ", " + part + " poison")
}
