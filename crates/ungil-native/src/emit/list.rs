//! Lists: a head of address, length, capacity and number of references, and items in memory of their own.
//!
//! A slot that holds a list counts as a reference; what a function's slots hold is given back where it
//! ends. A new list has one reference, which goes over to the slot that it is put into.

use super::builder::{Builder, Details};
use super::llvm;
use super::value::Value;
use crate::ir::{Expr, Guard, ListOp, Op, RecordOp, SlotId};
use crate::types::{Scalar, Type};

/// Bytes from the head's begin.
const LENGTH: usize = 8;
pub(super) const CAPACITY: usize = 16;

impl Builder<'_> {
    /// Evaluates and assigns to a slot.
    pub(super) fn assign(&mut self, slot: SlotId, expr: &Expr) {
        let value = self.value(expr);
        let Some(part) = self.owner_part(slot) else {
            self.set(slot, &value);
            return;
        };
        if !is_new(expr) {
            self.push(format!(
                "call void @ungil.retain(ptr {})",
                value.flat()[part]
            ));
        }
        let old = self.let_(format!("load ptr, ptr %s{slot}.{part}"));
        self.set(slot, &value);
        self.push(format!("call void @ungil.release(ptr {old})"));
    }

    /// Takes a slot's value away, and what it holds.
    pub(super) fn unset(&mut self, slot: SlotId) {
        if let Some(part) = self.owner_part(slot) {
            let old = self.let_(format!("load ptr, ptr %s{slot}.{part}"));
            self.push(format!("store ptr null, ptr %s{slot}.{part}"));
            self.push(format!("call void @ungil.release(ptr {old})"));
        }
        if self.function.slots[slot].flagged {
            self.push(format!("store i1 false, ptr %s{slot}.set"));
        }
    }

    /// A parameter is a reference, too.
    pub(super) fn retain_parameters(&mut self) {
        for &slot in &self.function.parameters {
            if let Some(part) = self.owner_part(slot) {
                let owner = self.let_(format!("load ptr, ptr %s{slot}.{part}"));
                self.push(format!("call void @ungil.retain(ptr {owner})"));
            }
        }
    }

    /// Gives back what the function's slots hold.
    pub(super) fn release_slots(&mut self) {
        for (slot, part) in self.owning.clone() {
            let owner = self.let_(format!("load ptr, ptr %s{slot}.{part}"));
            self.push(format!("call void @ungil.release(ptr {owner})"));
        }
    }

    /// Has a slot given back at the end, if it holds what there are references to.
    pub(super) fn own(&mut self, slot: SlotId) {
        self.owning
            .extend(self.owner_part(slot).map(|part| (slot, part)));
    }

    pub(super) fn head(&mut self, list: &str, offset: usize) -> String {
        let place = self.let_(format!(
            "getelementptr inbounds i8, ptr {list}, i64 {offset}"
        ));
        self.let_(format!("load i64, ptr {place}, !tbaa !3"))
    }

    pub(super) fn set_head(&mut self, list: &str, offset: usize, value: &str) {
        let place = self.let_(format!(
            "getelementptr inbounds i8, ptr {list}, i64 {offset}"
        ));
        self.push(format!("store i64 {value}, ptr {place}, !tbaa !3"));
    }

    pub(super) fn list_operation(&mut self, operation: ListOp, expr: &Expr) -> Value {
        if operation == ListOp::New || operation == ListOp::Repeat {
            return Value::Scalar(self.new_list(operation, expr));
        }
        let values: Vec<Value> = expr.args.iter().map(|arg| self.value(arg)).collect();
        // Of a complex number the first part: it is no index.
        let args: Vec<String> = values
            .iter()
            .filter_map(|value| value.flat().into_iter().next())
            .collect();
        let at = usize::from(operation == ListOp::Set);
        let Type::List(item) = expr.args[at].ty else {
            unreachable!("the lowering has checked that it is a list");
        };
        let list = args[at].as_str();
        let length = self.head(list, LENGTH);
        match operation {
            ListOp::Len => return Value::Scalar(length),
            ListOp::Get => {
                let index = self.checked_index(&args[1], &length, expr.guards[0], &expr.args[1]);
                return self.item_at(list, item, &index);
            }
            ListOp::Set => {
                let index = self.checked_index(&args[2], &length, expr.guards[0], &expr.args[2]);
                self.put(list, item, &index, &values[0]);
            }
            ListOp::Append => {
                self.make_room(list, item, &length, expr.guards[0]);
                self.put(list, item, &length, &values[1]);
                let more = self.let_(format!("add nsw i64 {length}, 1"));
                self.set_head(list, LENGTH, &more);
            }
            ListOp::Insert => {
                let place = self.clamped(&args[1], &length, "0", &length);
                self.make_room(list, item, &length, expr.guards[0]);
                let more = self.let_(format!("add nsw i64 {length}, 1"));
                let after = self.let_(format!("add nsw i64 {place}, 1"));
                let count = self.let_(format!("sub nsw i64 {length}, {place}"));
                self.move_items(list, item, (&after, &place), &count);
                self.put(list, item, &place, &values[2]);
                self.set_head(list, LENGTH, &more);
            }
            ListOp::Pop => return self.pop(list, item, &length, expr, args.get(1)),
            ListOp::Clear => self.set_head(list, LENGTH, "0"),
            ListOp::New | ListOp::Repeat => unreachable!("done above"),
        }
        Value::None
    }

    fn new_list(&mut self, operation: ListOp, expr: &Expr) -> String {
        let Type::List(item) = expr.ty else {
            unreachable!("it makes a list");
        };
        let (items, times) = match operation {
            ListOp::Repeat => expr.args.split_at(expr.args.len() - 1),
            _ => expr.args.split_at(expr.args.len()),
        };
        let count = items.len();
        let values: Vec<Value> = items.iter().map(|arg| self.value(arg)).collect();
        let times = match times {
            [times] => self.scalar(times),
            _ => "1".to_owned(),
        };
        let pattern = self.alloca(&format!("[{} x {}]", count.max(1), in_memory(item)));
        for (at, value) in values.iter().enumerate() {
            let place = self.let_(format!(
                "getelementptr inbounds {}, ptr {pattern}, i64 {at}",
                in_memory(item)
            ));
            self.store_item(item, &place, value);
        }
        let list = self.let_(format!(
            "call ptr @ungil_list_new(ptr {pattern}, i64 {count}, i64 {times}, i64 {})",
            item.size()
        ));
        let made = self.let_(format!("icmp ne ptr {list}, null"));
        self.check(&made, expr.guards[0], &Details::None);
        list
    }

    /// Takes out the last item, or that at an index.
    fn pop(
        &mut self,
        list: &str,
        item: Scalar,
        length: &str,
        expr: &Expr,
        index: Option<&String>,
    ) -> Value {
        let some = self.let_(format!("icmp ne i64 {length}, 0"));
        self.check(&some, expr.guards[0], &Details::None);
        let less = self.let_(format!("sub nsw i64 {length}, 1"));
        let value = match index {
            None => self.item_at(list, item, &less),
            Some(index) => {
                let index = self.checked_index(index, length, expr.guards[1], &expr.args[1]);
                let value = self.item_at(list, item, &index);
                let after = self.let_(format!("add nsw i64 {index}, 1"));
                let count = self.let_(format!("sub nsw i64 {length}, {after}"));
                self.move_items(list, item, (&index, &after), &count);
                value
            }
        };
        self.set_head(list, LENGTH, &less);
        value
    }

    /// Moves `count` items.
    fn move_items(&mut self, list: &str, item: Scalar, (to, from): (&str, &str), count: &str) {
        let bytes = self.let_(format!("mul nsw i64 {count}, {}", item.size()));
        let (target, source) = (
            self.item_place(list, item, to),
            self.item_place(list, item, from),
        );
        self.push(format!(
            "call void @llvm.memmove.p0.p0.i64(ptr {target}, ptr {source}, i64 {bytes}, i1 false)"
        ));
    }

    fn make_room(&mut self, list: &str, item: Scalar, length: &str, guard: Guard) {
        let capacity = self.head(list, CAPACITY);
        let room = self.let_(format!("icmp slt i64 {length}, {capacity}"));
        let after = self.label();
        self.unless(&room, |this| {
            let grown = this.let_(format!(
                "call i32 @ungil_list_grow(ptr {list}, i64 {})",
                item.size()
            ));
            let good = this.let_(format!("icmp ne i32 {grown}, 0"));
            let failed = this.label();
            this.branch(&good, &after, &failed);
            this.start(&failed);
            this.fail(&guard.site.to_string(), &Details::None);
        });
        self.jump(&after);
        self.start(&after);
    }

    fn item_place(&mut self, list: &str, item: Scalar, index: &str) -> String {
        let data = self.let_(format!("load ptr, ptr {list}, !tbaa !3"));
        self.let_(format!(
            "getelementptr inbounds {}, ptr {data}, i64 {index}",
            in_memory(item)
        ))
    }

    fn item_at(&mut self, list: &str, item: Scalar, index: &str) -> Value {
        let place = self.item_place(list, item, index);
        if item == Scalar::Complex {
            let parts = self
                .parts_places(&place)
                .map(|place| self.let_(format!("load double, ptr {place}, !tbaa !5")));
            return super::complex::pair(&parts[0], &parts[1]);
        }
        let raw = self.let_(format!("load {}, ptr {place}, !tbaa !5", in_memory(item)));
        Value::Scalar(match item {
            Scalar::Bool => self.let_(format!("icmp ne i8 {raw}, 0")),
            _ => raw,
        })
    }

    fn parts_places(&mut self, place: &str) -> [String; 2] {
        let second = self.let_(format!("getelementptr inbounds double, ptr {place}, i64 1"));
        [place.to_owned(), second]
    }

    fn put(&mut self, list: &str, item: Scalar, index: &str, value: &Value) {
        let place = self.item_place(list, item, index);
        self.store_item(item, &place, value);
    }

    fn store_item(&mut self, item: Scalar, place: &str, value: &Value) {
        let value = match (value, &value.flat()[..]) {
            (Value::Tuple(_), parts) => {
                for (place, part) in self.parts_places(place).iter().zip(parts) {
                    self.push(format!("store double {part}, ptr {place}, !tbaa !5"));
                }
                return;
            }
            (_, parts) => parts[0].clone(),
        };
        let raw = match item {
            Scalar::Bool => self.let_(format!("zext i1 {value} to i8")),
            _ => value,
        };
        self.push(format!(
            "store {} {raw}, ptr {place}, !tbaa !5",
            in_memory(item)
        ));
    }
}

/// Whether an expression makes a list or an object, which then has one reference that no slot holds.
fn is_new(expr: &Expr) -> bool {
    matches!(
        expr.op,
        Op::List(ListOp::New | ListOp::Repeat)
            | Op::Record(RecordOp::New)
            | Op::NewArray
            | Op::Call(_)
            | Op::Routine(_)
    )
}

fn in_memory(item: Scalar) -> &'static str {
    match item {
        Scalar::Unknown | Scalar::Bool => "i8",
        Scalar::Complex => "[2 x double]",
        known => llvm(known.ty()),
    }
}
