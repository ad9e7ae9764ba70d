//! One function's text: instructions, blocks, stack slots, cold blocks.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::independent::Independent;
use super::lines::{Described, Home};
use super::narrow::{Narrow, narrow_slots};
use super::value::Value;
use super::{parts, result_type};
use crate::environment::Options;
use crate::ir::{Function, Guard, Program, Proof, SiteId, SlotId};
use crate::types::Type;

/// Numbers of marks that each function has; more are not used.
const MARKS: usize = 10_000;

#[allow(clippy::struct_excessive_bools)] // questions of their own, not one state
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
    /// The blocks where errors are handled, the innermost last.
    pub(super) handlers: Vec<String>,
    /// Where what is being handled is kept, the innermost last.
    pub(super) handled: Vec<String>,
    /// The line of the file that instructions are of.
    pub(super) line: u32,
    /// Where lines are told: the function's own description, and those of its lines.
    pub(super) described: Option<Described>,
    /// Which version of loops is being written.
    pub(super) mode: Mode,
    /// Where rounds of a loop are done together: the slots that each has of its own, and which one it is.
    pub(super) lane: Option<(BTreeSet<SlotId>, usize)>,
    /// What loads and stores of arrays are marked with that are known not to overlap.
    pub(super) scopes: BTreeMap<SlotId, String>,
    /// Descriptions that marks refer to.
    pub(super) metadata: String,
    /// The next mark's number.
    pub(super) marks: usize,
    /// Whether what is being written is run only where something will fail.
    pub(super) failing: bool,
    /// Slots that are smaller than their type.
    pub(super) narrow: Narrow,
    /// Whether it is hardly ever run, as there is a better one.
    pub(super) spare: bool,
    /// Whether what is being written is known to raise: with branches and checks where they stand.
    pub(super) as_written: bool,
    /// Where checks are noted instead of made, the conditions so far.
    pub(super) frames: Vec<Vec<String>>,
    /// The loop over elements that is being written, if it is one.
    pub(super) independent: Option<Independent>,
    /// What is written behind the function's head.
    attributes: String,
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

/// Versions of loops, by the checks that were made before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mode {
    /// None.
    Checked,
    /// Those of an innermost loop.
    Inner,
    /// Those of a whole nest.
    Outer,
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
    /// What a routine has left there: two ints and two floats.
    Words(&'a str),
}

impl<'a> Builder<'a> {
    /// The text of a function.
    pub(super) fn function(
        program: &'a Program,
        id: usize,
        function: &'a Function,
        options: Options,
        place: Option<&Home>,
    ) -> String {
        let mut this = Self::new(program, function, options, &format!("f{id}"));
        this.marks = (id + 1) * MARKS;
        // What takes long gains nothing from being a part of its caller, but would be compiled twice.
        if function.long || place.is_some() {
            this.attributes.push_str(" noinline");
        }
        if let Some(home) = place {
            let description = this.describe(home);
            this.attributes.push_str(&description);
        }
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
            handlers: Vec::new(),
            handled: Vec::new(),
            line: 0,
            described: None,
            mode: Mode::Checked,
            lane: None,
            narrow: narrow_slots(function),
            scopes: BTreeMap::new(),
            metadata: String::new(),
            marks: 0,
            attributes: String::new(),
            spare: false,
            failing: false,
            as_written: false,
            frames: Vec::new(),
            independent: None,
            beside: String::new(),
            outlined: 0,
            owning: Vec::new(),
            makes_arrays: super::created::makes_arrays(program),
            fails: false,
        }
    }

    /// Makes room for a slot.
    pub(super) fn slot(&mut self, slot: SlotId) {
        if let Some(bits) = self.narrow.get(&slot) {
            let _ = writeln!(self.allocas, "  %s{slot}.0 = alloca i{bits}");
            return;
        }
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
            "define {head} nounwind{} {{\nentry:\n{}{body}}}\n\n{}{}",
            self.attributes, self.allocas, self.beside, self.metadata
        )
    }

    #[allow(clippy::needless_pass_by_value)] // texts are made for it on the spot
    pub(super) fn push(&mut self, instruction: String) {
        let place = self.location();
        let _ = writeln!(self.body, "  {instruction}{place}");
    }

    /// An instruction with a result: its register.
    #[allow(clippy::needless_pass_by_value)] // as above
    pub(super) fn let_(&mut self, instruction: String) -> String {
        let register = format!("%r{}", self.next);
        self.next += 1;
        let place = self.location();
        let _ = writeln!(self.body, "  {register} = {instruction}{place}");
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

    /// Closes a loop; LLVM takes no pains with one that is hardly ever run.
    pub(super) fn jump_back(&mut self, head: &str) {
        let spare = self.spare && self.mode == Mode::Checked;
        let marks = match &self.independent {
            Some(own) => format!(", !llvm.loop !{}", own.mark),
            None if spare => ", !llvm.loop !11".to_owned(),
            None => String::new(),
        };
        self.push(format!("br label %{head}{marks}"));
    }

    pub(super) fn branch(&mut self, condition: &str, then: &str, other: &str) {
        self.push(format!("br i1 {condition}, label %{then}, label %{other}"));
    }

    /// Branches to a block that is hardly ever run if the condition does not hold, whose text is given.
    pub(super) fn unless(&mut self, condition: &str, cold: impl FnOnce(&mut Self)) {
        self.unless_marked(condition, "", cold);
    }

    /// The same with more metadata on the branch.
    pub(super) fn unless_marked(
        &mut self,
        condition: &str,
        marks: &str,
        cold: impl FnOnce(&mut Self),
    ) {
        let (good, bad) = (self.label(), self.label());
        self.push(format!(
            "br i1 {condition}, label %{good}, label %{bad}, !prof !0{marks}"
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
                "call void @ungil.raise(ptr %context, i32 {site}, i64 0, i64 0)"
            )),
            Details::Ints(a, b) => self.push(format!(
                "call void @ungil.raise(ptr %context, i32 {site}, i64 {a}, i64 {b})"
            )),
            Details::Floats(x, y) => self.push(format!(
                "call void @ungil.raise.floats(ptr %context, i32 {site}, double {x}, double {y})"
            )),
            Details::Words(words) => self.push(format!(
                "call void @ungil.raise.words(ptr %context, i32 {site}, ptr {words})"
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
        if let Some(handler) = self.handlers.last() {
            let jump = format!("br label %{handler}");
            self.push(jump);
            return;
        }
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
}

/// The values of a result that is not there.
fn poisons(ty: Type) -> String {
    parts(ty)
        .into_iter()
        .fold(String::new(), |text, part| text + ", " + part + " poison")
}
