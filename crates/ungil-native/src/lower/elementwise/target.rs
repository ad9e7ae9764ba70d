//! Assignments to parts of arrays and to whole ones.

use ruff_python_ast as ast;
use ruff_text_size::{Ranged, TextRange};

use super::super::Lowered;
use super::super::function::FunctionLowerer;
use super::dtype::same_kind;
use super::join::{Pending, array_type, same_sizes, shape_text, size_along};
use crate::diagnostic::Diagnostic;
use crate::ir::{Expr, Op, Stmt};
use crate::types::Type;

impl FunctionLowerer<'_, '_> {
    /// Whether a subscript of an array is a part of it, no element.
    pub(in crate::lower) fn is_part(target: &ast::ExprSubscript, array: &Expr) -> bool {
        let Type::Array(ty) = array.ty else {
            return false;
        };
        let parts = super::super::index::parts(&target.slice);
        parts.len() < usize::from(ty.dimensions)
            || parts.iter().any(|part| matches!(part, ast::Expr::Slice(_)))
    }

    /// `a[...] = value` where that is a part of an array.
    pub(in crate::lower) fn assign_part(
        &mut self,
        target: &ast::ExprSubscript,
        array: Expr,
        value: Expr,
    ) -> Lowered<()> {
        let range = target.range();
        if !matches!(value.ty, Type::Array(_)) && !value.ty.is_number() {
            return Err(self.refuse(
                Diagnostic::new(range, "a part of an array is assigned an array or a number")
                    .label(format!("this is {}", value.ty.with_article())),
            ));
        }
        // What stands on the right comes first.
        let value = self.as_pending(value);
        let part = self.part(target, array)?;
        let ty = array_type(&part);
        if value.value.ty == Type::Float && ty.element.read() == Type::Int {
            return Err(self.refuse(
                Diagnostic::new(range, "floats cannot be put into an array of ints")
                    .label(format!("elements of type {}", ty.element))
                    .help(format!(
                        "write `.astype({})` after the array on the right, or `int(...)` around a number",
                        ty.element
                    )),
            ));
        }
        if value.sizes.len() > usize::from(ty.dimensions) {
            return Err(self.refuse(
                Diagnostic::new(range, "the array on the right has more dimensions")
                    .label(format!(
                        "{} here, {} on the right",
                        ty.dimensions,
                        value.sizes.len()
                    ))
                    .help("index it, so that it has as many"),
            ));
        }
        self.put(&part, value, false, range);
        Ok(())
    }

    /// `a += value` of a whole array.
    pub(in crate::lower) fn augment_array(
        &mut self,
        op: ast::Operator,
        array: Expr,
        value: &ast::Expr,
        range: TextRange,
    ) -> Lowered<()> {
        let array = if matches!(array.op, Op::Slot(_)) {
            array
        } else {
            self.held(array)
        };
        let value = self.pending(value)?;
        let ty = array_type(&array);
        let whole =
            Pending::of(self.array_binary_into(op, array.clone(), value, Some(&array), range)?);
        if !same_kind(whole.element, ty.element) {
            return Err(self.refuse(
                Diagnostic::new(
                    range,
                    format!("`{}=` changes the type of the elements here", op.as_str()),
                )
                .label(format!(
                    "{} cannot be put into {}",
                    whole.element, ty.element
                ))
                .help("make a new array: write `a = a ...`, or convert with `.astype(...)`"),
            ));
        }
        if whole.sizes.len() > usize::from(ty.dimensions) {
            return Err(self.refuse(
                Diagnostic::new(range, "the array on the right has more dimensions")
                    .label(format!("the result has {}", whole.sizes.len()))
                    .help("make a new array: write `a = a ...`"),
            ));
        }
        self.put(&array, whole, true, range);
        Ok(())
    }

    /// `a[...] += value` of a part of an array.
    pub(in crate::lower) fn augment_part(
        &mut self,
        stmt: &ast::StmtAugAssign,
        target: &ast::ExprSubscript,
        array: Expr,
    ) -> Lowered<()> {
        let part = self.part(target, array)?;
        self.augment_array(stmt.op, part, &stmt.value, stmt.range())
    }

    /// The part of an array that a subscript names, in a slot.
    fn part(&mut self, target: &ast::ExprSubscript, array: Expr) -> Lowered<Expr> {
        let ty = array_type(&array);
        let parts = super::super::index::parts(&target.slice);
        let whole = |part: &&ast::Expr| {
            matches!(part, ast::Expr::Slice(slice)
                if slice.lower.is_none() && slice.upper.is_none() && slice.step.is_none())
        };
        if parts.len() <= usize::from(ty.dimensions) && parts.iter().all(whole) {
            // a[:] is a itself, and known to be where it is read, too.
            let is_slot = matches!(array.op, Op::Slot(_));
            return Ok(if is_slot { array } else { self.held(array) });
        }
        let view = self.view(target, array, ty, &parts)?;
        Ok(self.held(view))
    }

    fn put(&mut self, part: &Expr, mut value: Pending, in_place: bool, range: TextRange) {
        let ty = array_type(part);
        if !ty.writable {
            let message = if in_place {
                "output array is read-only"
            } else {
                "assignment destination is read-only"
            };
            let site = self.site(range, "ValueError", message);
            self.emit(Stmt::Raise(site));
            return;
        }
        let sizes: Vec<Expr> = (0..usize::from(ty.dimensions))
            .map(|axis| size_along(part, axis))
            .collect();
        if !value.sizes.is_empty() && !same_sizes(&sizes, &value.sizes) {
            let mut at = 0;
            let own = shape_text(sizes.len(), &mut at);
            let other = shape_text(value.sizes.len(), &mut at);
            let message = if in_place {
                format!(
                    "non-broadcastable output operand with shape {own} doesn't match the broadcast shape {other}"
                )
            } else {
                format!("could not broadcast input array from shape {other} into shape {own}")
            };
            let shapes = [sizes, std::mem::take(&mut value.sizes)];
            self.agree(&shapes, true, message, range);
        }
        value.value = self.cast(value.value, ty.element, range);
        self.fill(part, value, range);
    }
}
