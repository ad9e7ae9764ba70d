//! Arrays that are made here: their memory is that of a list, which counts references.
//!
//! An array's last register is its owner, that list; null where somebody outside has the memory. As for lists, a
//! slot counts as a reference, and a new array goes over to the slot that it is put into.

use super::array::memory_type;
use super::builder::{Builder, Details};
use super::parts;
use super::value::{ArrayValue, Value};
use crate::ir::{Expr, Op, Program, SlotId, walk};
use crate::types::Type;

/// Indices are checked on the condition that no size is larger.
const LARGEST: i64 = 1 << 48;

/// Whether a program makes arrays: others need not count references.
pub(super) fn makes_arrays(program: &Program) -> bool {
    let mut found = false;
    for function in &program.functions {
        walk(&function.body, &mut |stmt| {
            stmt.clone().expressions_mut(&mut |expr| {
                expr.walk(&mut |inner| found |= inner.op == Op::NewArray);
            });
        });
    }
    found
}

impl Builder<'_> {
    /// The register of a slot that refers to a list or to an array's memory, if it has one.
    pub(super) fn owner_part(&self, slot: SlotId) -> Option<usize> {
        let ty = self.function.slots[slot].ty;
        match ty {
            Type::List(_) | Type::Record(_) => Some(0),
            Type::Array(_) if self.makes_arrays => Some(parts(ty).len() - 1),
            _ => None,
        }
    }

    pub(super) fn new_array(&mut self, expr: &Expr) -> ArrayValue {
        let Type::Array(ty) = expr.ty else {
            unreachable!("it makes an array");
        };
        let (fill, sizes) = expr.args.split_first().expect("there is a value");
        let value = self.value(fill).flat();
        let sizes: Vec<String> = sizes.iter().map(|size| self.scalar(size)).collect();
        for size in &sizes {
            let good = self.let_(format!("icmp sge i64 {size}, 0"));
            self.check(&good, expr.guards[0], &Details::None);
        }
        let pattern = self.alloca(memory_type(ty.element));
        if let [value] = &value[..] {
            let (memory, raw) = self.raw(ty.element, value, expr.guards[2]);
            self.push(format!("store {memory} {raw}, ptr {pattern}"));
        } else {
            self.store_complex(ty.element, &value, &pattern, "");
        }
        let mut count = "1".to_owned();
        for size in &sizes {
            let small = self.let_(format!("icmp ule i64 {size}, {LARGEST}"));
            self.check(&small, expr.guards[1], &Details::None);
            let product = self.let_(format!(
                "call {{ i64, i1 }} @llvm.smul.with.overflow.i64(i64 {count}, i64 {size})"
            ));
            let overflow = self.let_(format!("extractvalue {{ i64, i1 }} {product}, 1"));
            let fits = self.let_(format!("xor i1 {overflow}, true"));
            self.check(&fits, expr.guards[1], &Details::None);
            count = self.let_(format!("extractvalue {{ i64, i1 }} {product}, 0"));
        }
        let owner = self.let_(format!(
            "call ptr @ungil_list_new(ptr {pattern}, i64 1, i64 {count}, i64 {})",
            ty.element.size()
        ));
        let made = self.let_(format!("icmp ne ptr {owner}, null"));
        self.check(&made, expr.guards[1], &Details::None);
        ArrayValue {
            data: self.let_(format!("load ptr, ptr {owner}")),
            sizes,
            strides: Vec::new(),
            owner,
        }
    }

    /// A value that is returned is a reference, too.
    pub(super) fn retain_result(&mut self, ty: Type, value: &Value) {
        let owner = match (ty, value) {
            (Type::Array(_), Value::Array(array)) if self.makes_arrays => &array.owner,
            (Type::Record(_) | Type::List(_), Value::Scalar(object)) => object,
            _ => return,
        };
        self.push(format!("call void @ungil.retain(ptr {owner})"));
    }
}
