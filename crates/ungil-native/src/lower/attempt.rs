//! `try`, `except`, `else`, `finally`.
//!
//! `finally` is lowered once for each way that leads out: the end, `return`, `break`, `continue`, errors.

use ruff_python_ast as ast;
use ruff_text_size::{Ranged, TextRange};

use super::Lowered;
use super::function::FunctionLowerer;
use super::state::State;
use crate::diagnostic::Diagnostic;
use crate::environment::Global;
use crate::exceptions;
use crate::ir::{Expr, Handler, Op, Stmt, Try};

/// A `try` that is being lowered: one of its blocks whose errors it handles.
pub(super) struct Attempt<'a> {
    /// What is known where something fails.
    raised: State,
    /// What is done on every way out.
    last: Option<&'a [ast::Stmt]>,
    /// How many loops are around it.
    loops: usize,
}

impl<'a> FunctionLowerer<'a, '_> {
    pub(super) fn try_statement(&mut self, stmt: &ast::StmtTry) -> Lowered<()> {
        if stmt.is_star {
            return Err(self.refuse(
                Diagnostic::new(
                    head(stmt.range(), "try"),
                    "native code has no groups of exceptions",
                )
                .label("`except*`")
                .help("write `except`"),
            ));
        }
        if stmt.finalbody.is_empty() {
            return self.handled(stmt);
        }
        // Where the function's text is found again: it lives as long as the function's lowering.
        let last: &'a [ast::Stmt] = self.text_of(stmt);
        let (body, raised) = self.attempted(Some(last), |this| {
            if stmt.handlers.is_empty() {
                this.statements(&stmt.body)
            } else {
                this.handled(stmt)
            }
        })?;
        let normal = std::mem::replace(&mut self.state, raised);
        self.handling += 1;
        let failed = self.emitted(|this| {
            this.statements(&stmt.finalbody)?;
            if this.state.is_reachable() {
                this.emit(Stmt::RaiseAgain);
            }
            Ok(())
        });
        self.handling -= 1;
        let handlers = vec![Handler {
            classes: None,
            body: failed?,
        }];
        self.state = normal;
        let orelse = if self.state.is_reachable() {
            self.emitted(|this| this.statements(&stmt.finalbody))?
        } else {
            Vec::new()
        };
        self.emit(Stmt::Try(Box::new(Try {
            body,
            handlers,
            orelse,
        })));
        Ok(())
    }

    /// A block whose errors are handled, and what is known where one is.
    fn attempted(
        &mut self,
        last: Option<&'a [ast::Stmt]>,
        lower: impl FnOnce(&mut Self) -> Lowered<()>,
    ) -> Lowered<(Vec<Stmt>, State)> {
        self.attempts.push(Attempt {
            raised: self.state.clone(),
            last,
            loops: self.loops.len(),
        });
        let body = self.emitted(lower);
        let raised = self.attempts.pop().map(|attempt| attempt.raised);
        Ok((body?, raised.unwrap_or_default()))
    }

    /// `try` with `except` and `else`.
    fn handled(&mut self, stmt: &ast::StmtTry) -> Lowered<()> {
        let (body, raised) = self.attempted(None, |this| this.statements(&stmt.body))?;
        let orelse = self.emitted(|this| this.statements(&stmt.orelse))?;
        let mut after = std::mem::take(&mut self.state);
        let mut handlers = Vec::new();
        for handler in &stmt.handlers {
            let ast::ExceptHandler::ExceptHandler(handler) = handler;
            let classes = self.classes(handler)?;
            self.state = raised.clone();
            self.handling += 1;
            let body = self.emitted(|this| this.statements(&handler.body));
            self.handling -= 1;
            handlers.push(Handler {
                classes: Some(classes),
                body: body?,
            });
            after = after.join(std::mem::take(&mut self.state), &mut self.promote);
        }
        self.state = after;
        self.emit(Stmt::Try(Box::new(Try {
            body,
            handlers,
            orelse,
        })));
        Ok(())
    }

    fn classes(&mut self, handler: &ast::ExceptHandlerExceptHandler) -> Lowered<Vec<String>> {
        let Some(class) = handler.type_.as_deref() else {
            return Err(self.refuse(
                Diagnostic::new(
                    head(handler.range(), "except"),
                    "this would take Ctrl-C as well",
                )
                .label("`except` of everything")
                .help("write `except Exception`"),
            ));
        };
        if let Some(name) = &handler.name {
            return Err(self.refuse(
                Diagnostic::new(name.range(), "native code keeps no exceptions")
                    .label("would be one")
                    .help("leave `as` out; `raise` alone raises it again"),
            ));
        }
        let classes = match class {
            ast::Expr::Tuple(tuple) => &tuple.elts[..],
            one => std::slice::from_ref(one),
        };
        let mut names = Vec::new();
        for class in classes {
            let global = match class {
                ast::Expr::Name(name) if !self.is_local(&name.id) => {
                    self.lowerer.environment.global(self.id, &name.id)
                }
                _ => Global::Missing,
            };
            match global {
                Global::Exception(name) if exceptions::is_a(&name, "Exception") => names.push(name),
                Global::Exception(_) => {
                    return Err(self.refuse(
                        Diagnostic::new(
                            class.range(),
                            "this does not arise in native code, or is Ctrl-C",
                        )
                        .label("not a subclass of `Exception`")
                        .help("catch it where the native function is called"),
                    ));
                }
                _ => {
                    return Err(self.refuse(
                        Diagnostic::new(
                            class.range(),
                            "native code catches built-in exceptions only",
                        )
                        .label("not one by its name")
                        .help("write `except ValueError`, or several in a tuple"),
                    ));
                }
            }
        }
        Ok(names)
    }

    /// `raise` alone.
    pub(super) fn raise_again(&mut self, range: TextRange) -> Lowered<()> {
        if self.handling == 0 {
            return Err(self.refuse(
                Diagnostic::new(range, "what this raises again is not known here")
                    .label("not within `except`")
                    .help("name what is raised: `raise ValueError(\"what is wrong\")`"),
            ));
        }
        self.emit(Stmt::RaiseAgain);
        self.state = State::unreachable();
        Ok(())
    }

    /// What is known now may be what is known where something fails.
    pub(super) fn note_attempts(&mut self) {
        for attempt in &mut self.attempts {
            let raised = std::mem::take(&mut attempt.raised);
            attempt.raised = raised.join(self.state.clone(), &mut self.promote);
        }
    }

    /// Does what `finally` says on the way out of those `try` statements that have as many loops around.
    pub(super) fn finish_attempts(&mut self, loops: usize) -> Lowered<()> {
        let mut left = Vec::new();
        let mut result = Ok(());
        while let Some(attempt) = self.attempts.pop_if(|attempt| attempt.loops >= loops) {
            let last = attempt.last;
            left.push(attempt);
            let Some(last) = last else { continue };
            let block = self.emitted(|this| this.statements(last));
            match block {
                Ok(block) => self.emit(Stmt::Outside(left.len(), block)),
                Err(refusal) => {
                    result = Err(refusal);
                    break;
                }
            }
            if !self.state.is_reachable() {
                break;
            }
        }
        self.attempts.extend(left.into_iter().rev());
        result
    }

    /// Returns, after all that `finally` says.
    pub(super) fn leave_attempts(&mut self, loops: usize, value: Expr) -> Lowered<()> {
        let range = self.definition.name.range();
        let mut value = value;
        if self.attempts.iter().any(|attempt| attempt.last.is_some()) {
            if !matches!(value.op, Op::None) {
                value = self.held(value);
            }
            self.finish_attempts(loops)?;
            if !self.state.is_reachable() {
                return Ok(());
            }
        }
        let value = self.with_written(value, range)?;
        self.emit(Stmt::Return(value));
        self.state = State::unreachable();
        Ok(())
    }

    /// The `finally` of a statement, out of the function's own text.
    fn text_of(&self, stmt: &ast::StmtTry) -> &'a [ast::Stmt] {
        use ruff_python_ast::visitor::{self, Visitor};
        struct Finder<'a>(TextRange, &'a [ast::Stmt]);
        impl<'a> Visitor<'a> for Finder<'a> {
            fn visit_stmt(&mut self, stmt: &'a ast::Stmt) {
                match stmt {
                    ast::Stmt::Try(inner) if inner.range() == self.0 => self.1 = &inner.finalbody,
                    _ => visitor::walk_stmt(self, stmt),
                }
            }
        }
        let mut finder = Finder(stmt.range(), &[]);
        finder.visit_body(&self.definition.body);
        finder.1
    }
}

/// The word that a statement begins with, which can be long.
fn head(range: TextRange, word: &str) -> TextRange {
    TextRange::at(range.start(), (word.len() as u32).into())
}
