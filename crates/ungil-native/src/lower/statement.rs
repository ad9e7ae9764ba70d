//! Statements.

use ruff_python_ast as ast;
use ruff_python_ast::Stmt as Syntax;
use ruff_text_size::{Ranged, TextRange};

use super::Lowered;
use super::function::FunctionLowerer;
use super::state::State;
use crate::diagnostic::Diagnostic;
use crate::environment::Global;
use crate::ir::{Block, Expr, Message, Op, Raise, Stmt};
use crate::runtime::LARGEST_RESULT;
use crate::types::{Scalar, Type};

impl FunctionLowerer<'_, '_> {
    pub(super) fn statements(&mut self, body: &[Syntax]) -> Lowered<()> {
        for stmt in body {
            if !self.state.is_reachable() {
                // Python never gets there either.
                return Ok(());
            }
            let depth = self.depth();
            let line = self.source.source.place(stmt.range()).line;
            self.emit(Stmt::At(line));
            match self.nested(stmt.range(), |this| this.statement(stmt)) {
                Err(refusal) if refusal.later => {
                    // It is left out, to see whether something is appended to the list.
                    self.return_to(depth);
                    self.unbound.get_or_insert(refusal);
                }
                Err(refusal) if refusal.provisional => {
                    self.return_to(depth);
                    self.unbound.get_or_insert(refusal);
                    self.state = State::unreachable();
                }
                other => other?,
            }
        }
        Ok(())
    }

    /// Lowers into a block of its own.
    pub(super) fn block_of(&mut self, body: &[Syntax]) -> Lowered<Block> {
        let outer = std::mem::take(&mut self.block);
        let result = self.statements(body);
        let inner = std::mem::replace(&mut self.block, outer);
        result.map(|()| inner)
    }

    fn statement(&mut self, stmt: &Syntax) -> Lowered<()> {
        self.whole = match stmt {
            Syntax::Assign(inner) => inner.value.range(),
            Syntax::AnnAssign(inner) => {
                inner.value.as_ref().map_or(stmt.range(), |one| one.range())
            }
            Syntax::Return(inner) => inner.value.as_ref().map_or(stmt.range(), |one| one.range()),
            _ => TextRange::default(),
        };
        match stmt {
            Syntax::Pass(_) => Ok(()),
            Syntax::Expr(inner) => self.expression_statement(&inner.value),
            Syntax::Assign(inner) => self.assignment(inner),
            Syntax::AugAssign(inner) => self.augmented(inner),
            Syntax::AnnAssign(inner) => self.annotated_assignment(inner),
            Syntax::If(inner) => self.if_statement(inner),
            Syntax::While(inner) => self.while_loop(inner),
            Syntax::For(inner) => self.for_loop(inner),
            Syntax::Return(inner) => self.return_statement(inner),
            Syntax::Break(inner) => self.leave_loop(inner.range(), true),
            Syntax::Continue(inner) => self.leave_loop(inner.range(), false),
            Syntax::Assert(inner) => self.assert_statement(inner),
            Syntax::Raise(inner) => self.raise_statement(inner),
            Syntax::FunctionDef(inner) => self.nested_function(inner),
            Syntax::Delete(inner) => inner.targets.iter().try_for_each(|one| self.delete(one)),
            Syntax::Match(inner) => self.match_statement(inner),
            Syntax::Try(inner) => self.try_statement(inner),
            Syntax::Nonlocal(_) if !self.written.is_empty() => Ok(()),
            other => Err(self.refuse_statement(other)),
        }
    }

    fn expression_statement(&mut self, value: &ast::Expr) -> Lowered<()> {
        // A docstring, or `...`.
        if matches!(
            value,
            ast::Expr::StringLiteral(_) | ast::Expr::EllipsisLiteral(_)
        ) {
            return Ok(());
        }
        let value = self.expression(value)?;
        self.emit(Stmt::Eval(value));
        Ok(())
    }

    /// `del`: afterwards the name has no value.
    fn delete(&mut self, target: &ast::Expr) -> Lowered<()> {
        match target {
            ast::Expr::Name(name) => {
                let value = self.read(&name.id, name.range())?;
                if matches!(value.ty, Type::Nested(_)) {
                    return Err(self.refuse(
                        Diagnostic::new(target.range(), "a function inside of a native one stays")
                            .label("a function")
                            .help("leave it out"),
                    ));
                }
                let (Op::Slot(slot) | Op::BoundSlot(slot)) = value.op else {
                    unreachable!("a variable is read from its slot");
                };
                self.emit(Stmt::Eval(value));
                self.emit(Stmt::Unset(slot));
                let own = self.own_name(&name.id);
                self.state.unbind(&own);
                self.note_attempts();
                Ok(())
            }
            ast::Expr::Subscript(subscript) => self.delete_item(subscript),
            ast::Expr::Tuple(tuple) => tuple.elts.iter().try_for_each(|one| self.delete(one)),
            other => Err(self.refuse(
                Diagnostic::new(other.range(), "native code cannot delete this")
                    .label("neither a name nor an item of a list"),
            )),
        }
    }

    fn if_statement(&mut self, stmt: &ast::StmtIf) -> Lowered<()> {
        self.if_else(&stmt.test, &stmt.body, &stmt.elif_else_clauses)
    }

    fn if_else(
        &mut self,
        test: &ast::Expr,
        body: &[Syntax],
        clauses: &[ast::ElifElseClause],
    ) -> Lowered<()> {
        let test = self.condition(test)?;
        let before = self.state.clone();
        let then = self.block_of(body)?;
        let after_then = std::mem::replace(&mut self.state, before);
        let other = match clauses.split_first() {
            None => Vec::new(),
            Some((clause, rest)) => match &clause.test {
                None => self.block_of(&clause.body)?,
                Some(test) => {
                    let outer = std::mem::take(&mut self.block);
                    let result =
                        self.nested(clause.range, |this| this.if_else(test, &clause.body, rest));
                    let inner = std::mem::replace(&mut self.block, outer);
                    result.map(|()| inner)?
                }
            },
        };
        let after_other = std::mem::take(&mut self.state);
        self.state = after_then.join(after_other, &mut self.promote);
        self.emit(Stmt::If(test, then, other));
        Ok(())
    }

    fn return_statement(&mut self, stmt: &ast::StmtReturn) -> Lowered<()> {
        let value = match &stmt.value {
            None => Expr::none(),
            Some(value) => self.expression(value)?,
        };
        let range = stmt.value.as_ref().map_or(stmt.range(), |v| v.range());
        if matches!(value.ty, Type::Nested(_)) {
            return Err(self.refuse(
                Diagnostic::new(range, "a native function cannot return a function")
                    .label("a function")
                    .help("return numbers, and call it here"),
            ));
        }
        if parts_of(value.ty) > LARGEST_RESULT {
            return Err(self.refuse(
                Diagnostic::new(range, "this tuple is too large to be returned")
                    .label(format!("more than {LARGEST_RESULT} numbers"))
                    .help("write them into an array that is passed as an argument"),
            ));
        }
        let value = match self.returns {
            None => {
                self.returns = Some((value.ty, range));
                value
            }
            Some((ty, _)) if ty == value.ty => value,
            Some((ty, at)) => self.returned_as(ty, at, value, range)?,
        };
        let value = match self.returned_width {
            Some(width) => self.fitted(value, width, range),
            None => value,
        };
        self.leave_attempts(0, value)
    }

    fn returned_as(
        &mut self,
        ty: Type,
        at: TextRange,
        value: Expr,
        range: TextRange,
    ) -> Lowered<Expr> {
        let empty = matches!((ty, value.ty), (Type::List(_), Type::List(Scalar::Unknown)));
        let value = if self.returns_annotated || empty {
            self.coerced(value, ty, range)
        } else {
            value
        };
        let other = value.ty;
        if other == ty {
            return Ok(value);
        }
        let diagnostic = Diagnostic::new(
            range,
            format!("`{}` returns values of two types", self.definition.name),
        )
        .label(format!("this is {}", other.with_article()))
        .context(
            at,
            if self.returns_annotated {
                format!("annotated as {}", ty.with_article())
            } else {
                format!("this is {}", ty.with_article())
            },
        );
        let mixed = ty.is_number() && other.is_number() && !self.returns_annotated;
        Err(self.refuse(if mixed {
            diagnostic.help("annotate the result: with `-> float` ints become floats")
        } else {
            diagnostic.help("return values of one type")
        }))
    }

    fn assert_statement(&mut self, stmt: &ast::StmtAssert) -> Lowered<()> {
        let test = self.condition(&stmt.test)?;
        let message = match stmt.msg.as_deref() {
            None => Message::None,
            Some(ast::Expr::StringLiteral(text)) => plain(text.value.to_str()),
            Some(other) => return Err(self.refuse_message(other.range())),
        };
        let error = Raise {
            exception: "AssertionError".to_owned(),
            message,
        };
        let site = self.push_site(stmt.range(), Some(error));
        self.emit(Stmt::If(test, Vec::new(), vec![Stmt::Raise(site)]));
        Ok(())
    }

    fn raise_statement(&mut self, stmt: &ast::StmtRaise) -> Lowered<()> {
        let not_built_in = |this: &Self, range| {
            this.refuse(
                Diagnostic::new(range, "this cannot be raised from native code")
                    .label("not a built-in exception with a constant text")
                    .help("write, for example, `raise ValueError(\"what is wrong\")`"),
            )
        };
        if let Some(cause) = &stmt.cause {
            return Err(self.refuse(
                Diagnostic::new(
                    cause.range(),
                    "native code keeps no exceptions, as causes neither",
                )
                .label("`from`")
                .help("leave it out"),
            ));
        }
        let Some(raised) = stmt.exc.as_deref() else {
            return self.raise_again(stmt.range());
        };
        let (class, message) = match raised {
            ast::Expr::Call(call) if call.arguments.keywords.is_empty() => {
                let message = match &*call.arguments.args {
                    [] => Message::None,
                    [ast::Expr::StringLiteral(text)] => plain(text.value.to_str()),
                    [other, ..] => return Err(self.refuse_message(other.range())),
                };
                (&*call.func, message)
            }
            other => (other, Message::None),
        };
        let exception = match class {
            ast::Expr::Name(name) if !self.is_local(&name.id) => {
                match self.lowerer.environment.global(self.id, &name.id) {
                    Global::Exception(exception) => exception,
                    _ => return Err(not_built_in(self, class.range())),
                }
            }
            _ => return Err(not_built_in(self, class.range())),
        };
        let site = self.push_site(stmt.range(), Some(Raise { exception, message }));
        self.emit(Stmt::Raise(site));
        self.state = State::unreachable();
        Ok(())
    }

    fn refuse_message(&self, range: TextRange) -> Box<super::Refusal> {
        self.refuse(
            Diagnostic::new(range, "native code has no text to build a message from")
                .label("not a constant text")
                .help("use one constant text, in quotes"),
        )
    }
}

/// How many numbers a value consists of.
fn parts_of(ty: Type) -> usize {
    match ty {
        Type::Tuple(items) => items.iter().map(|&item| parts_of(item)).sum(),
        Type::Complex => 2,
        Type::Text(_) => 3,
        _ => 1,
    }
}

/// A user's text as a message: its braces stand for themselves.
fn plain(text: &str) -> Message {
    Message::Text(text.replace('{', "{{").replace('}', "}}"))
}
