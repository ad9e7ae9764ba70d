//! Loops: their bodies are lowered until what is known at their heads stays the same.

use ruff_python_ast as ast;
use ruff_text_size::{Ranged, TextRange};

use super::Lowered;
use super::function::{FunctionLowerer, LoopFrame};
use super::iterated::Iterated;
use super::state::State;
use crate::diagnostic::Diagnostic;
use crate::ir::{Block, Count, Expr, Op, SlotId, Stmt, While};
use crate::types::Type;

impl FunctionLowerer<'_, '_> {
    /// `break` or `continue`.
    pub(super) fn leave_loop(&mut self, range: TextRange, for_good: bool) -> Lowered<()> {
        if self.loops.is_empty() {
            return Err(self.refuse(
                Diagnostic::new(range, "there is no loop around this").label("not in a loop"),
            ));
        }
        self.finish_attempts(self.loops.len())?;
        let state = std::mem::take(&mut self.state);
        let frame = self.loops.last_mut().expect("asked above");
        if !state.is_reachable() {
            return Ok(());
        }
        let way = if for_good {
            &mut frame.breaks
        } else {
            &mut frame.continues
        };
        *way = std::mem::take(way).join(state, &mut self.promote);
        self.emit(if for_good {
            Stmt::Break
        } else {
            Stmt::Continue
        });
        Ok(())
    }

    pub(super) fn while_loop(&mut self, stmt: &ast::StmtWhile) -> Lowered<()> {
        let forever = matches!(
            &*stmt.test,
            ast::Expr::BooleanLiteral(literal) if literal.value
        );
        let mut test = Expr::bool(true);
        let (body, at_end, frame) = self.until_stable(|this| {
            let mut before = this.emitted(|this| {
                test = this.condition(&stmt.test)?;
                Ok(())
            })?;
            let at_test = this.state.clone();
            let body = this.block_of(&stmt.body)?;
            if before.is_empty() {
                return Ok((body, at_test));
            }
            // The condition needs statements: each round begins with them.
            if !stmt.orelse.is_empty() {
                return Err(this.refuse_statements_of(stmt.test.range()));
            }
            let holds = std::mem::replace(&mut test, Expr::bool(true));
            before.push(Stmt::If(holds, Vec::new(), vec![Stmt::Break]));
            before.extend(body);
            Ok((before, at_test))
        })?;
        self.state = if forever {
            State::unreachable()
        } else {
            at_end
        };
        let orelse = self.block_of(&stmt.orelse)?;
        self.after_loop(frame);
        let site = self.push_site(stmt.test.range(), None);
        self.emit(Stmt::While(While {
            test,
            body,
            orelse,
            site,
        }));
        Ok(())
    }

    /// Lowers a loop's body again and again: gives it, the state where the loop ends by itself, and
    /// the ways out of it. `round` starts in the state at the loop's head and leaves that at its end.
    pub(super) fn until_stable(
        &mut self,
        mut round: impl FnMut(&mut Self) -> Lowered<(Block, State)>,
    ) -> Lowered<(Block, State, LoopFrame)> {
        let mut head = std::mem::take(&mut self.state);
        let unbound_before = self.unbound.take();
        loop {
            self.state = head.clone();
            self.unbound = None;
            self.loops.push(LoopFrame::default());
            let result = round(self);
            let frame = self.loops.pop().expect("pushed above");
            let (body, at_end) = result?;
            let back =
                std::mem::take(&mut self.state).join(frame.continues.clone(), &mut self.promote);
            let next = head.clone().join(back, &mut self.promote);
            if next.agrees_with(&head) {
                self.unbound = unbound_before.or(self.unbound.take());
                return Ok((body, at_end, frame));
            }
            head = next;
        }
    }

    pub(super) fn after_loop(&mut self, frame: LoopFrame) {
        self.state = std::mem::take(&mut self.state).join(frame.breaks, &mut self.promote);
    }

    pub(super) fn for_loop(&mut self, stmt: &ast::StmtFor) -> Lowered<()> {
        if stmt.is_async {
            return Err(self.refuse(
                Diagnostic::new(stmt.range(), "native code cannot wait for coroutines")
                    .label("`async for`")
                    .help("use a plain `for`"),
            ));
        }
        if let Some(call) = self.prange_called(&stmt.iter) {
            return self.parallel_loop(stmt, call);
        }
        let source = self.iterated(&stmt.iter)?;
        self.loop_over(
            &stmt.target,
            &source,
            stmt.iter.range(),
            &stmt.orelse,
            &mut |this| this.statements(&stmt.body),
        )
    }

    /// A loop over what `iter` has turned out to be, whose body is lowered by `inside`.
    pub(super) fn loop_over(
        &mut self,
        target: &ast::Expr,
        source: &Iterated,
        iter: TextRange,
        orelse: &[ast::Stmt],
        inside: &mut dyn FnMut(&mut Self) -> Lowered<()>,
    ) -> Lowered<()> {
        if source.can_change() {
            return self.loop_while_there_are(target, source, iter, orelse, inside);
        }
        // The loop counts in a slot of its own: the body may assign to the variable as it likes.
        let counter = match (source, target) {
            (Iterated::Range { .. }, ast::Expr::Name(name)) if !self.has_width(&name.id) => {
                let own = self.own_name(&name.id);
                let slot = self.variable(&own, Type::Int);
                Counter::Variable(slot, own, name.range())
            }
            _ => Counter::Hidden(self.temporary(Type::Int)),
        };
        let slot = counter.slot();
        let (body, at_head, frame) = self.until_stable(|this| {
            let at_head = this.state.clone();
            let outer = std::mem::take(&mut this.block);
            let result = (|| {
                match &counter {
                    Counter::Variable(_, name, at) => {
                        this.state.bind(name, Type::Int, false, *at);
                        this.note_attempts();
                    }
                    Counter::Hidden(slot) => {
                        let position = Expr::slot(*slot, Type::Int);
                        this.bind_item(target, source, &position)?;
                    }
                }
                inside(this)
            })();
            let body = std::mem::replace(&mut this.block, outer);
            result.map(|()| (body, at_head))
        })?;
        self.state = at_head;
        let orelse = self.emitted(|this| {
            this.all_at_end(source, &source.len(), iter)?;
            this.statements(orelse)
        })?;
        self.after_loop(frame);
        let guard = self.guard(iter, "ValueError", "range() arg 3 must not be zero");
        let site = self.push_site(iter, None);
        self.emit(Stmt::Count(Box::new(Count {
            orelse,
            ..Count::new(slot, source.bounds(), guard, site, body)
        })));
        Ok(())
    }

    /// The value in a slot of its own, unless it is a constant.
    pub(super) fn held(&mut self, value: Expr) -> Expr {
        if matches!(value.op, Op::Int(_) | Op::Float(_) | Op::Bool(_)) {
            return value;
        }
        let ty = value.ty;
        let slot = self.temporary(ty);
        self.emit(Stmt::Set(slot, value));
        Expr::slot(slot, ty)
    }
}

enum Counter {
    Variable(SlotId, String, TextRange),
    Hidden(SlotId),
}

impl Counter {
    fn slot(&self) -> SlotId {
        match self {
            Self::Variable(slot, ..) | Self::Hidden(slot) => *slot,
        }
    }
}
