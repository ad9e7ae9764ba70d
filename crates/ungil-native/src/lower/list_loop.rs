//! Loops over lists, which their bodies may make longer or shorter.

use ruff_python_ast as ast;
use ruff_text_size::TextRange;

use super::Lowered;
use super::function::FunctionLowerer;
use super::iterated::Iterated;
use crate::ir::{Comparison, Expr, Op, Proof, Stmt, While};
use crate::types::Type;

impl FunctionLowerer<'_, '_> {
    pub(super) fn over_list(&mut self, list: Expr) -> Iterated {
        Iterated::List {
            list: self.held(list),
            last: None,
        }
    }

    /// A loop over lists, which the body may change: each round asks whether there is a next item.
    pub(super) fn loop_while_there_are(
        &mut self,
        target: &ast::Expr,
        source: &Iterated,
        iter: TextRange,
        orelse: &[ast::Stmt],
        inside: &mut dyn FnMut(&mut Self) -> Lowered<()>,
    ) -> Lowered<()> {
        let slot = self.temporary(Type::Int);
        let position = Expr::slot(slot, Type::Int);
        self.emit(Stmt::Set(slot, Expr::int(-1)));
        let mut overflow = self.overflow(iter);
        overflow.proof = Proof::Waived;
        let next = Expr::new(Op::Add, vec![position.clone(), Expr::int(1)], Type::Int)
            .guarded(vec![overflow]);
        let test = self.is_more(source, &next);
        let (body, at_head, frame) = self.until_stable(|this| {
            let at_head = this.state.clone();
            let outer = std::mem::take(&mut this.block);
            this.emit(Stmt::Set(slot, next.clone()));
            let result = this
                .bind_item(target, source, &position)
                .and_then(|()| inside(this));
            let body = std::mem::replace(&mut this.block, outer);
            result.map(|()| (body, at_head))
        })?;
        self.state = at_head;
        let orelse = self.emitted(|this| {
            this.all_at_end(source, &next, iter)?;
            this.statements(orelse)
        })?;
        self.after_loop(frame);
        let site = self.push_site(iter, None);
        self.emit(Stmt::While(While {
            test,
            body,
            orelse,
            site,
        }));
        Ok(())
    }

    /// Whether there is an item at a position.
    pub(super) fn is_more(&mut self, source: &Iterated, position: &Expr) -> Expr {
        let less = |one: Expr, other: Expr| {
            Expr::new(Op::Compare(Comparison::Lt), vec![one, other], Type::Bool)
        };
        match source {
            Iterated::List {
                list,
                last: Some(last),
            } => {
                let at = self.back_from(last, position);
                let there = less(at, Self::list_length(list.clone()));
                let begins = Expr::new(
                    Op::Compare(Comparison::Le),
                    vec![position.clone(), last.clone()],
                    Type::Bool,
                );
                Expr::new(Op::And, vec![begins, there], Type::Bool)
            }
            Iterated::List { list, .. } => less(position.clone(), Self::list_length(list.clone())),
            Iterated::Enumerate(inner, _) => self.is_more(inner, position),
            Iterated::Zip(all, ..) => all
                .iter()
                .map(|one| self.is_more(one, position))
                .reduce(|all, one| Expr::new(Op::And, vec![all, one], Type::Bool))
                .expect("there is at least one"),
            Iterated::Range { .. } | Iterated::Array { .. } | Iterated::Steps { .. } => {
                less(position.clone(), source.len())
            }
        }
    }

    pub(super) fn back_from(&mut self, last: &Expr, position: &Expr) -> Expr {
        let mut overflow = self.overflow(TextRange::default());
        overflow.proof = Proof::Waived;
        Expr::new(Op::Sub, vec![last.clone(), position.clone()], Type::Int).guarded(vec![overflow])
    }
}
