//! Parallel loops: `for i in ungil.prange(...)`.

use std::collections::BTreeMap;

use ruff_python_ast as ast;
use ruff_python_ast::visitor::{self, Visitor};
use ruff_text_size::{Ranged, TextRange};

use super::function::FunctionLowerer;
use super::reduction::{self, Kind, Use};
use super::state::{Crossing, Holds};
use super::{Lowered, Refusal};
use crate::diagnostic::Diagnostic;
use crate::environment::Global;
use crate::ir::{Count, Expr, Guard, Op, Parallel, Reduction, Stmt};
use crate::types::Type;

/// What is between the parentheses of a `prange`.
struct Head {
    start: Expr,
    stop: Expr,
    step: Expr,
    ordered: bool,
    threads: Option<(Expr, Guard)>,
}

impl FunctionLowerer<'_, '_> {
    /// The call of `prange` that a loop goes over, if it does.
    pub(super) fn prange_called<'e>(&mut self, iter: &'e ast::Expr) -> Option<&'e ast::ExprCall> {
        let ast::Expr::Call(call) = iter else {
            return None;
        };
        (self.global_called(call) == Some(Global::Parallel)).then_some(call)
    }

    pub(super) fn parallel_loop(
        &mut self,
        stmt: &ast::StmtFor,
        call: &ast::ExprCall,
    ) -> Lowered<()> {
        let ast::Expr::Name(target) = &*stmt.target else {
            return Err(self.refuse(
                Diagnostic::new(stmt.target.range(), "`prange` gives single ints")
                    .label("expected a name")
                    .help("write `for i in ungil.prange(...)`"),
            ));
        };
        if !self.attempts.is_empty() {
            return Err(self.refuse(
                Diagnostic::new(call.func.range(), "a parallel loop is not within `try`")
                    .label("what its iterations have done when one fails is not known")
                    .help("put the loop into a function of its own, and call that within `try`"),
            ));
        }
        self.refuse_ways_out(&stmt.body, call.func.range())?;
        let head = self.parallel_head(call)?;
        let extremes = ["min", "max"].map(|name| {
            let global = self.lowerer.environment.global(self.id, name);
            !self.is_local(name) && global == Global::Builtin(name.to_owned())
        });
        let mut uses = reduction::uses(&stmt.body, extremes == [true; 2]);
        uses.entry(target.id.to_string()).or_insert(Use {
            kind: None,
            assigned: target.range(),
            other: None,
        });
        let slot = self.variable(&target.id, Type::Int);
        let around = call.func.range();
        let (body, at_head, _) = self.until_stable(|this| {
            this.hide(&uses, around, false);
            let at_head = this.state.clone();
            this.state
                .bind(&target.id, Type::Int, false, target.range());
            this.note_attempts();
            this.parallel += 1;
            let body = this.block_of(&stmt.body);
            this.parallel -= 1;
            Ok((body?, at_head))
        })?;
        self.state = at_head;
        let reductions = self.reductions(&uses)?;
        self.hide(&uses, around, true);
        let orelse = self.block_of(&stmt.orelse)?;
        let guard = self.guard(call.range(), "ValueError", "range() arg 3 must not be zero");
        let forked = self.site(
            call.range(),
            "RuntimeError",
            "the process was forked in the middle of this parallel loop: its other threads are not in \
             the child",
        );
        let site = self.push_site(call.range(), None);
        let bounds = (head.start, head.stop, head.step);
        let count = Count {
            orelse,
            parallel: Some(Box::new(Parallel {
                reductions,
                ordered: head.ordered,
                threads: head.threads,
                forked,
            })),
            ..Count::new(slot, bounds, guard, site, body)
        };
        self.refuse_races(&count, &target.id)?;
        self.emit(Stmt::Count(Box::new(count)));
        Ok(())
    }

    fn parallel_head(&mut self, call: &ast::ExprCall) -> Lowered<Head> {
        let (mut ordered, mut threads) = (false, None);
        for keyword in &call.arguments.keywords {
            match (keyword.arg.as_deref(), &keyword.value) {
                (Some("ordered"), ast::Expr::BooleanLiteral(literal)) => ordered = literal.value,
                (Some("ordered"), other) => {
                    return Err(self.refuse(
                        Diagnostic::new(other.range(), "`ordered` has to be a constant")
                            .label("neither `True` nor `False`"),
                    ));
                }
                (Some("threads"), ast::Expr::NoneLiteral(_)) => {}
                (Some("threads"), value) => {
                    let range = value.range();
                    let value = self.expression(value)?;
                    let value = self.expect_int(value, range, "`threads` is an int")?;
                    let guard = self.guard(
                        range,
                        "ValueError",
                        "prange() needs at least 1 thread, not {a}",
                    );
                    threads = Some((self.held(value), guard));
                }
                _ => {
                    return Err(self.refuse(
                        Diagnostic::new(keyword.range(), "`prange` has no such parameter")
                            .label("neither `ordered` nor `threads`"),
                    ));
                }
            }
        }
        let arguments = &call.arguments;
        let (start, stop, step) = self.range_bounds("prange", &arguments.args, call.range())?;
        Ok(Head {
            start,
            stop,
            step,
            ordered,
            threads,
        })
    }

    /// What the body assigns to has no value at its begin, nor after the loop; but for reductions.
    fn hide(&mut self, uses: &BTreeMap<String, Use>, around: TextRange, after: bool) {
        for (name, found) in uses {
            if found.kind.is_none() {
                let crossing = Crossing {
                    assigned: found.assigned,
                    around,
                    other: found.other,
                    after,
                };
                self.state.hide(name, crossing);
            }
        }
    }

    fn reductions(&mut self, uses: &BTreeMap<String, Use>) -> Lowered<Vec<Reduction>> {
        let mut reductions = Vec::new();
        for (name, found) in uses {
            let Some(kind) = found.kind else { continue };
            let Some(binding) = self.state.get(name).cloned() else {
                // Its reading in the body has been refused.
                continue;
            };
            if binding.maybe_unbound {
                return Err(self.refuse(
                    Diagnostic::new(
                        found.assigned,
                        format!("`{name}` may have no value before this loop"),
                    )
                    .label("a reduction begins with the value before")
                    .help(format!("give `{name}` a value before on every way")),
                ));
            }
            let Holds::One(ty) = binding.holds else {
                continue;
            };
            let range = found.assigned;
            let Some(identity) = identity(kind, ty) else {
                return Err(self.refuse(
                    Diagnostic::new(range, format!("`{name}` is no reduction that there is"))
                        .label(format!("{} is reduced like this", ty.with_article()))
                        .help("`and` and `or` reduce bools, the other operations numbers"),
                ));
            };
            let slot = self.variable(name, ty);
            let partial = self.temporary(ty);
            let (left, right) = (Expr::slot(slot, ty), Expr::slot(partial, ty));
            let combined = match kind {
                Kind::Smallest => self.extreme_of_two(true, left, right),
                Kind::Largest => self.extreme_of_two(false, left, right),
                Kind::Sum => self.binary(ast::Operator::Add, left, right, range)?,
                Kind::Product => self.binary(ast::Operator::Mult, left, right, range)?,
                Kind::And | Kind::BitAnd => Expr::new(Op::BitAnd, vec![left, right], ty),
                Kind::Or | Kind::BitOr => Expr::new(Op::BitOr, vec![left, right], ty),
                Kind::BitXor => Expr::new(Op::BitXor, vec![left, right], ty),
            };
            reductions.push(Reduction {
                slot,
                identity,
                partial,
                combined,
            });
        }
        Ok(reductions)
    }

    fn refuse_ways_out(&self, body: &[ast::Stmt], around: TextRange) -> Lowered<()> {
        let mut ways = WaysOut::default();
        ways.visit_body(body);
        let Some((range, what)) = ways.found else {
            return Ok(());
        };
        Err(self.refuse(
            Diagnostic::new(range, format!("a parallel loop has no `{what}`"))
                .label("other iterations have run already, or run right now")
                .context(around, "its iterations run at the same time")
                .help("let every iteration run (`continue` ends one), or use a plain `range`"),
        ))
    }

    /// Why a variable cannot be read that belongs to single iterations of a parallel loop.
    pub(super) fn refuse_crossing(
        &self,
        name: &str,
        range: TextRange,
        crossing: Crossing,
    ) -> Box<Refusal> {
        if crossing.after {
            return self.refuse(
                Diagnostic::new(
                    range,
                    format!("`{name}` has no certain value after the parallel loop"),
                )
                .label("would be what some iteration has left")
                .context(crossing.assigned, "every iteration assigns to its own")
                .context(crossing.around, "the parallel loop")
                .help(format!(
                    "give `{name}` a new value after the loop, or make it a reduction"
                )),
            );
        }
        let mut diagnostic = Diagnostic::new(
            range,
            format!("`{name}` goes from one iteration of a parallel loop to the next"),
        )
        .label("would be what another iteration has left")
        .context(crossing.around, "its iterations run at the same time");
        if let Some(other) = crossing.other.filter(|other| *other != range) {
            let label = format!("but for this, `{name}` would be a reduction");
            diagnostic = diagnostic.context(other, label);
        }
        if crossing.assigned != range && Some(crossing.assigned) != crossing.other {
            diagnostic = diagnostic.context(crossing.assigned, "assigned to here");
        }
        self.refuse(
            diagnostic
                .note(
                    "reductions are `x += ...`, `-=`, `*=`, `&=`, `|=`, `^=`, `x = min(x, ...)`, \
                     `x = max(x, ...)`, `x = x and ...`, `x = x or ...`, where nothing else in the loop \
                     uses `x`",
                )
                .help(format!(
                    "give `{name}` a value in the iteration before it is used, or use a plain `range`"
                )),
        )
    }
}

/// What a part begins with: what changes nothing.
fn identity(kind: Kind, ty: Type) -> Option<Expr> {
    Some(match (kind, ty) {
        // -0.0 + x is x for every x; 0.0 + -0.0 is not.
        (Kind::Sum, Type::Float) => Expr::float(-0.0),
        (Kind::Product, Type::Float) => Expr::float(1.0),
        (Kind::Smallest, Type::Float) => Expr::float(f64::INFINITY),
        (Kind::Largest, Type::Float) => Expr::float(f64::NEG_INFINITY),
        (Kind::Sum | Kind::BitOr | Kind::BitXor, Type::Int) => Expr::int(0),
        (Kind::Product, Type::Int) => Expr::int(1),
        (Kind::Smallest, Type::Int) => Expr::int(i64::MAX),
        (Kind::Largest, Type::Int) => Expr::int(i64::MIN),
        (Kind::BitAnd, Type::Int) => Expr::int(-1),
        (Kind::And | Kind::BitAnd | Kind::Smallest, Type::Bool) => Expr::bool(true),
        (Kind::Or | Kind::BitOr | Kind::BitXor | Kind::Largest, Type::Bool) => Expr::bool(false),
        _ => return None,
    })
}

/// The first statement that leaves a loop's body for good.
#[derive(Default)]
struct WaysOut {
    loops: usize,
    found: Option<(TextRange, &'static str)>,
}

impl<'a> Visitor<'a> for WaysOut {
    fn visit_stmt(&mut self, stmt: &'a ast::Stmt) {
        match stmt {
            ast::Stmt::Return(_) => {
                self.found.get_or_insert((stmt.range(), "return"));
            }
            ast::Stmt::Break(_) if self.loops == 0 => {
                self.found.get_or_insert((stmt.range(), "break"));
            }
            ast::Stmt::FunctionDef(_) | ast::Stmt::ClassDef(_) => {}
            ast::Stmt::For(ast::StmtFor { body, orelse, .. })
            | ast::Stmt::While(ast::StmtWhile { body, orelse, .. }) => {
                self.loops += 1;
                self.visit_body(body);
                self.loops -= 1;
                self.visit_body(orelse);
            }
            _ => visitor::walk_stmt(self, stmt),
        }
    }
}
