//! Variables: their slots, and what is known of them where they are read.

use ruff_text_size::TextRange;

use super::Lowered;
use super::arithmetic::as_float;
use super::function::FunctionLowerer;
use super::state::{Binding, Holds};
use crate::diagnostic::Diagnostic;
use crate::ir::{Expr, Op, Slot, SlotId, Stmt};
use crate::types::Type;

impl FunctionLowerer<'_, '_> {
    /// The slot of a variable while it holds this type.
    pub(super) fn variable(&mut self, name: &str, ty: Type) -> SlotId {
        let slots = &mut self.slots;
        *self
            .by_name
            .entry((name.to_owned(), ty))
            .or_insert_with(|| {
                slots.push(Slot {
                    name: name.to_owned(),
                    ty,
                    flagged: false,
                });
                slots.len() - 1
            })
    }

    pub(super) fn slot_name(&self, slot: SlotId) -> &str {
        &self.slots[slot].name
    }

    /// A slot of its own.
    pub(super) fn temporary(&mut self, ty: Type) -> SlotId {
        self.slots.push(Slot {
            name: format!("%{}", self.slots.len()),
            ty,
            flagged: false,
        });
        self.slots.len() - 1
    }

    pub(super) fn is_local(&self, name: &str) -> bool {
        self.locals.contains(name) || self.scopes.iter().any(|(known, _)| known == name)
    }

    /// What a variable is called here: those of comprehensions have names of their own.
    pub(super) fn own_name(&self, name: &str) -> String {
        let renamed = self.scopes.iter().rev().find(|(known, _)| known == name);
        renamed.map_or(name, |(_, own)| own).to_owned()
    }

    /// Assigns to a variable.
    pub(super) fn assign(&mut self, name: &str, value: Expr, at: TextRange) {
        let name = self.own_name(name);
        let mut value = value;
        let mut literal = matches!(value.op, Op::Int(_));
        if literal && self.promoted.floats.contains(&name) {
            value = as_float(value);
            literal = false;
        }
        if let Some(&item) = self.promoted.lists.get(&name) {
            value = self.retyped_list(value, item);
        }
        if let Some(&width) = self.widths.get(&name) {
            value = self.fitted(value, width, at);
            literal = false;
        }
        let ty = value.ty;
        let slot = self.variable(&name, ty);
        self.emit(Stmt::Set(slot, value));
        self.state.bind(&name, ty, literal, at);
        self.note_attempts();
    }

    /// Reads a local variable.
    pub(super) fn read(&mut self, name: &str, range: TextRange) -> Lowered<Expr> {
        let own = self.own_name(name);
        let Some(Binding {
            holds,
            maybe_unbound,
            ..
        }) = self.state.get(&own).cloned()
        else {
            let mut refusal = self.refuse(
                Diagnostic::new(range, format!("`{name}` has no value here"))
                    .label("it is assigned to later, or on ways that do not lead here")
                    .help(format!("give `{name}` a value before")),
            );
            refusal.provisional = true;
            return Err(refusal);
        };
        let ty = match holds {
            Holds::One(ty) => ty,
            Holds::Crossing(crossing) => {
                return Err(self.refuse_crossing(name, range, crossing));
            }
            Holds::Clash([(one, here), (other, there)]) => {
                let help = match (one, other) {
                    (Type::Int, Type::Float) | (Type::Float, Type::Int) => {
                        format!("make it a float everywhere: `{name} = float(...)`")
                    }
                    _ => "use two variables".to_owned(),
                };
                return Err(self.refuse(
                    Diagnostic::new(range, format!("`{name}` can have two types here"))
                        .label(format!(
                            "{} or {}?",
                            one.with_article(),
                            other.with_article()
                        ))
                        .context(here, format!("{} on one way", one.with_article()))
                        .context(there, format!("{} on another", other.with_article()))
                        .help(help),
                ));
            }
        };
        let slot = self.variable(&own, ty);
        if !maybe_unbound {
            return Ok(Expr::slot(slot, ty));
        }
        self.slots[slot].flagged = true;
        let guard = self.guard(
            range,
            "UnboundLocalError",
            format!(
                "cannot access local variable '{name}' where it is not associated with a value"
            ),
        );
        Ok(Expr::new(Op::BoundSlot(slot), Vec::new(), ty).guarded(vec![guard]))
    }
}
