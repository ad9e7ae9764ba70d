//! The program as text, for tests and reports: `!` marks a check that is made, `^` one made before the loop.

use std::fmt::{self, Write as _};

use super::{Block, Expr, Function, Op, Proof, Stmt};

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parameters: Vec<String> = self
            .parameters
            .iter()
            .map(|&slot| self.slot(slot))
            .collect();
        writeln!(
            f,
            "def {}({}) -> {}",
            self.name,
            parameters.join(", "),
            self.returns
        )?;
        let mut text = String::new();
        self.block(&self.body, 1, &mut text)?;
        f.write_str(&text)
    }
}

impl Function {
    fn slot(&self, slot: usize) -> String {
        format!("{}.{}", self.slots[slot].name, self.slots[slot].ty)
    }

    fn block(&self, block: &Block, depth: usize, out: &mut String) -> fmt::Result {
        for stmt in block {
            let head = match stmt {
                Stmt::At(_) => continue,
                Stmt::Set(slot, value) => {
                    format!("{} = {}", self.slot(*slot), self.expression(value))
                }
                Stmt::Store(store) => format!(
                    "{}{}[{}] = {}",
                    marks(&store.guards),
                    self.expression(&store.array),
                    self.expressions(&store.index),
                    self.expression(&store.value)
                ),
                Stmt::Eval(value) => self.expression(value),
                Stmt::If(test, ..) => format!("if {}", self.expression(test)),
                Stmt::While(inner) => format!("while {}", self.expression(&inner.test)),
                Stmt::Count(count) => format!(
                    "{}for {} in {}..{} by {}{}",
                    if count.parallel.is_some() {
                        "parallel "
                    } else {
                        ""
                    },
                    self.slot(count.slot),
                    self.expression(&count.start),
                    self.expression(&count.stop),
                    self.expression(&count.step),
                    if count.hoisted.is_empty() {
                        String::new()
                    } else {
                        format!(" with {} checks before it", count.hoisted.len())
                    }
                ),
                Stmt::Unset(slot) => format!("del {}", self.slot(*slot)),
                Stmt::Break => "break".to_owned(),
                Stmt::Continue => "continue".to_owned(),
                Stmt::Return(value) => format!("return {}", self.expression(value)),
                Stmt::Raise(_) => "raise".to_owned(),
                Stmt::Try(_) => "try".to_owned(),
                Stmt::Outside(..) => "finally".to_owned(),
                Stmt::RaiseAgain => "raise again".to_owned(),
            };
            writeln!(out, "{:1$}{head}", "", 2 * depth)?;
            for (index, nested) in stmt.blocks().into_iter().enumerate() {
                if index == 1 && nested.iter().any(|stmt| !matches!(stmt, Stmt::At(_))) {
                    writeln!(out, "{:1$}else", "", 2 * depth)?;
                }
                self.block(nested, depth + 1, out)?;
            }
        }
        Ok(())
    }

    fn expressions(&self, all: &[Expr]) -> String {
        let texts: Vec<String> = all.iter().map(|one| self.expression(one)).collect();
        texts.join(", ")
    }

    fn expression(&self, expr: &Expr) -> String {
        let marks = marks(&expr.guards);
        match &expr.op {
            Op::Int(value) => format!("{value}"),
            Op::Float(value) => format!("{value:?}"),
            Op::Bool(value) => format!("{value}"),
            Op::None => "None".to_owned(),
            Op::Slot(slot) | Op::BoundSlot(slot) => format!("{marks}{}", self.slot(*slot)),
            Op::Let(slot) => format!(
                "let {} = {}",
                self.slot(*slot),
                self.expressions(&expr.args)
            ),
            op => {
                let mut name = format!("{op:?}").to_lowercase();
                name.retain(|character| !character.is_whitespace());
                format!("{marks}{name}({})", self.expressions(&expr.args))
            }
        }
    }
}

fn marks(guards: &[super::Guard]) -> String {
    guards
        .iter()
        .filter_map(|guard| match guard.proof {
            Proof::Open => Some('!'),
            Proof::Hoisted | Proof::Outer => Some('^'),
            Proof::Proved | Proof::Waived => None,
        })
        .collect()
}
