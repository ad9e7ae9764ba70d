//! One function's text: instructions, blocks, stack slots, cold blocks.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::deferred::{Deferred, Guest};
use super::independent::Independent;
use super::lines::{Described, Home};
use super::narrow::{Narrow, narrow_slots};
use super::{entry, parts, result_type};
use crate::environment::Options;
use crate::ir::{Function, Program, SlotId};
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
    pub(super) body: String,
    /// Blocks that are hardly ever run.
    pub(super) cold: String,
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
    /// Where lines are told: where the function is.
    pub(super) home: Option<&'a Home>,
    /// The same: the function's own description, and those of its lines.
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
    pub(super) attributes: String,
    /// Functions that were written beside it, and how many.
    pub(super) beside: String,
    pub(super) outlined: usize,
    /// Slots that are given back at the end.
    pub(super) owning: Vec<(SlotId, usize)>,
    /// Whether arrays can have memory that was made here.
    pub(super) makes_arrays: bool,
    /// Whether there is a way to the block where the function ends in failure.
    pub(super) fails: bool,
    /// Slots that stay as they are, and so need no place.
    pub(super) fixed: BTreeMap<SlotId, Vec<String>>,
    /// Whether it is called from outside, and by no other function.
    pub(super) outermost: bool,
    /// Loops that are left for later, where they are.
    pub(super) deferred: Option<Deferred>,
    /// If this is such a loop: what is to be done at its end.
    pub(super) guest: Option<Guest>,
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
    /// The text of a function; loops that it leaves for later are added to those of others.
    pub(super) fn function(
        program: &'a Program,
        id: usize,
        function: &'a Function,
        options: Options,
        home: Option<&'a Home>,
        deferred: &mut Option<Deferred>,
    ) -> String {
        let mut this = Self::new(program, function, options, &format!("f{id}"));
        this.deferred = deferred.take();
        this.marks = (id + 1) * MARKS;
        // What takes long gains nothing from being a part of its caller, but would be compiled twice.
        if function.long || home.is_some() {
            this.attributes.push_str(" noinline");
        }
        this.home = home;
        this.describe();
        let mut parameters = String::new();
        let fixed = this.fixed_parameters();
        for slot in 0..function.slots.len() {
            if !fixed.contains(&slot) {
                this.slot(slot);
                this.own(slot);
            }
        }
        this.outermost = entry::is(program, id);
        let arguments = this.outermost.then(|| this.arguments());
        for (position, &slot) in function.parameters.iter().enumerate() {
            for (part, ty) in parts(function.slots[slot].ty).into_iter().enumerate() {
                let register = match &arguments {
                    Some(arguments) => arguments[position][part].clone(),
                    None => format!("%a{position}.{part}"),
                };
                let _ = write!(parameters, ", {ty} {register}");
                if fixed.contains(&slot) {
                    this.fixed.entry(slot).or_default().push(register);
                } else {
                    this.push(format!("store {ty} {register}, ptr %s{slot}.{part}"));
                }
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
        this.room_for_frame();
        *deferred = this.deferred.take();
        if this.outermost {
            return this.text(entry::HEAD);
        }
        let result = result_type(function.returns);
        this.text(&format!(
            "internal fastcc {result} @f{id}(ptr noalias %context{parameters})"
        ))
    }

    /// Parameters that are not assigned to.
    fn fixed_parameters(&self) -> BTreeSet<SlotId> {
        // What parallel loops take over has to have a place.
        if self.program.has_parallel_loops() {
            return BTreeSet::new();
        }
        let assigned = super::speculate::assigned(&self.function.body);
        let parameters = self.function.parameters.iter().copied();
        parameters
            .filter(|slot| !assigned.contains(slot) && self.can_be_fixed(*slot))
            .collect()
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
            home: None,
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
            fixed: BTreeMap::new(),
            outermost: false,
            deferred: None,
            guest: None,
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
        self.end_of_guest();
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

    /// What the jump that closes a loop is marked with: LLVM takes no pains with one that is hardly ever run, and
    /// unrolls no others than those that are `short`.
    pub(super) fn loop_marks(&self, short: bool) -> String {
        let spare = self.spare && self.mode == Mode::Checked;
        if let Some(own) = &self.independent {
            return format!(", !llvm.loop !{}", own.mark);
        }
        match (spare, short) {
            (true, _) => ", !llvm.loop !11",
            (false, true) => ", !llvm.loop !14",
            (false, false) => "",
        }
        .to_owned()
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
}
