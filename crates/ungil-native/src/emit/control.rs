//! Statements.

use super::builder::{Builder, Details, LoopLabels};
use super::value::Value;
use crate::ir::{Stmt, While};

impl Builder<'_> {
    pub(super) fn statements(&mut self, block: &[Stmt]) {
        for stmt in block {
            self.statement(stmt);
        }
    }

    fn statement(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::Set(slot, value) if self.set_narrow(*slot, value) => {}
            Stmt::Set(slot, value) => {
                self.assign(*slot, value);
            }
            Stmt::Unset(slot) => self.unset(*slot),
            Stmt::Store(store) => self.store(store),
            Stmt::Eval(value) => {
                self.value(value);
            }
            Stmt::If(test, then, other) if self.choose(test, then, other) => {}
            Stmt::If(test, then, other) => {
                let test = self.scalar(test);
                let (yes, no, after) = (self.label(), self.label(), self.label());
                self.branch(&test, &yes, &no);
                self.start(&yes);
                self.statements(then);
                self.jump(&after);
                self.start(&no);
                self.statements(other);
                self.jump(&after);
                self.start(&after);
            }
            Stmt::While(inner) => self.while_loop(inner),
            Stmt::Count(count) => self.count_loop(count),
            Stmt::At(line) => self.line = *line,
            Stmt::Break => {
                let label = self.innermost().after.clone();
                self.leave(&label);
            }
            Stmt::Continue => {
                let label = self.innermost().next.clone();
                self.leave(&label);
            }
            Stmt::Return(value) => {
                let ty = value.ty;
                let value = self.value(value);
                self.retain_result(ty, &value);
                self.return_value(&value);
                let unreachable = self.label();
                self.start(&unreachable);
            }
            Stmt::Try(inner) => self.attempt(inner),
            Stmt::Outside(levels, block) => self.outside(*levels, block),
            Stmt::RaiseAgain => self.raise_again(),
            Stmt::Raise(site) => {
                self.fail(&site.to_string(), &Details::None);
                let unreachable = self.label();
                self.start(&unreachable);
            }
        }
    }

    fn innermost(&self) -> &LoopLabels {
        self.loops.last().expect("only loops are left")
    }

    /// Jumps; what follows in the text is never reached, but needs a block.
    pub(super) fn leave(&mut self, label: &str) {
        self.jump(label);
        let unreachable = self.label();
        self.start(&unreachable);
    }

    fn while_loop(&mut self, inner: &While) {
        let [head, body, done, after] = [(); 4].map(|()| self.label());
        self.jump(&head);
        self.start(&head);
        let test = self.scalar(&inner.test);
        self.branch(&test, &body, &done);
        self.start(&body);
        self.burn("1", inner.site);
        self.loops.push(LoopLabels {
            after: after.clone(),
            next: head.clone(),
        });
        self.statements(&inner.body);
        self.loops.pop();
        let marks = self.loop_marks(false);
        self.push(format!("br label %{head}{marks}"));
        self.start(&done);
        self.statements(&inner.orelse);
        self.jump(&after);
        self.start(&after);
    }

    /// The register of a number.
    pub(super) fn scalar(&mut self, expr: &crate::ir::Expr) -> String {
        match self.value(expr) {
            Value::Scalar(register) => register,
            _ => unreachable!("the lowering has checked the types"),
        }
    }
}
