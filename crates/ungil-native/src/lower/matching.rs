//! `match` of numbers and tuples.

use ruff_python_ast as ast;
use ruff_python_ast::{CmpOp, Pattern};
use ruff_text_size::{Ranged, TextRange};

use super::function::FunctionLowerer;
use super::{Lowered, Refusal};
use crate::diagnostic::Diagnostic;
use crate::ir::{Expr, Op, Stmt};
use crate::types::Type;

/// What a pattern asks, and the names that it gives values to.
struct Asked<'a> {
    /// The conditions, all of which have to hold, in order.
    tests: Vec<Expr>,
    captures: Vec<(&'a ast::Identifier, Expr)>,
}

impl FunctionLowerer<'_, '_> {
    pub(super) fn match_statement(&mut self, stmt: &ast::StmtMatch) -> Lowered<()> {
        let subject = self.expression(&stmt.subject)?;
        if !subject.ty.is_small() {
            return Err(self.refuse(
                Diagnostic::new(
                    stmt.subject.range(),
                    "native code matches numbers and tuples of them",
                )
                .label(format!("this is {}", subject.ty.with_article()))
                .help("match its items, or write `if` and `elif`"),
            ));
        }
        let subject = self.held(subject);
        self.cases(&stmt.cases, &subject)
    }

    fn cases(&mut self, cases: &[ast::MatchCase], subject: &Expr) -> Lowered<()> {
        let Some((case, rest)) = cases.split_first() else {
            return Ok(());
        };
        let asked = self.asked(&case.pattern, subject)?;
        let test = asked
            .tests
            .into_iter()
            .reduce(|all, one| Expr::new(Op::And, vec![all, one], Type::Bool));
        let Some(guard) = &case.guard else {
            let Some(test) = test else {
                // It takes all that is left.
                self.capture(asked.captures);
                return self.statements(&case.body);
            };
            return self.either(
                test,
                |this| {
                    this.capture(asked.captures);
                    this.statements(&case.body)
                },
                |this| this.nested(case.range, |this| this.cases(rest, subject)),
            );
        };
        // Names get their values before the guard is asked, also where it says no.
        let matched = self.temporary(Type::Bool);
        self.emit(Stmt::Set(matched, Expr::bool(false)));
        let guarded = |this: &mut Self| {
            this.capture(asked.captures);
            let value = this.condition(guard)?;
            this.emit(Stmt::Set(matched, value));
            Ok(())
        };
        match test {
            None => guarded(self)?,
            Some(test) => self.either(test, guarded, |_| Ok(()))?,
        }
        self.either(
            Expr::slot(matched, Type::Bool),
            |this| this.statements(&case.body),
            |this| this.nested(case.range, |this| this.cases(rest, subject)),
        )
    }

    /// `if` with two blocks.
    pub(super) fn either(
        &mut self,
        test: Expr,
        then: impl FnOnce(&mut Self) -> Lowered<()>,
        other: impl FnOnce(&mut Self) -> Lowered<()>,
    ) -> Lowered<()> {
        let before = self.state.clone();
        let then = self.emitted(then)?;
        let after_then = std::mem::replace(&mut self.state, before);
        let other = self.emitted(other)?;
        let after_other = std::mem::take(&mut self.state);
        self.state = after_then.join(after_other, &mut self.promote);
        self.emit(Stmt::If(test, then, other));
        Ok(())
    }

    fn capture(&mut self, captures: Vec<(&ast::Identifier, Expr)>) {
        for (name, value) in captures {
            self.assign(name, value, name.range());
        }
    }

    /// What a pattern asks of a value that is in a slot.
    fn asked<'p>(&mut self, pattern: &'p Pattern, value: &Expr) -> Lowered<Asked<'p>> {
        self.nested(pattern.range(), |this| this.asked_by(pattern, value))
    }

    fn asked_by<'p>(&mut self, pattern: &'p Pattern, value: &Expr) -> Lowered<Asked<'p>> {
        let mut asked = Asked {
            tests: Vec::new(),
            captures: Vec::new(),
        };
        match pattern {
            Pattern::MatchValue(inner) => {
                let wanted = self.branch(&inner.value)?;
                asked.tests.push(self.equal(value, wanted, inner.range())?);
            }
            Pattern::MatchSingleton(inner) => {
                let wanted = match inner.value {
                    ast::Singleton::None => None,
                    ast::Singleton::True => Some(true),
                    ast::Singleton::False => Some(false),
                };
                asked.tests.push(match wanted {
                    Some(wanted) if value.ty == Type::Bool => {
                        self.equal(value, Expr::bool(wanted), inner.range())?
                    }
                    _ => Expr::bool(false),
                });
            }
            Pattern::MatchAs(inner) => {
                if let Some(pattern) = &inner.pattern {
                    asked = self.asked(pattern, value)?;
                }
                asked
                    .captures
                    .extend(inner.name.iter().map(|name| (name, value.clone())));
            }
            Pattern::MatchOr(inner) => return self.alternatives(inner, value),
            Pattern::MatchSequence(inner) => return self.sequence(inner, value),
            Pattern::MatchClass(inner) => return self.class(inner, value),
            Pattern::MatchMapping(_) | Pattern::MatchStar(_) => {
                return Err(self.refuse_pattern(pattern.range()));
            }
        }
        Ok(asked)
    }

    fn refuse_pattern(&self, range: TextRange) -> Box<Refusal> {
        self.refuse(
            Diagnostic::new(range, "native code has no patterns of this kind")
                .label("not in the native language")
                .help(
                    "there are numbers, names, `_`, tuples, `|` and `int()`, `float()`, `bool()`",
                ),
        )
    }

    /// Values of other types than the pattern's are not equal, as in Python.
    fn equal(&mut self, value: &Expr, wanted: Expr, range: TextRange) -> Lowered<Expr> {
        let number = |ty: Type| ty.is_number() || ty == Type::Complex;
        if number(value.ty) != number(wanted.ty) {
            return Ok(Expr::bool(false));
        }
        self.comparison(CmpOp::Eq, value.clone(), wanted, range)
    }

    fn alternatives<'p>(
        &mut self,
        pattern: &'p ast::PatternMatchOr,
        value: &Expr,
    ) -> Lowered<Asked<'p>> {
        let mut test: Option<Expr> = None;
        for one in pattern.patterns.iter().rev() {
            let asked = self.asked(one, value)?;
            if let Some((name, _)) = asked.captures.first() {
                return Err(self.refuse(
                    Diagnostic::new(name.range(), "alternatives of a pattern give no names here")
                        .label("a name")
                        .help("write a `case` for each, or `as` behind all of them"),
                ));
            }
            let own = asked
                .tests
                .into_iter()
                .reduce(|all, one| Expr::new(Op::And, vec![all, one], Type::Bool))
                .unwrap_or_else(|| Expr::bool(true));
            test = Some(match test {
                None => own,
                Some(test) => Expr::new(Op::Or, vec![own, test], Type::Bool),
            });
        }
        Ok(Asked {
            tests: test.into_iter().collect(),
            captures: Vec::new(),
        })
    }

    fn sequence<'p>(
        &mut self,
        pattern: &'p ast::PatternMatchSequence,
        value: &Expr,
    ) -> Lowered<Asked<'p>> {
        let mut asked = Asked {
            tests: Vec::new(),
            captures: Vec::new(),
        };
        let patterns = &pattern.patterns;
        let star = patterns
            .iter()
            .position(|one| matches!(one, Pattern::MatchStar(_)));
        let fits = match (value.ty, star) {
            (Type::Tuple(items), None) => items.len() == patterns.len(),
            (Type::Tuple(items), Some(_)) => items.len() + 1 >= patterns.len(),
            _ => false,
        };
        if !fits {
            asked.tests.push(Expr::bool(false));
            return Ok(asked);
        }
        let items = super::tuple::items(value);
        let taken = items.len() + 1 - patterns.len().min(items.len() + 1);
        let mut at = 0;
        for (position, one) in patterns.iter().enumerate() {
            if star == Some(position) {
                let Pattern::MatchStar(inner) = one else {
                    unreachable!("found above");
                };
                let count = taken;
                if let Some(name) = &inner.name {
                    let items = items[at..at + count].to_vec();
                    let list = self.starred_list(items, name.range())?;
                    asked.captures.push((name, list));
                }
                at += count;
                continue;
            }
            let item = self.held(items[at].clone());
            let inner = self.asked(one, &item)?;
            asked.tests.extend(inner.tests);
            asked.captures.extend(inner.captures);
            at += 1;
        }
        Ok(asked)
    }

    /// `int()`, `float(x)` and the like: known from the type.
    fn class<'p>(
        &mut self,
        pattern: &'p ast::PatternMatchClass,
        value: &Expr,
    ) -> Lowered<Asked<'p>> {
        let class = match &*pattern.cls {
            ast::Expr::Name(name) if !self.is_local(&name.id) => {
                self.lowerer.environment.global(self.id, &name.id)
            }
            _ => return Err(self.refuse_pattern(pattern.range())),
        };
        let crate::environment::Global::Builtin(class) = class else {
            return Err(self.refuse_pattern(pattern.range()));
        };
        let is = match class.as_str() {
            "int" => matches!(value.ty, Type::Int | Type::Bool),
            "bool" => value.ty == Type::Bool,
            "float" => value.ty == Type::Float,
            "complex" => value.ty == Type::Complex,
            "tuple" => matches!(value.ty, Type::Tuple(_)),
            _ => return Err(self.refuse_pattern(pattern.range())),
        };
        if !pattern.arguments.keywords.is_empty() {
            return Err(self.refuse_pattern(pattern.range()));
        }
        let mut asked = match &pattern.arguments.patterns[..] {
            [inner] if is && class != "complex" => self.asked(inner, value)?,
            [] | [_] if !(is && class == "complex") => Asked {
                tests: Vec::new(),
                captures: Vec::new(),
            },
            _ => return Err(self.refuse_pattern(pattern.range())),
        };
        if !is {
            asked.tests.insert(0, Expr::bool(false));
        }
        Ok(asked)
    }
}
