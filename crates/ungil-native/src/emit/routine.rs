//! Calls of `ungil_routine`: arguments in words, results in words.

use super::builder::{Builder, Details};
use super::parts;
use super::value::Value;
use crate::ir::Expr;
use crate::routine::Routine;

impl Builder<'_> {
    pub(super) fn routine(&mut self, routine: Routine, expr: &Expr) -> Value {
        let mut words = Vec::new();
        for arg in &expr.args {
            let value = self.value(arg);
            for (part, ty) in value.flat().into_iter().zip(parts(arg.ty)) {
                words.push(match ty {
                    "i1" => ("i64", self.let_(format!("zext i1 {part} to i64"))),
                    ty => (ty, part),
                });
            }
        }
        let memory = self.alloca(&format!("[{} x i64]", words.len().max(1)));
        let mut at = 0;
        for (ty, word) in &words {
            self.put_word(ty, word, &memory, &mut at);
        }
        let out = self.alloca("[4 x i64]");
        // By this text the cache tells numbers of one version from those of another.
        self.push(format!("; {routine:?}"));
        let end = self.let_(format!(
            "call i32 @ungil_routine(i64 {}, ptr {memory}, i64 {}, ptr {out})",
            routine as usize,
            words.len()
        ));
        if !expr.guards.is_empty() {
            let good = self.let_(format!("icmp eq i32 {end}, 0"));
            let sites: Vec<usize> = expr.guards.iter().map(|guard| guard.site).collect();
            self.unless(&good, |this| {
                let mut site = sites[0].to_string();
                for (number, other) in sites.iter().enumerate().skip(1) {
                    let is = this.let_(format!("icmp eq i32 {end}, {}", number + 1));
                    site = this.let_(format!("select i1 {is}, i32 {other}, i32 {site}"));
                }
                this.fail(&site, &Details::Words(&out));
            });
        }
        let mut at = 0;
        let results: Vec<String> = parts(expr.ty)
            .into_iter()
            .map(|ty| match ty {
                "i1" => {
                    let word = self.take_word("i64", &out, &mut at);
                    self.let_(format!("icmp ne i64 {word}, 0"))
                }
                ty => self.take_word(ty, &out, &mut at),
            })
            .collect();
        Value::of(expr.ty, &mut results.into_iter())
    }
}
