//! What loops over the elements of arrays need beside themselves.

use super::builder::{Builder, Details};
use super::value::{ArrayValue, Value};
use crate::ir::{EachOp, Expr};
use crate::runtime::{SHAPES_OFFSET, fold};
use crate::types::{Element, Type};

impl Builder<'_> {
    pub(super) fn each(&mut self, operation: EachOp, expr: &Expr) -> Value {
        match operation {
            EachOp::Flat => Value::Array(self.flat(expr)),
            EachOp::Dense => {
                let (mut array, ty) = self.array(&expr.args[0]);
                if let Some(last) = array.strides.last_mut() {
                    *last = ty.element.size().to_string();
                }
                Value::Array(array)
            }
            EachOp::IsDense => Value::Scalar(self.is_dense(expr)),
            EachOp::Spread => Value::Array(self.spread(expr)),
            EachOp::Agree { dimensions, into } => {
                self.agree(dimensions, into, expr);
                Value::None
            }
            EachOp::Meets => {
                let words = self.described(&expr.args);
                let count = expr.args.len();
                let meets = self.let_(format!("call i32 @ungil_meets(ptr {words}, i64 {count})"));
                Value::Scalar(self.let_(format!("icmp ne i32 {meets}, 0")))
            }
            EachOp::Copy => {
                let words = self.described(&expr.args);
                self.push(format!("call void @ungil_copy(ptr {words})"));
                Value::None
            }
            EachOp::Begin(fold, element) => {
                let (state, _) = self.array(&expr.args[0]);
                let total = self.scalar(&expr.args[1]);
                let code = fold::code(fold, [element; 2]);
                Value::Scalar(self.let_(format!(
                    "call i64 @ungil_stream_begin(ptr {}, i64 {code}, i64 {total})",
                    state.data
                )))
            }
            EachOp::Next => {
                let (state, _) = self.array(&expr.args[0]);
                let (buffer, _) = self.array(&expr.args[1]);
                let count = self.scalar(&expr.args[2]);
                Value::Scalar(self.let_(format!(
                    "call i64 @ungil_stream_next(ptr {}, ptr {}, i64 {count})",
                    state.data, buffer.data
                )))
            }
            EachOp::End => {
                let (state, _) = self.array(&expr.args[0]);
                let result = self.alloca("i64");
                let end = self.let_(format!(
                    "call i32 @ungil_stream_end(ptr {}, ptr {result})",
                    state.data
                ));
                Value::Scalar(self.folded(expr, &end, &result, &Details::None))
            }
            EachOp::Uses { .. } | EachOp::Independent => Value::None,
            EachOp::Wrap(element) => {
                let value = self.scalar(&expr.args[0]);
                Value::Scalar(self.wrapped(element, &value))
            }
            EachOp::Hypot => {
                let args = [0, 1].map(|at| self.scalar(&expr.args[at]));
                Value::Scalar(self.let_(format!(
                    "call double @hypot(double {}, double {})",
                    args[0], args[1]
                )))
            }
            EachOp::FloorDivide(element) => {
                let [a, b] = [0, 1].map(|at| self.scalar(&expr.args[at]));
                let name = match element {
                    Element::Float32 => "ungil.ffloordiv32",
                    _ => "ungil.ffloordiv",
                };
                let whole = self.let_(format!("call double @{name}(double {a}, double {b})"));
                let quotient = self.let_(format!("fdiv double {a}, {b}"));
                let zero = self.let_(format!("fcmp oeq double {b}, 0.0"));
                Value::Scalar(self.let_(format!(
                    "select i1 {zero}, double {quotient}, double {whole}"
                )))
            }
            EachOp::Pending | EachOp::Element(_) => {
                unreachable!("the lowering has made loops of it")
            }
        }
    }

    fn flat(&mut self, expr: &Expr) -> ArrayValue {
        let (array, _) = self.array(&expr.args[0]);
        let mut size = array.sizes[0].clone();
        for other in &array.sizes[1..] {
            size = self.let_(format!("mul nuw nsw i64 {size}, {other}"));
        }
        ArrayValue {
            sizes: vec![size],
            ..array
        }
    }

    fn is_dense(&mut self, expr: &Expr) -> String {
        let mut dense = "true".to_owned();
        for arg in &expr.args {
            let (array, ty) = self.array(arg);
            let strides = self.strides(&array, ty);
            let (stride, size) = (&strides[strides.len() - 1], &array.sizes[strides.len() - 1]);
            let next = self.let_(format!("icmp eq i64 {stride}, {}", ty.element.size()));
            let single = self.let_(format!("icmp sle i64 {size}, 1"));
            let fits = self.let_(format!("or i1 {next}, {single}"));
            dense = self.let_(format!("and i1 {dense}, {fits}"));
        }
        dense
    }

    /// Axes with one element have a distance of zero where there are to be more.
    fn spread(&mut self, expr: &Expr) -> ArrayValue {
        let (array, ty) = self.array(&expr.args[0]);
        let strides = self.strides(&array, ty);
        let sizes: Vec<String> = expr.args[1..]
            .iter()
            .map(|size| self.scalar(size))
            .collect();
        let strides = strides
            .iter()
            .zip(array.sizes.iter().zip(&sizes))
            .map(|(stride, (own, size))| {
                let same = self.let_(format!("icmp eq i64 {own}, {size}"));
                self.let_(format!("select i1 {same}, i64 {stride}, i64 0"))
            })
            .collect();
        ArrayValue {
            sizes,
            strides,
            ..array
        }
    }

    fn agree(&mut self, dimensions: [u8; 3], into: bool, expr: &Expr) {
        let sizes: Vec<String> = expr.args.iter().map(|size| self.scalar(size)).collect();
        let mut rest = &sizes[..];
        let mut shapes = Vec::new();
        for count in dimensions {
            let (own, others) = rest.split_at(usize::from(count));
            shapes.push(own);
            rest = others;
        }
        let mut good = "true".to_owned();
        for (at, one) in shapes.iter().enumerate() {
            for other in &shapes[at + 1..] {
                // From the last axis on; one of one element is stretched.
                for (a, b) in one.iter().rev().zip(other.iter().rev()) {
                    let mut fits = self.let_(format!("icmp eq i64 {a}, {b}"));
                    let stretched = if into { &[b][..] } else { &[a, b] };
                    for size in stretched {
                        let single = self.let_(format!("icmp eq i64 {size}, 1"));
                        fits = self.let_(format!("or i1 {fits}, {single}"));
                    }
                    good = self.let_(format!("and i1 {good}, {fits}"));
                }
            }
        }
        let site = expr.guards[0].site.to_string();
        self.unless(&good, |this| {
            for (at, size) in sizes.iter().enumerate() {
                let place = this.let_(format!(
                    "getelementptr inbounds i8, ptr %context, i64 {}",
                    SHAPES_OFFSET + 8 * at
                ));
                this.push(format!("store i64 {size}, ptr {place}"));
            }
            this.fail(&site, &Details::None);
        });
    }

    /// Arrays in memory, one after the other: size of an element, dimensions, address, sizes, distances.
    fn described(&mut self, arrays: &[Expr]) -> String {
        let count: usize = arrays
            .iter()
            .map(|array| match array.ty {
                Type::Array(ty) => 3 + 2 * usize::from(ty.dimensions),
                _ => 0,
            })
            .sum();
        let words = self.alloca(&format!("[{count} x i64]"));
        let mut at = 0;
        for array in arrays {
            let (array, ty) = self.array(array);
            let strides = self.strides(&array, ty);
            let (item, dimensions) = (ty.element.size().to_string(), ty.dimensions.to_string());
            self.put_word("i64", &item, &words, &mut at);
            self.put_word("i64", &dimensions, &words, &mut at);
            self.put_word("ptr", &array.data, &words, &mut at);
            for word in array.sizes.iter().chain(&strides) {
                self.put_word("i64", word, &words, &mut at);
            }
        }
        words
    }

    fn wrapped(&mut self, element: Element, value: &str) -> String {
        let (extend, bits) = match element {
            Element::Signed(bits) if bits < 64 => ("sext", bits),
            Element::Unsigned(bits) if bits < 64 => ("zext", bits),
            _ => return value.to_owned(),
        };
        let short = self.let_(format!("trunc i64 {value} to i{bits}"));
        self.let_(format!("{extend} i{bits} {short} to i64"))
    }
}
