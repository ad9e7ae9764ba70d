//! Data races between the iterations of a parallel loop, as far as they can be seen in its body: an
//! element that every iteration writes, and one that an iteration writes and another one uses.

mod form;

use ruff_text_size::TextRange;

use super::Lowered;
use super::function::FunctionLowerer;
use crate::diagnostic::Diagnostic;
use crate::ir::{
    Block, Count, EachOp, Expr, Guard, ListOp, Op, RecordOp, SlotId, Stmt, ViewPart, walk,
};
use crate::types::Type;
use form::{Body, Form, Linear, Taint};

/// A read or a write of an element.
struct Access {
    /// The array, as it comes from outside of the loop.
    array: SlotId,
    /// Where in it, by its axes.
    axes: Vec<Form>,
    writes: bool,
    guards: Vec<Guard>,
}

/// How two places along one axis lie to each other, in different iterations.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Relation {
    /// Never the same.
    Apart,
    /// The same element in some two iterations.
    Meet,
    /// May be the same, whatever the iterations.
    Same,
    Unknown,
}

impl FunctionLowerer<'_, '_> {
    pub(super) fn refuse_races(&self, count: &Count, variable: &str) -> Lowered<()> {
        let body = Body::new(count.slot, &count.body);
        self.refuse_shared_list(&body, count)?;
        let mut accesses = Accesses {
            body: &body,
            found: Vec::new(),
        };
        accesses.block(&count.body);
        for write in accesses.found.iter().filter(|access| access.writes) {
            if write.axes.iter().all(|axis| axis.taint() == Taint::Fixed) {
                return Err(self.refuse(
                    Diagnostic::new(
                        self.blamed(write),
                        "every iteration of a parallel loop writes the same element",
                    )
                    .label(format!("its place does not depend on `{variable}`"))
                    .context(
                        self.site_range(count.site),
                        "its iterations run at the same time",
                    )
                    .help(format!(
                        "index it with `{variable}`, or add up in a variable, which is a reduction"
                    )),
                ));
            }
            let own = |axis: &Form| matches!(axis, Form::Linear(one) if one.coefficient != 0);
            let scattered = !write.axes.iter().any(own)
                && write.axes.iter().any(|axis| axis.taint() == Taint::Data);
            for other in accesses.found.iter().filter(|one| one.array == write.array) {
                let relations: Vec<Relation> = write
                    .axes
                    .iter()
                    .zip(&other.axes)
                    .map(|(one, other)| relation(one, other, count))
                    .collect();
                if relations.contains(&Relation::Apart) {
                    continue;
                }
                let meet =
                    relations.contains(&Relation::Meet) && !relations.contains(&Relation::Unknown);
                if meet {
                    return Err(self.refuse_meeting(write, other, count));
                }
                if scattered && !other.writes {
                    return Err(self.refuse_scattered(write, other, count));
                }
            }
        }
        Ok(())
    }

    /// Lists and objects from outside can be read: that nobody else writes to them, nor keeps them, has to be certain.
    fn refuse_shared_list(&self, body: &Body<'_>, count: &Count) -> Lowered<()> {
        let mut found = None;
        walk(&count.body, &mut |stmt| {
            stmt.clone().expressions_mut(&mut |expr| {
                found = found.or_else(|| shared_list(body, expr));
            });
        });
        let Some(list) = found else { return Ok(()) };
        let name = self.slot_name(list);
        let name = if name.starts_with('%') { "it" } else { name };
        Err(self.refuse(
            Diagnostic::new(
                self.site_range(count.site),
                "the iterations of a parallel loop only read the items of a list, or the fields of an object, \
                 from outside",
            )
            .label(format!("the body does something else with `{name}`"))
            .help(
                "write to an array instead; go over its items by `range(len(...))`, and make lists and \
                 objects that are changed in the body",
            ),
        ))
    }

    fn refuse_meeting(&self, write: &Access, other: &Access, count: &Count) -> Box<super::Refusal> {
        let does = if other.writes { "writes" } else { "reads" };
        self.refuse(
            Diagnostic::new(
                self.blamed(other),
                format!("an iteration of a parallel loop {does} what another one writes"),
            )
            .label(format!("{does} an element that is another iteration's"))
            .context(self.blamed(write), "there it is written")
            .context(
                self.site_range(count.site),
                "the iterations run at the same time",
            )
            .help("write into another array than you read from, or use a plain `range`"),
        )
    }

    fn refuse_scattered(
        &self,
        write: &Access,
        read: &Access,
        count: &Count,
    ) -> Box<super::Refusal> {
        let mut diagnostic = Diagnostic::new(
            self.blamed(write),
            "two iterations of a parallel loop can change the same element",
        )
        .label("its place comes out of data: it may come up twice")
        .context(
            self.site_range(count.site),
            "the iterations run at the same time",
        );
        if self.blamed(read) != self.blamed(write) {
            diagnostic = diagnostic.context(self.blamed(read), "it is read here, to be changed");
        }
        self.refuse(diagnostic.help(
            "let each iteration do a part of the data with a row of its own, and add the rows up after \
             the loop; or use a plain `range`",
        ))
    }

    fn blamed(&self, access: &Access) -> TextRange {
        access
            .guards
            .first()
            .map_or_else(TextRange::default, |guard| self.site_range(guard.site))
    }

    fn site_range(&self, site: usize) -> TextRange {
        self.lowerer.program.sites[site].range
    }
}

/// A list or an object from outside that is not only read in an expression.
fn shared_list(body: &Body<'_>, expr: &Expr) -> Option<SlotId> {
    if let (Op::Slot(slot) | Op::BoundSlot(slot), Type::List(_) | Type::Record(_)) =
        (&expr.op, expr.ty)
        && body.definition(*slot).is_err()
    {
        return Some(*slot);
    }
    let reads = matches!(
        expr.op,
        Op::List(ListOp::Len | ListOp::Get) | Op::Record(RecordOp::Get(_))
    ) && matches!(expr.args[0].op, Op::Slot(_) | Op::BoundSlot(_));
    expr.args[usize::from(reads)..]
        .iter()
        .find_map(|arg| shared_list(body, arg))
}

fn relation(write: &Form, other: &Form, count: &Count) -> Relation {
    if matches!(other, Form::Whole) {
        return match write.taint() {
            Taint::Fixed => Relation::Same,
            _ => Relation::Meet,
        };
    }
    let (Form::Linear(write), Form::Linear(other)) = (write, other) else {
        let fixed = write.taint() == Taint::Fixed && other.taint() == Taint::Fixed;
        return if fixed {
            Relation::Same
        } else {
            Relation::Unknown
        };
    };
    let Some(distance) = other.constant.checked_sub(write.constant) else {
        return Relation::Unknown;
    };
    match (write.coefficient, other.coefficient) {
        _ if write.symbols != other.symbols => Relation::Unknown,
        (0, 0) if distance == 0 => Relation::Same,
        (0, 0) => Relation::Apart,
        (one, another) if one == another => {
            let step = match count.step.op {
                Op::Int(step) => one.saturating_mul(step),
                _ => one,
            };
            match distance {
                0 => Relation::Apart,
                _ if distance.checked_rem(step) == Some(0) => Relation::Meet,
                _ => Relation::Apart,
            }
        }
        (_, 0) => reached(write, other.constant, count),
        (0, _) => reached(other, write.constant, count),
        _ => Relation::Unknown,
    }
}

/// Whether an iteration comes to a place that is known.
fn reached(moving: &Linear, place: i64, count: &Count) -> Relation {
    let (&Op::Int(start), &Op::Int(step)) = (&count.start.op, &count.step.op) else {
        return Relation::Unknown;
    };
    let distance = place.saturating_sub(moving.constant);
    if distance % moving.coefficient != 0 {
        return Relation::Apart;
    }
    let value = distance / moving.coefficient;
    let after = if step > 0 {
        value >= start
    } else {
        value <= start
    };
    let before = match count.stop.op {
        Op::Int(stop) if step > 0 => value < stop,
        Op::Int(stop) => value > stop,
        // The first iteration there is, if there is one; further on it may have ended.
        _ => value == start,
    };
    let hit = value
        .saturating_sub(start)
        .checked_rem(step)
        .is_some_and(|rest| rest == 0);
    match (after && hit, before) {
        (false, _) => Relation::Apart,
        (true, true) => Relation::Meet,
        (true, false) if matches!(count.stop.op, Op::Int(_)) => Relation::Apart,
        (true, false) => Relation::Unknown,
    }
}

/// The accesses of a body to arrays from outside.
struct Accesses<'a> {
    body: &'a Body<'a>,
    found: Vec<Access>,
}

/// One axis of a view: where it begins, and whether it is still to be indexed.
#[derive(Clone)]
struct Axis {
    begin: Form,
    open: bool,
}

impl Accesses<'_> {
    fn block(&mut self, block: &Block) {
        for stmt in block {
            stmt.clone().expressions_mut(&mut |expr| {
                expr.walk(&mut |inner| match inner.op {
                    Op::Load => {
                        self.note(&inner.args[0], &inner.args[1..], false, &inner.guards);
                    }
                    Op::Each(EachOp::Uses { writes }) => {
                        for (at, array) in inner.args.iter().enumerate() {
                            self.note(array, &[], writes && at == 0, &inner.guards);
                        }
                    }
                    Op::Fold(_) => {
                        for array in &inner.args {
                            self.note(array, &[], false, &inner.guards);
                        }
                    }
                    _ => {}
                });
            });
            if let Stmt::Store(store) = stmt {
                self.note(&store.array, &store.index, true, &store.guards);
            }
            for nested in stmt.blocks() {
                self.block(nested);
            }
        }
    }

    fn note(&mut self, array: &Expr, index: &[Expr], writes: bool, guards: &[Guard]) {
        let Some((array, mut axes)) = self.place(array) else {
            return;
        };
        let open = axes.iter_mut().filter(|axis| axis.open);
        for (axis, index) in open.zip(index) {
            axis.begin = self.offset(index).plus(&axis.begin, 1);
            axis.open = false;
        }
        self.found.push(Access {
            array,
            axes: axes
                .into_iter()
                .map(|axis| if axis.open { Form::Whole } else { axis.begin })
                .collect(),
            writes,
            guards: guards.to_vec(),
        });
    }

    /// The array from outside that an expression is a view of, and which one.
    fn place(&self, array: &Expr) -> Option<(SlotId, Vec<Axis>)> {
        match &array.op {
            Op::Slot(slot) | Op::BoundSlot(slot) => {
                if let Ok(definition) = self.body.definition(*slot) {
                    return self.place(definition?);
                }
                let Type::Array(ty) = array.ty else {
                    return None;
                };
                let axis = Axis {
                    begin: Form::constant(0),
                    open: true,
                };
                Some((*slot, vec![axis; usize::from(ty.dimensions)]))
            }
            Op::View(kinds) => {
                let (slot, mut axes) = self.place(&array.args[0])?;
                let mut args = array.args[1..].iter();
                let open = axes.iter_mut().filter(|axis| axis.open);
                for (axis, kind) in open.zip(kinds) {
                    match *kind {
                        ViewPart::Index => {
                            axis.begin = self.offset(args.next()?).plus(&axis.begin, 1);
                            axis.open = false;
                        }
                        ViewPart::Slice { start, stop, step } => {
                            if start {
                                axis.begin = self.offset(args.next()?).plus(&axis.begin, 1);
                            }
                            let bounds = usize::from(stop) + usize::from(step);
                            args.by_ref().take(bounds).for_each(drop);
                            if step {
                                axis.begin = Form::Other(axis.begin.taint());
                            }
                        }
                    }
                }
                Some((slot, axes))
            }
            _ => None,
        }
    }

    /// An index as the number of elements from the start, which is not known where it counts from the end.
    fn offset(&self, index: &Expr) -> Form {
        match self.body.form(index) {
            Form::Linear(linear)
                if linear.coefficient == 0 && linear.symbols.is_empty() && linear.constant < 0 =>
            {
                Form::Other(Taint::Fixed)
            }
            form => form,
        }
    }
}
