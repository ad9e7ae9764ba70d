//! Sums and the like of whole arrays: calls of `ungil_fold`.

use super::builder::{Builder, Details};
use crate::ir::Expr;
use crate::runtime::fold::{self, Fold};
use crate::types::Type;

impl Builder<'_> {
    pub(super) fn fold(&mut self, fold: Fold, expr: &Expr) -> String {
        let mut elements = Vec::new();
        let mut arrays = Vec::new();
        let mut sizes = Vec::new();
        for arg in &expr.args {
            let (array, ty) = self.array(arg);
            elements.push(ty.element);
            sizes.push(array.sizes[0].clone());
            let strides = self.strides(&array, ty);
            let words = self.alloca(&format!("[{} x i64]", 1 + 2 * array.sizes.len()));
            let mut at = 0;
            self.put_word("ptr", &array.data, &words, &mut at);
            for word in array.sizes.iter().chain(&strides) {
                self.put_word("i64", word, &words, &mut at);
            }
            arrays.push(words);
        }
        let Type::Array(first) = expr.args[0].ty else {
            unreachable!("the lowering has checked that it is an array");
        };
        let code = fold::code(fold, [elements[0], elements[elements.len() - 1]]);
        let other = arrays.get(1).map_or("null", String::as_str);
        let result = self.alloca("i64");
        let end = self.let_(format!(
            "call i32 @ungil_fold(i64 {code}, i64 {}, ptr {}, ptr {other}, ptr {result})",
            first.dimensions, arrays[0]
        ));
        let details = (sizes[0].clone(), sizes[sizes.len() - 1].clone());
        self.folded(expr, &end, &result, &Details::Ints(&details.0, &details.1))
    }

    /// The result in memory, unless there is none.
    pub(super) fn folded(
        &mut self,
        expr: &Expr,
        end: &str,
        result: &str,
        details: &Details<'_>,
    ) -> String {
        let good = self.let_(format!("icmp eq i32 {end}, 0"));
        let sites: Vec<usize> = expr.guards.iter().map(|guard| guard.site).collect();
        self.unless(&good, |this| {
            let overflow = this.let_(format!("icmp eq i32 {end}, 1"));
            let empty = this.let_(format!("icmp eq i32 {end}, 2"));
            let site = this.let_(format!(
                "select i1 {empty}, i32 {}, i32 {}",
                sites[1], sites[2]
            ));
            let site = this.let_(format!(
                "select i1 {overflow}, i32 {}, i32 {site}",
                sites[0]
            ));
            this.fail(&site, details);
        });
        let word = self.let_(format!("load i64, ptr {result}"));
        match expr.ty {
            Type::Float => self.let_(format!("bitcast i64 {word} to double")),
            Type::Bool => self.let_(format!("icmp ne i64 {word}, 0")),
            _ => word,
        }
    }
}
