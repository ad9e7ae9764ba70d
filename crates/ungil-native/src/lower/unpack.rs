//! Unpacking of lists, and `*name`, which gets a list.

use ruff_python_ast as ast;
use ruff_text_size::TextRange;

use super::Lowered;
use super::function::FunctionLowerer;
use crate::diagnostic::Diagnostic;
use crate::ir::{Comparison, Expr, Op, Stmt};
use crate::types::{Scalar, Type};

impl FunctionLowerer<'_, '_> {
    /// The list of what a starred name takes of a tuple.
    pub(super) fn starred_list(&mut self, items: Vec<Expr>, range: TextRange) -> Lowered<Expr> {
        let one_type = items.windows(2).all(|two| two[0].ty == two[1].ty);
        if !one_type || items.iter().any(|item| Scalar::of(item.ty).is_none()) {
            return Err(self.refuse(
                Diagnostic::new(range, "a native list holds numbers of one type")
                    .label("would be a list of several")
                    .help("name each of them"),
            ));
        }
        Ok(self.new_list(items, range))
    }

    /// `a, b = list` and `a, *b = list`.
    pub(super) fn unpack_list(
        &mut self,
        targets: &[ast::Expr],
        star: Option<usize>,
        list: Expr,
        range: TextRange,
    ) -> Lowered<()> {
        let list = self.held(list);
        let length = Self::list_length(list.clone());
        let length = self.held(length);
        let wanted = targets.len().cast_signed() as i64;
        let fail = |this: &mut Self, comparison, count: i64, message: String| {
            let args = vec![length.clone(), Expr::int(count)];
            let test = Expr::new(Op::Compare(comparison), args, Type::Bool);
            let site = this.site(range, "ValueError", message);
            this.emit(Stmt::If(test, vec![Stmt::Raise(site)], Vec::new()));
        };
        let Some(star) = star else {
            let text = format!("not enough values to unpack (expected {wanted})");
            fail(self, Comparison::Lt, wanted, text);
            let text = format!("too many values to unpack (expected {wanted})");
            fail(self, Comparison::Gt, wanted, text);
            let mut items = Vec::new();
            for at in 0..wanted {
                let item = self.list_item_within(&list, Expr::int(at), range)?;
                items.push(self.held(item));
            }
            return self.assign_values(targets, items);
        };
        let (before, after) = (
            star.cast_signed() as i64,
            wanted - 1 - star.cast_signed() as i64,
        );
        let text = format!(
            "not enough values to unpack (expected at least {})",
            wanted - 1
        );
        fail(self, Comparison::Lt, wanted - 1, text);
        let mut values = Vec::new();
        for at in 0..before {
            let item = self.list_item_within(&list, Expr::int(at), range)?;
            values.push(self.held(item));
        }
        let stop = self.back_from(&length, &Expr::int(after));
        let words = vec![Expr::int(3), Expr::int(before), stop, Expr::int(0)];
        let middle = self.sliced(list.clone(), words, range);
        values.push(self.held(middle));
        for at in (1..=after).rev() {
            let position = self.back_from(&length, &Expr::int(at));
            let item = self.list_item_within(&list, position, range)?;
            values.push(self.held(item));
        }
        self.assign_values(targets, values)
    }
}
