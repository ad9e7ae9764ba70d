//! Loops: their bodies are lowered until what is known at their heads stays the same.

use ruff_python_ast as ast;
use ruff_text_size::{Ranged, TextRange};

use super::Lowered;
use super::function::{FunctionLowerer, LoopFrame};
use super::state::State;
use crate::diagnostic::Diagnostic;
use crate::ir::{Block, Count, Expr, Op, SlotId, Stmt, While};
use crate::types::Type;

impl FunctionLowerer<'_, '_> {
    /// `break` or `continue`.
    pub(super) fn leave_loop(&mut self, range: TextRange, for_good: bool) -> Lowered<()> {
        let state = std::mem::take(&mut self.state);
        let Some(frame) = self.loops.last_mut() else {
            return Err(self.refuse(
                Diagnostic::new(range, "there is no loop around this").label("not in a loop"),
            ));
        };
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
            let before = this.block.len();
            test = this.condition(&stmt.test)?;
            if this.block.len() > before {
                return Err(this.refuse_statements_of(stmt.test.range()));
            }
            let at_test = this.state.clone();
            let body = this.block_of(&stmt.body)?;
            Ok((body, at_test))
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
            &stmt.iter,
            &stmt.orelse,
            &mut |this| this.statements(&stmt.body),
        )
    }

    /// A loop over what `iter` has turned out to be, whose body is lowered by `inside`.
    pub(super) fn loop_over(
        &mut self,
        target: &ast::Expr,
        source: &Iterated,
        iter: &ast::Expr,
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
        let orelse = self.block_of(orelse)?;
        self.after_loop(frame);
        let (start, stop, step) = source.bounds();
        let guard = self.guard(iter.range(), "ValueError", "range() arg 3 must not be zero");
        let site = self.push_site(iter.range(), None);
        self.emit(Stmt::Count(Box::new(Count {
            slot,
            start,
            stop,
            step,
            guard,
            site,
            body,
            orelse,
            hoisted: Vec::new(),
            inner: Vec::new(),
            exact: false,
            parallel: None,
        })));
        Ok(())
    }

    /// What a `for` goes over.
    pub(super) fn iterated(&mut self, iter: &ast::Expr) -> Lowered<Iterated> {
        if let ast::Expr::Call(call) = iter
            && let Some(function) = self.builtin_called(call)
        {
            match function.as_str() {
                "range" => return self.range(call),
                "enumerate" => {
                    if let Some(enumerated) = self.enumerated(call)? {
                        return Ok(enumerated);
                    }
                }
                "zip"
                    if call.arguments.keywords.iter().all(is_lax)
                        && !call.arguments.args.is_empty() =>
                {
                    return self.zipped(&call.arguments.args);
                }
                "reversed" if call.arguments.keywords.is_empty() => {
                    if let [inner] = &*call.arguments.args {
                        let inner = self.iterated(inner)?;
                        match inner {
                            Iterated::Range { start, stop, step } => {
                                return self.reversed_range((start, stop, step), call.range());
                            }
                            Iterated::Array {
                                array,
                                len,
                                reversed: false,
                            } => {
                                return Ok(Iterated::Array {
                                    array,
                                    len,
                                    reversed: true,
                                });
                            }
                            Iterated::List { list, last: None } => {
                                let length = Self::list_length(list.clone());
                                let length = self.held(length);
                                let last = self.back_from(&length, &Expr::int(1));
                                let last = Some(self.held(last));
                                return Ok(Iterated::List { list, last });
                            }
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        // A tuple of numbers of one type is gone through as a list is.
        if let ast::Expr::Tuple(tuple) = iter {
            let list = ast::ExprList {
                node_index: tuple.node_index.clone(),
                range: tuple.range,
                elts: tuple.elts.clone(),
                ctx: tuple.ctx,
            };
            let list = self.list_literal(&list)?;
            return Ok(self.over_list(list));
        }
        if let ast::Expr::Name(_)
        | ast::Expr::Subscript(_)
        | ast::Expr::List(_)
        | ast::Expr::ListComp(_)
        | ast::Expr::StringLiteral(_)
        | ast::Expr::BytesLiteral(_)
        | ast::Expr::Attribute(_) = iter
        {
            let value = self.expression(iter)?;
            match value.ty {
                Type::Array(_) => return Ok(self.over_array(value)),
                Type::List(_) => return Ok(self.over_list(value)),
                Type::Text(_) => return Ok(self.over_text(value)),
                Type::Tuple(items) if items.windows(2).all(|two| two[0] == two[1]) => {
                    let kept = self.held(value);
                    let items = super::tuple::items(&kept);
                    let list = self.new_list(items, iter.range());
                    return Ok(self.over_list(list));
                }
                _ => {}
            }
        }
        if self.prange_called(iter).is_some() {
            return Err(self.refuse(
                Diagnostic::new(iter.range(), "native code cannot iterate over this")
                    .label("the range of a parallel loop, within something else")
                    .help("write `for i in ungil.prange(...)`"),
            ));
        }
        Err(self.refuse(
            Diagnostic::new(iter.range(), "native code cannot iterate over this")
                .label("neither a range nor an array, a list or a text")
                .help(
                    "iterate over `range(...)`, an array or a list, or `enumerate`, `zip` or `reversed` \
                     of these",
                ),
        ))
    }

    fn range(&mut self, call: &ast::ExprCall) -> Lowered<Iterated> {
        let arguments = &call.arguments;
        if let Some(keyword) = arguments.keywords.first() {
            return Err(self.refuse(
                Diagnostic::new(keyword.range(), "`range` takes no keyword arguments")
                    .label("not a range that Python knows either"),
            ));
        }
        let (start, stop, step) = self.range_bounds("range", &arguments.args, call.range())?;
        Ok(Iterated::Range { start, stop, step })
    }

    /// Start, stop and step, evaluated before the loop, once: the body may change what they are made of.
    pub(super) fn range_bounds(
        &mut self,
        name: &str,
        arguments: &[ast::Expr],
        range: TextRange,
    ) -> Lowered<(Expr, Expr, Expr)> {
        if !(1..=3).contains(&arguments.len()) {
            return Err(self.refuse(
                Diagnostic::new(range, format!("`{name}` takes one to three ints"))
                    .label("not a range that Python knows either"),
            ));
        }
        let mut values = Vec::new();
        for argument in arguments {
            let value = self.expression(argument)?;
            let title = format!("`{name}` takes ints");
            let value = self.expect_int(value, argument.range(), &title)?;
            values.push(self.held(value));
        }
        let step = if values.len() == 3 {
            values.pop().expect("there are three")
        } else {
            Expr::int(1)
        };
        let stop = values.pop().expect("there is at least one");
        let start = values.pop().unwrap_or_else(|| Expr::int(0));
        Ok((start, stop, step))
    }

    fn over_text(&mut self, text: Expr) -> Iterated {
        let text = self.held(text);
        Iterated::Array {
            len: super::text::length(text.clone()),
            array: text,
            reversed: false,
        }
    }

    fn over_array(&mut self, array: Expr) -> Iterated {
        let array = self.held(array);
        let len = Expr::new(Op::Dim(0), vec![array.clone()], Type::Int);
        Iterated::Array {
            array,
            len,
            reversed: false,
        }
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

    /// Assigns what is at a position to the loop's target.
    pub(super) fn bind_item(
        &mut self,
        target: &ast::Expr,
        source: &Iterated,
        position: &Expr,
    ) -> Lowered<()> {
        let pair = match target {
            ast::Expr::Tuple(tuple) => Some(&tuple.elts[..]),
            _ => None,
        };
        match (source, pair) {
            (Iterated::Enumerate(inner, start), Some([index, value])) => {
                let number = self.number_at(start, position, index.range())?;
                self.assign_to(index, number)?;
                self.bind_item(value, inner, position)
            }
            (Iterated::Zip(all, _), Some(targets)) if targets.len() == all.len() => {
                for (target, source) in targets.iter().zip(all) {
                    self.bind_item(target, source, position)?;
                }
                Ok(())
            }
            (Iterated::Enumerate(..) | Iterated::Zip(..), _) => Err(self.refuse(
                Diagnostic::new(target.range(), "this loop gives several values each time")
                    .label("expected a name for each")
                    .help("write `for a, b in ...`"),
            )),
            (Iterated::Steps { start, step, .. }, _) => {
                let value = self.step_at(start, *step, position);
                self.assign_to(target, value)
            }
            (Iterated::Range { .. }, _) => self.assign_to(target, position.clone()),
            (
                Iterated::Array {
                    array,
                    len,
                    reversed,
                },
                _,
            ) => {
                let value = self.array_item(array, len, *reversed, position, target.range());
                self.assign_to(target, value)
            }
            (Iterated::List { list, last }, _) => {
                let at = match last {
                    Some(last) => self.back_from(last, position),
                    None => position.clone(),
                };
                let value = self.list_item_within(list, at, target.range())?;
                self.assign_to(target, value)
            }
        }
    }
}

/// `strict=False`, which is what `zip` does anyway.
fn is_lax(keyword: &ast::Keyword) -> bool {
    let strict = keyword.arg.as_ref().is_some_and(|name| &**name == "strict");
    strict && matches!(&keyword.value, ast::Expr::BooleanLiteral(literal) if !literal.value)
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

/// What a `for` goes over.
pub(super) enum Iterated {
    Range {
        start: Expr,
        stop: Expr,
        step: Expr,
    },
    /// An array or a text.
    Array {
        array: Expr,
        len: Expr,
        reversed: bool,
    },
    List {
        list: Expr,
        /// The last position, where it is gone through backwards.
        last: Option<Expr>,
    },
    /// A range within the others, by position.
    Steps {
        start: Expr,
        step: i64,
        len: Expr,
    },
    /// With the number that the first one has.
    Enumerate(Box<Iterated>, Expr),
    /// All together, and the length of the shortest one, unless that can change.
    Zip(Vec<Iterated>, Expr),
}

impl Iterated {
    /// How many rounds there are, or the end of the range.
    pub(super) fn len(&self) -> Expr {
        match self {
            Self::Range { stop, .. } => stop.clone(),
            Self::Array { len, .. } | Self::Zip(_, len) | Self::Steps { len, .. } => len.clone(),
            Self::Enumerate(inner, _) => inner.len(),
            Self::List { list, .. } => unreachable!("{list:?} has no fixed length"),
        }
    }

    /// Whether the loop's body can make it longer or shorter.
    pub(super) fn can_change(&self) -> bool {
        match self {
            Self::Range { .. } | Self::Array { .. } | Self::Steps { .. } => false,
            Self::List { .. } => true,
            Self::Enumerate(inner, _) => inner.can_change(),
            Self::Zip(all, _) => all.iter().any(Self::can_change),
        }
    }

    /// The range that the loop counts over.
    fn bounds(&self) -> (Expr, Expr, Expr) {
        match self {
            Self::Range { start, stop, step } => (start.clone(), stop.clone(), step.clone()),
            other => (Expr::int(0), other.len(), Expr::int(1)),
        }
    }
}
