//! Objects of dataclasses: their memory is that of a list, whose items are the words of the fields.
//!
//! The word that is a list's capacity has a bit for each field that was assigned to: whoever has passed the object
//! writes these back.

use super::builder::{Builder, Details};
use super::list::CAPACITY;
use super::parts;
use super::value::Value;
use crate::ir::{Expr, RecordOp};
use crate::types::{Record, Type};

impl Builder<'_> {
    pub(super) fn record_operation(&mut self, operation: RecordOp, expr: &Expr) -> Value {
        match operation {
            RecordOp::New => Value::Scalar(self.new_record(expr)),
            RecordOp::Get(at) => {
                let record = record_of(&expr.args[0]);
                let object = self.scalar(&expr.args[0]);
                let mut registers = Vec::new();
                for (part, ty) in parts(expr.ty).into_iter().enumerate() {
                    let place = self.field_place(&object, record.word(at) + part);
                    registers.push(if ty == "i1" {
                        let word = self.let_(format!("load i64, ptr {place}, !tbaa !5"));
                        self.let_(format!("icmp ne i64 {word}, 0"))
                    } else {
                        self.let_(format!("load {ty}, ptr {place}, !tbaa !5"))
                    });
                }
                Value::of(expr.ty, &mut registers.into_iter())
            }
            RecordOp::Set(at) => {
                let record = record_of(&expr.args[1]);
                let value = self.value(&expr.args[0]);
                let object = self.scalar(&expr.args[1]);
                for (part, register) in value.flat().iter().enumerate() {
                    let ty = parts(expr.args[0].ty)[part];
                    let place = self.field_place(&object, record.word(at) + part);
                    self.put_field(ty, register, &place);
                }
                let changed = self.head(&object, CAPACITY);
                let bit = (1_u64 << at).cast_signed();
                let more = self.let_(format!("or i64 {changed}, {bit}"));
                self.set_head(&object, CAPACITY, &more);
                Value::None
            }
            RecordOp::Same => {
                let [one, other] = [0, 1].map(|at| self.scalar(&expr.args[at]));
                Value::Scalar(self.let_(format!("icmp eq ptr {one}, {other}")))
            }
        }
    }

    fn new_record(&mut self, expr: &Expr) -> String {
        let words = record_of(expr).words();
        let values: Vec<(&str, String)> = expr
            .args
            .iter()
            .flat_map(|arg| {
                let registers = self.value(arg).flat();
                parts(arg.ty).into_iter().zip(registers)
            })
            .collect();
        let pattern = self.alloca(&format!("[{} x i64]", words.max(1)));
        for (at, (ty, value)) in values.iter().enumerate() {
            let place = self.let_(format!(
                "getelementptr inbounds i64, ptr {pattern}, i64 {at}"
            ));
            self.put_field(ty, value, &place);
        }
        let object = self.let_(format!(
            "call ptr @ungil_list_new(ptr {pattern}, i64 {words}, i64 1, i64 8)"
        ));
        let made = self.let_(format!("icmp ne ptr {object}, null"));
        self.check(&made, expr.guards[0], &Details::None);
        object
    }

    fn field_place(&mut self, object: &str, word: usize) -> String {
        let data = self.let_(format!("load ptr, ptr {object}, !tbaa !3"));
        self.let_(format!(
            "getelementptr inbounds i64, ptr {data}, i64 {word}"
        ))
    }

    fn put_field(&mut self, ty: &str, value: &str, place: &str) {
        let (ty, word) = if ty == "i1" {
            ("i64", self.let_(format!("zext i1 {value} to i64")))
        } else {
            (ty, value.to_owned())
        };
        self.push(format!("store {ty} {word}, ptr {place}, !tbaa !5"));
    }
}

fn record_of(expr: &Expr) -> Record {
    let Type::Record(record) = expr.ty else {
        unreachable!("the lowering has checked that it is an object");
    };
    record
}
