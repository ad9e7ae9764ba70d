//! Texts: arrays of codes in registers, compared by their first ones where they have one each.

use std::fmt::Write as _;

use super::array::memory_type;
use super::builder::{Builder, Details};
use super::value::{ArrayValue, Value};
use crate::ir::{Comparison, Expr, Op};
use crate::types::{Element, Type};

/// A constant text that is looked through without a call has no more characters.
const FEW: usize = 16;

impl Builder<'_> {
    /// A constant: its codes are beside the function.
    pub(super) fn constant_text(&mut self, codes: &[u32], ty: Type) -> Value {
        self.outlined += 1;
        let name = format!("@{}.{}", self.name, self.outlined);
        let memory = memory_type(element_of(ty));
        // A section of no bytes would not be loaded.
        let some: &[u32] = if codes.is_empty() { &[0] } else { codes };
        let items: Vec<String> = some.iter().map(|code| format!("{memory} {code}")).collect();
        let _ = writeln!(
            self.beside,
            "{name} = internal unnamed_addr constant [{} x {memory}] [{}]\n",
            items.len(),
            items.join(", ")
        );
        Value::Array(ArrayValue {
            data: name,
            sizes: vec![codes.len().to_string()],
            strides: Vec::new(),
            owner: "null".to_owned(),
        })
    }

    /// The text of one character at an index.
    pub(super) fn character(&mut self, expr: &Expr) -> Value {
        let (text, ty) = self.array(&expr.args[0]);
        let index = self.scalar(&expr.args[1]);
        let size = &text.sizes[0];
        let index = self.checked_index(&index, size, expr.guards[0], &expr.args[1]);
        let data = self.let_(format!(
            "getelementptr inbounds {}, ptr {}, i64 {index}",
            memory_type(ty.element),
            text.data
        ));
        Value::Array(ArrayValue {
            data,
            sizes: vec!["1".to_owned()],
            ..text
        })
    }

    fn text_of(&mut self, expr: &Expr) -> (ArrayValue, Element) {
        let Value::Array(text) = self.value(expr) else {
            unreachable!("the lowering has checked that it is a text");
        };
        (text, element_of(expr.ty))
    }

    fn first(&mut self, text: &ArrayValue, element: Element) -> String {
        let memory = memory_type(element);
        self.let_(format!("load {memory}, ptr {}, align 1", text.data))
    }

    fn is_one(&mut self, text: &ArrayValue) -> String {
        self.let_(format!("icmp eq i64 {}, 1", text.sizes[0]))
    }

    /// The number of the only character.
    pub(super) fn ord(&mut self, expr: &Expr) -> String {
        let (text, element) = self.text_of(&expr.args[0]);
        let one = self.is_one(&text);
        self.check(&one, expr.guards[0], &Details::Ints(&text.sizes[0], "0"));
        let first = self.first(&text, element);
        self.let_(format!("zext {} {first} to i64", memory_type(element)))
    }

    pub(super) fn compare_texts(&mut self, comparison: Comparison, expr: &Expr) -> String {
        let (left, element) = self.text_of(&expr.args[0]);
        let (right, _) = self.text_of(&expr.args[1]);
        let ones = [&left, &right].map(|text| self.is_one(text));
        let both = self.let_(format!("and i1 {}, {}", ones[0], ones[1]));
        let [single, more, after] = [(); 3].map(|()| self.label());
        self.branch(&both, &single, &more);
        self.start(&single);
        let codes = [&left, &right].map(|text| self.first(text, element));
        let name = unsigned(comparison);
        let memory = memory_type(element);
        let quick = self.let_(format!("icmp {name} {memory} {}, {}", codes[0], codes[1]));
        let quick_block = self.block.clone();
        self.jump(&after);
        self.start(&more);
        let (a, b) = (&left.sizes[0], &right.sizes[0]);
        let mut ways = vec![(quick, quick_block)];
        if matches!(comparison, Comparison::Eq | Comparison::Ne) {
            let same = self.let_(format!("icmp eq i64 {a}, {b}"));
            let look = self.label();
            let differ = (comparison == Comparison::Ne).to_string();
            ways.push((differ, self.block.clone()));
            self.branch(&same, &look, &after);
            self.start(&look);
            let bytes = self.let_(format!("mul nsw i64 {a}, {}", element.size()));
            let order = self.let_(format!(
                "call i32 @memcmp(ptr {}, ptr {}, i64 {bytes})",
                left.data, right.data
            ));
            let result = self.let_(format!("icmp {name} i32 {order}, 0"));
            ways.push((result, self.block.clone()));
        } else {
            let order = self.let_(format!(
                "call i32 @ungil_text_compare(ptr {}, i64 {a}, ptr {}, i64 {b}, i64 {})",
                left.data,
                right.data,
                element.size()
            ));
            let signed = super::expression::comparison_name(comparison, Type::Int);
            let result = self.let_(format!("icmp {signed} i32 {order}, 0"));
            ways.push((result, self.block.clone()));
        }
        self.jump(&after);
        self.start(&after);
        let ways: Vec<(&str, &str)> = ways
            .iter()
            .map(|(value, block)| (value.as_str(), block.as_str()))
            .collect();
        self.phi("i1", &ways)
    }

    /// Whether a text has another one, or a byte, in it.
    pub(super) fn in_text(&mut self, expr: &Expr) -> String {
        let [value, text] = &expr.args[..] else {
            unreachable!("a value and a text");
        };
        if value.ty == Type::Int {
            return self.byte_in_text(expr);
        }
        let (wanted, element) = self.text_of(value);
        let memory = memory_type(element);
        if let Op::Text(codes) = &text.op
            && codes.len() <= FEW
        {
            // Short constants are looked through here, where a single character is looked for.
            let (constant, _) = self.text_of(text);
            let one = self.is_one(&wanted);
            let [single, more, after] = [(); 3].map(|()| self.label());
            self.branch(&one, &single, &more);
            self.start(&single);
            let first = self.first(&wanted, element);
            let mut found = "false".to_owned();
            for code in codes {
                let same = self.let_(format!("icmp eq {memory} {first}, {code}"));
                found = self.let_(format!("or i1 {found}, {same}"));
            }
            self.jump(&after);
            self.start(&more);
            let other = self.find(&constant, &wanted.data, &wanted.sizes[0], element);
            self.jump(&after);
            self.start(&after);
            return self.phi("i1", &[(&found, &single), (&other, &more)]);
        }
        let (text, _) = self.text_of(text);
        self.find(&text, &wanted.data, &wanted.sizes[0], element)
    }

    fn byte_in_text(&mut self, expr: &Expr) -> String {
        let value = self.scalar(&expr.args[0]);
        let (text, element) = self.text_of(&expr.args[1]);
        let fits = self.let_(format!("icmp ult i64 {value}, 256"));
        self.check(&fits, expr.guards[0], &Details::None);
        let byte = self.let_(format!("trunc i64 {value} to i8"));
        let place = self.alloca("i8");
        self.push(format!("store i8 {byte}, ptr {place}"));
        self.find(&text, &place, "1", element)
    }

    fn find(&mut self, text: &ArrayValue, wanted: &str, count: &str, element: Element) -> String {
        let found = self.let_(format!(
            "call i32 @ungil_text_find(ptr {}, i64 {}, ptr {wanted}, i64 {count}, i64 {})",
            text.data,
            text.sizes[0],
            element.size()
        ));
        self.let_(format!("icmp ne i32 {found}, 0"))
    }
}

/// The element of a text, or of the array of its codes.
fn element_of(ty: Type) -> Element {
    match ty {
        Type::Text(kind) => kind.codes().element,
        Type::Array(array) => array.element,
        _ => unreachable!("the lowering has checked that it is a text"),
    }
}

/// The comparison of codes.
fn unsigned(comparison: Comparison) -> &'static str {
    super::expression::comparison_name(comparison, Type::Bool)
}
