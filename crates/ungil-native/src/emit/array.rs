//! Arrays: addresses, elements, parts.

use super::builder::{Builder, Details};
use super::llvm;
use super::value::{ArrayValue, Value};
use crate::ir::{Expr, Guard, Op, Store, ViewPart};
use crate::types::{ArrayType, Element, Type};

impl Builder<'_> {
    pub(super) fn array(&mut self, expr: &Expr) -> (ArrayValue, ArrayType) {
        let (Value::Array(value), Type::Array(ty)) = (self.value(expr), expr.ty) else {
            unreachable!("the lowering has checked that it is an array");
        };
        (value, ty)
    }

    pub(super) fn load(&mut self, expr: &Expr) -> String {
        self.load_to(expr, "i64")
    }

    /// The same, with ints in a type of another size that they fit into.
    pub(super) fn load_to(&mut self, expr: &Expr, int: &str) -> String {
        let (address, ty) = self.place_of_load(expr);
        let memory = memory_type(ty.element);
        let marks = self.scope(&expr.args[0]).to_owned() + &self.access_mark();
        let raw = self.let_(format!("load {memory}, ptr {address}, align 1{marks}"));
        match ty.element {
            Element::Complex64 | Element::Complex128 => unreachable!("read as two floats"),
            Element::Float64 | Element::Signed(64) => raw,
            Element::Signed(_) | Element::Unsigned(_) if memory == int && int != "i64" => raw,
            Element::Float32 => self.let_(format!("fpext float {raw} to double")),
            Element::Bool => self.let_(format!("icmp ne i8 {raw}, 0")),
            Element::Signed(_) => self.let_(format!("sext {memory} {raw} to {int}")),
            Element::Unsigned(64) => {
                let fits = self.let_(format!("icmp sge i64 {raw}, 0"));
                let guard = expr.guards[expr.guards.len() - 1];
                self.check_later(&fits, guard, &Details::None);
                raw
            }
            Element::Unsigned(_) => self.let_(format!("zext {memory} {raw} to {int}")),
        }
    }

    /// The address that is read from.
    pub(super) fn place_of_load(&mut self, expr: &Expr) -> (String, ArrayType) {
        let (array, ty) = self.array(&expr.args[0]);
        let index: Vec<String> = expr.args[1..].iter().map(|arg| self.scalar(arg)).collect();
        let index = self.checked(&array, &index, &expr.args[1..], &expr.guards);
        (self.address(&array, ty, &index), ty)
    }

    pub(super) fn store(&mut self, store: &Store) {
        let value = self.value(&store.value);
        let (array, ty) = self.array(&store.array);
        let index: Vec<String> = store.index.iter().map(|arg| self.scalar(arg)).collect();
        let index = self.checked(&array, &index, &store.index, &store.guards);
        let guard = store.guards[store.guards.len() - 1];
        let marks = self.scope(&store.array).to_owned() + &self.access_mark();
        let value = match value {
            Value::Scalar(value) => value,
            parts => {
                let address = self.address(&array, ty, &index);
                self.store_complex(ty.element, &parts.flat(), &address, &marks);
                return;
            }
        };
        let (memory, raw) = self.raw(ty.element, &value, guard);
        let address = self.address(&array, ty, &index);
        self.push(format!(
            "store {memory} {raw}, ptr {address}, align 1{marks}"
        ));
    }

    /// A number as it is in memory, and its type there.
    pub(super) fn raw(
        &mut self,
        element: Element,
        value: &str,
        guard: Guard,
    ) -> (&'static str, String) {
        let memory = memory_type(element);
        let raw = match element {
            Element::Complex64 | Element::Complex128 => unreachable!("written as two floats"),
            Element::Float64 | Element::Signed(64) => value.to_owned(),
            Element::Float32 => self.let_(format!("fptrunc double {value} to float")),
            Element::Bool => self.let_(format!("zext i1 {value} to i8")),
            Element::Signed(_) | Element::Unsigned(_) => {
                self.check_fits(element, value, guard);
                if memory == "i64" {
                    value.to_owned()
                } else {
                    self.let_(format!("trunc i64 {value} to {memory}"))
                }
            }
        };
        (memory, raw)
    }

    fn check_fits(&mut self, element: Element, value: &str, guard: Guard) {
        if self.is_open(guard) {
            let (low, high) = element.bounds();
            let above = self.let_(format!("icmp sge i64 {value}, {low}"));
            let below = self.let_(format!("icmp sle i64 {value}, {high}"));
            let fits = self.let_(format!("and i1 {above}, {below}"));
            self.check_later(&fits, guard, &Details::Ints(value, "0"));
        }
    }

    /// A number as one of an element's width.
    pub(super) fn fit(&mut self, element: Element, expr: &Expr, value: &str) -> String {
        if element == Element::Float32 {
            let short = self.let_(format!("fptrunc double {value} to float"));
            return self.let_(format!("fpext float {short} to double"));
        }
        self.check_fits(element, value, expr.guards[0]);
        value.to_owned()
    }

    /// Indices within the bounds: negative ones count from the end.
    fn checked(
        &mut self,
        array: &ArrayValue,
        index: &[String],
        written: &[Expr],
        guards: &[Guard],
    ) -> Vec<String> {
        index
            .iter()
            .zip(written)
            .enumerate()
            .map(|(axis, (index, written))| {
                let size = &array.sizes[axis];
                self.checked_index(index, size, guards[axis], written)
            })
            .collect()
    }

    pub(super) fn checked_index(
        &mut self,
        index: &str,
        size: &str,
        guard: Guard,
        written: &Expr,
    ) -> String {
        let negative = matches!(written.op, Op::Int(value) if value < 0);
        if !self.is_open(guard) {
            // Hoisted, or a position along an axis: it is within the bounds as it is. Waived: it may be negative.
            if guard.proof.is_before_loop() || self.independent.is_some() {
                return index.to_owned();
            }
            let below = self.let_(format!("icmp slt i64 {index}, 0"));
            let from_end = self.let_(format!("add i64 {index}, {size}"));
            return self.let_(format!("select i1 {below}, i64 {from_end}, i64 {index}"));
        }
        if negative {
            let from_end = self.let_(format!("add i64 {index}, {size}"));
            let within = self.let_(format!("icmp ult i64 {from_end}, {size}"));
            self.check(&within, guard, &Details::Ints(index, size));
            return from_end;
        }
        let within = self.let_(format!("icmp ult i64 {index}, {size}"));
        let after = self.label();
        let mut other = (String::new(), String::new());
        self.unless(&within, |this| {
            // A size is less than 2**48, so that the sum is in bounds only if the index was negative.
            let from_end = this.let_(format!("add i64 {index}, {size}"));
            let within = this.let_(format!("icmp ult i64 {from_end}, {size}"));
            let failed = this.label();
            other = (from_end, this.block.clone());
            this.branch(&within, &after, &failed);
            this.start(&failed);
            this.fail(&guard.site.to_string(), &Details::Ints(index, size));
        });
        let here = self.block.clone();
        self.jump(&after);
        self.start(&after);
        self.phi("i64", &[(index, &here), (&other.0, &other.1)])
    }

    /// The address of an element.
    fn address(&mut self, array: &ArrayValue, ty: ArrayType, index: &[String]) -> String {
        if ty.contiguous {
            let mut linear = index[0].clone();
            for (index, size) in index[1..].iter().zip(&array.sizes[1..]) {
                let row = self.let_(format!("mul nsw i64 {linear}, {size}"));
                linear = self.let_(format!("add nsw i64 {row}, {index}"));
            }
            return self.let_(format!(
                "getelementptr inbounds {}, ptr {}, i64 {linear}",
                memory_type(ty.element),
                array.data
            ));
        }
        let mut offset: Option<String> = None;
        for (index, stride) in index.iter().zip(&array.strides) {
            let step = self.let_(format!("mul nsw i64 {index}, {stride}"));
            offset = Some(match offset {
                None => step,
                Some(sum) => self.let_(format!("add nsw i64 {sum}, {step}")),
            });
        }
        let offset = offset.unwrap_or_else(|| "0".to_owned());
        self.let_(format!(
            "getelementptr inbounds i8, ptr {}, i64 {offset}",
            array.data
        ))
    }

    /// Strides in bytes of each axis, calculated where the array is contiguous.
    pub(super) fn strides(&mut self, array: &ArrayValue, ty: ArrayType) -> Vec<String> {
        if !ty.contiguous {
            return array.strides.clone();
        }
        let mut stride = ty.element.size().to_string();
        let mut strides = vec![stride.clone()];
        for size in array.sizes[1..].iter().rev() {
            stride = self.let_(format!("mul nsw i64 {stride}, {size}"));
            strides.push(stride.clone());
        }
        strides.reverse();
        strides
    }

    pub(super) fn view(&mut self, kinds: &[ViewPart], expr: &Expr) -> ArrayValue {
        let (array, ty) = self.array(&expr.args[0]);
        // A part of a text is one, without strides.
        let contiguous = match expr.ty {
            Type::Array(result) => result.contiguous,
            _ => true,
        };
        let strides = self.strides(&array, ty);
        let mut data = array.data.clone();
        let (mut sizes, mut left) = (Vec::new(), Vec::new());
        let mut args = expr.args[1..].iter();
        for (axis, kind) in kinds.iter().enumerate() {
            let (size, stride) = (&array.sizes[axis], &strides[axis]);
            match *kind {
                ViewPart::Index => {
                    let written = args.next().expect("an index has a value");
                    let index = self.scalar(written);
                    let index = self.checked_index(&index, size, expr.guards[axis], written);
                    data = self.moved(&data, &index, stride);
                }
                ViewPart::Slice { start, stop, step } => {
                    let mut bound = |this: &mut Self, present: bool| {
                        present.then(|| {
                            let arg = args.next().expect("a bound has a value");
                            this.scalar(arg)
                        })
                    };
                    let start = bound(self, start);
                    let stop = bound(self, stop);
                    let step = bound(self, step);
                    let guard = expr.guards[axis];
                    let (first, count, step) = self.slice(size, start, stop, step, guard);
                    data = self.moved(&data, &first, stride);
                    sizes.push(count);
                    left.push(match step {
                        None => stride.clone(),
                        Some(step) => self.let_(format!("mul i64 {stride}, {step}")),
                    });
                }
            }
        }
        sizes.extend_from_slice(&array.sizes[kinds.len()..]);
        left.extend_from_slice(&strides[kinds.len()..]);
        ArrayValue {
            data,
            sizes,
            strides: if contiguous { Vec::new() } else { left },
            owner: array.owner,
        }
    }

    fn moved(&mut self, data: &str, index: &str, stride: &str) -> String {
        let offset = self.let_(format!("mul i64 {index}, {stride}"));
        self.let_(format!("getelementptr i8, ptr {data}, i64 {offset}"))
    }

    /// Python's rules for slices: first index, number of elements, step where there is one.
    fn slice(
        &mut self,
        size: &str,
        start: Option<String>,
        stop: Option<String>,
        step: Option<String>,
        guard: Guard,
    ) -> (String, String, Option<String>) {
        let Some(step) = step else {
            let first = start.map_or("0".to_owned(), |start| {
                self.clamped(&start, size, "0", size)
            });
            let last = stop.map_or(size.to_owned(), |stop| self.clamped(&stop, size, "0", size));
            let distance = self.let_(format!("sub nsw i64 {last}, {first}"));
            let count = self.let_(format!("call i64 @llvm.smax.i64(i64 {distance}, i64 0)"));
            return (first, count, None);
        };
        let some = self.let_(format!("icmp ne i64 {step}, 0"));
        self.check(&some, guard, &Details::None);
        let up = self.let_(format!("icmp sgt i64 {step}, 0"));
        let last_index = self.let_(format!("sub nsw i64 {size}, 1"));
        let low = self.let_(format!("select i1 {up}, i64 0, i64 -1"));
        let high = self.let_(format!("select i1 {up}, i64 {size}, i64 {last_index}"));
        let first = match start {
            Some(start) => self.clamped(&start, size, &low, &high),
            None => self.let_(format!("select i1 {up}, i64 0, i64 {last_index}")),
        };
        let last = match stop {
            Some(stop) => self.clamped(&stop, size, &low, &high),
            None => self.let_(format!("select i1 {up}, i64 {size}, i64 -1")),
        };
        let near = self.let_(format!("select i1 {up}, i64 {first}, i64 {last}"));
        let far = self.let_(format!("select i1 {up}, i64 {last}, i64 {first}"));
        let distance = self.let_(format!("sub nsw i64 {far}, {near}"));
        let any = self.let_(format!("icmp sgt i64 {distance}, 0"));
        let negative = self.let_(format!("sub i64 0, {step}"));
        let width = self.let_(format!("select i1 {up}, i64 {step}, i64 {negative}"));
        let before = self.let_(format!("sub i64 {distance}, 1"));
        let whole = self.let_(format!("udiv i64 {before}, {width}"));
        let count = self.let_(format!("add i64 {whole}, 1"));
        let count = self.let_(format!("select i1 {any}, i64 {count}, i64 0"));
        // An empty part stays where the array is, and steps of one element or none are as good as one.
        let first = self.let_(format!("select i1 {any}, i64 {first}, i64 0"));
        let many = self.let_(format!("icmp sgt i64 {count}, 1"));
        let step = self.let_(format!("select i1 {many}, i64 {step}, i64 1"));
        (first, count, Some(step))
    }

    /// A bound of a slice: negative ones count from the end, all are brought into the array.
    pub(super) fn clamped(&mut self, bound: &str, size: &str, low: &str, high: &str) -> String {
        let negative = self.let_(format!("icmp slt i64 {bound}, 0"));
        let from_end = self.let_(format!("add i64 {bound}, {size}"));
        let absolute = self.let_(format!("select i1 {negative}, i64 {from_end}, i64 {bound}"));
        let above = self.let_(format!(
            "call i64 @llvm.smax.i64(i64 {absolute}, i64 {low})"
        ));
        self.let_(format!("call i64 @llvm.smin.i64(i64 {above}, i64 {high})"))
    }
}

/// LLVM's type of an element in memory.
pub(super) fn memory_type(element: Element) -> &'static str {
    match element {
        Element::Bool | Element::Signed(8) | Element::Unsigned(8) => "i8",
        Element::Signed(16) | Element::Unsigned(16) => "i16",
        Element::Signed(32) | Element::Unsigned(32) => "i32",
        Element::Float32 => "float",
        Element::Float64 => llvm(Type::Float),
        Element::Complex64 => "[2 x float]",
        Element::Complex128 => "[2 x double]",
        _ => "i64",
    }
}
