//! Assignments.

use ruff_python_ast as ast;
use ruff_text_size::{Ranged, TextRange};

use super::Lowered;
use super::arithmetic::{as_float, as_int, truth};
use super::function::FunctionLowerer;
use crate::diagnostic::Diagnostic;
use crate::ir::{Expr, Stmt, Store};
use crate::types::Type;

impl FunctionLowerer<'_, '_> {
    pub(super) fn assignment(&mut self, stmt: &ast::StmtAssign) -> Lowered<()> {
        if let ([ast::Expr::Tuple(targets)], ast::Expr::Tuple(values)) =
            (&stmt.targets[..], &*stmt.value)
            && !targets
                .elts
                .iter()
                .any(|target| matches!(target, ast::Expr::Starred(_)))
        {
            return self.unpack_values(targets, values);
        }
        let value = self.pending(&stmt.value)?;
        let range = stmt.value.range();
        if let [target] = &stmt.targets[..] {
            let value = match target {
                ast::Expr::Subscript(subscript) if !self.may_write(target) => {
                    return self.assign_subscript(subscript, value, range);
                }
                _ => self.made(value, range),
            };
            return self.assign_to(target, value);
        }
        // a = b = value: the value is there once, the targets come from left to right.
        let value = self.made(value, range);
        let value = self.held(value);
        for target in &stmt.targets {
            self.assign_to(target, value.clone())?;
        }
        Ok(())
    }

    fn unpack_values(&mut self, targets: &ast::ExprTuple, values: &ast::ExprTuple) -> Lowered<()> {
        if targets.elts.len() != values.elts.len() {
            return Err(self.refuse(
                Diagnostic::new(
                    values.range(),
                    format!(
                        "{} values cannot be unpacked into {} targets",
                        values.elts.len(),
                        targets.elts.len()
                    ),
                )
                .label(format!("{} values", values.elts.len()))
                .context(targets.range(), format!("{} targets", targets.elts.len())),
            ));
        }
        let mut held = Vec::new();
        for value in &values.elts {
            let value = self.expression(value)?;
            held.push(self.held(value));
        }
        self.assign_values(&targets.elts, held)
    }

    /// Assigns the items of a tuple to targets.
    pub(super) fn unpack(
        &mut self,
        targets: &[ast::Expr],
        value: Expr,
        range: TextRange,
    ) -> Lowered<()> {
        let star = targets
            .iter()
            .position(|target| matches!(target, ast::Expr::Starred(_)));
        if let Type::List(_) = value.ty {
            return self.unpack_list(targets, star, value, range);
        }
        if let (Type::Tuple(types), Some(star)) = (value.ty, star)
            && types.len() + 1 >= targets.len()
        {
            let mut items = self.items_held(value);
            let count = types.len() + 1 - targets.len();
            let taken = items.drain(star..star + count).collect();
            let list = self.starred_list(taken, targets[star].range())?;
            items.insert(star, list);
            return self.assign_values(targets, items);
        }
        let Type::Tuple(types) = value.ty else {
            return Err(self.refuse(
                Diagnostic::new(range, "native code cannot unpack this")
                    .label(format!("{} on the right", value.ty.with_article()))
                    .help("unpack a tuple: several values in a row, or the result of a function"),
            ));
        };
        if types.len() != targets.len() {
            return Err(self.refuse(
                Diagnostic::new(
                    range,
                    format!(
                        "{} values cannot be unpacked into {} targets",
                        types.len(),
                        targets.len()
                    ),
                )
                .label(format!("{} targets", targets.len())),
            ));
        }
        let items = self.items_held(value);
        self.assign_values(targets, items)
    }

    pub(super) fn assign_values(
        &mut self,
        targets: &[ast::Expr],
        values: Vec<Expr>,
    ) -> Lowered<()> {
        for (target, value) in targets.iter().zip(values) {
            self.assign_to(target, value)?;
        }
        Ok(())
    }

    /// Assigns to a name or an element.
    pub(super) fn assign_to(&mut self, target: &ast::Expr, value: Expr) -> Lowered<()> {
        match target {
            ast::Expr::Name(name) => {
                if value.ty == Type::None {
                    return Err(self.refuse(
                        Diagnostic::new(target.range(), "native variables hold no None")
                            .label("would be None")
                            .help("use a number that means \"nothing\""),
                    ));
                }
                self.assign(&name.id, value, name.range());
                Ok(())
            }
            ast::Expr::Subscript(subscript) => {
                self.assign_subscript(subscript, value, target.range())
            }
            ast::Expr::Attribute(attribute) => {
                let value = self.held(value);
                let object = self.record_target(attribute)?;
                self.set_field(attribute, object, value)
            }
            ast::Expr::Starred(inner) => self.assign_to(&inner.value, value),
            ast::Expr::Tuple(targets) => self.unpack(&targets.elts, value, target.range()),
            ast::Expr::List(targets) => self.unpack(&targets.elts, value, target.range()),
            other => Err(self.refuse(
                Diagnostic::new(other.range(), "native code cannot assign to this")
                    .label("neither a name nor an element of an array")
                    .help("assign to names and elements"),
            )),
        }
    }

    /// Assigns to an element or to a part of an array or a list; the value is found at `range`.
    fn assign_subscript(
        &mut self,
        target: &ast::ExprSubscript,
        value: Expr,
        range: TextRange,
    ) -> Lowered<()> {
        let mut value = [value];
        let before = self.block.len();
        let array = self.expression(&target.value)?;
        self.settle(before, &mut value);
        if Self::is_part(target, &array) {
            let [value] = value;
            return self.assign_part(target, array, value);
        }
        let mut value = value.map(|value| self.made(value, range));
        let before = self.block.len();
        if let (Type::List(_), ast::Expr::Slice(slice)) = (array.ty, &*target.slice) {
            let words = self.slice_words(slice)?;
            self.settle(before, &mut value);
            let [value] = value;
            return self.set_slice(target, array, words, value);
        }
        let (array, index) = self.written_to(target, array)?;
        self.settle(before, &mut value);
        let [value] = value;
        self.store(target, array, index, value)
    }

    /// The array or list of a subscript, and its indices.
    fn written_to(
        &mut self,
        target: &ast::ExprSubscript,
        array: Expr,
    ) -> Lowered<(Expr, Vec<Expr>)> {
        if matches!(array.ty, Type::List(_)) {
            let index = self.index(&target.slice)?;
            return Ok((array, vec![index]));
        }
        if let Type::Text(kind) = array.ty {
            return Err(self.refuse(
                Diagnostic::new(target.range(), format!("{kind} cannot be changed"))
                    .label("assigns to a part of it")
                    .help("use a `bytearray` or an array of NumPy, which can"),
            ));
        }
        let array = self.as_array(array, target.value.range())?;
        let index = self.indices(target, &array)?;
        Ok((array, index))
    }

    fn element(
        &mut self,
        target: &ast::ExprSubscript,
        array: Expr,
        index: Vec<Expr>,
    ) -> Lowered<Expr> {
        if !matches!(array.ty, Type::List(_)) {
            return Ok(self.load(target, array, index));
        }
        let position = index.into_iter().next().expect("a list has one index");
        self.list_item_at(target, array, position)
    }

    fn store(
        &mut self,
        target: &ast::ExprSubscript,
        array: Expr,
        index: Vec<Expr>,
        value: Expr,
    ) -> Lowered<()> {
        let Type::Array(ty) = array.ty else {
            let index = index.into_iter().next().expect("a list has one index");
            return self.set_item(target, array, index, value);
        };
        let range = target.range();
        if !ty.writable {
            let site = self.site(range, "ValueError", "assignment destination is read-only");
            self.emit(Stmt::Raise(site));
            return Ok(());
        }
        let value = match (ty.element.read(), value.ty) {
            (wanted, got) if wanted == got => value,
            (Type::Int, Type::Bool) => as_int(value),
            (Type::Float, Type::Int | Type::Bool) => as_float(value),
            (Type::Bool, got) if got.is_number() => truth(value),
            (Type::Complex, got) if got.is_number() => {
                super::complex::complex(as_float(value), Expr::float(0.0))
            }
            (_, got) => {
                let help = match (ty.element.read(), got) {
                    (Type::Int, Type::Float) => "write `int(...)` around the value",
                    _ => "assign a number",
                };
                return Err(self.refuse(
                    Diagnostic::new(
                        range,
                        format!("{} cannot be put into a {}", got.with_article(), array.ty),
                    )
                    .label(format!("an element of type {}", ty.element))
                    .help(help),
                ));
            }
        };
        let mut guards = self.index_guards(target, index.len());
        guards.push(self.guard(
            range,
            "OverflowError",
            format!("{{a}} does not fit into an element of type {}", ty.element),
        ));
        self.emit(Stmt::Store(Store {
            array,
            index,
            value,
            guards,
        }));
        Ok(())
    }

    pub(super) fn augmented(&mut self, stmt: &ast::StmtAugAssign) -> Lowered<()> {
        match &*stmt.target {
            ast::Expr::Name(name) => {
                let left = self.read(&name.id, name.range())?;
                if let Type::List(_) = left.ty {
                    return self.list_augmented(stmt, left, Some(&name.id));
                }
                if matches!(left.ty, Type::Array(_)) {
                    return self.augment_array(stmt.op, left, &stmt.value, stmt.range());
                }
                let mut left = [left];
                let before = self.block.len();
                let right = self.expression(&stmt.value)?;
                self.settle(before, &mut left);
                let [left] = left;
                let value = self.binary(stmt.op, left, right, stmt.range())?;
                self.assign(&name.id, value, name.range());
                Ok(())
            }
            ast::Expr::Subscript(subscript) => {
                let array = self.expression(&subscript.value)?;
                if Self::is_part(subscript, &array) {
                    return self.augment_part(stmt, subscript, array);
                }
                let (array, index) = self.written_to(subscript, array)?;
                let index: Vec<Expr> = index.into_iter().map(|one| self.kept(one)).collect();
                let left = self.element(subscript, array.clone(), index.clone())?;
                let left = self.held(left);
                let right = self.expression(&stmt.value)?;
                let value = self.binary(stmt.op, left, right, stmt.range())?;
                self.store(subscript, array, index, value)
            }
            ast::Expr::Attribute(attribute) => {
                let object = self.record_target(attribute)?;
                let Type::Record(record) = object.ty else {
                    unreachable!("only objects have fields");
                };
                let left = self.record_field(attribute, object.clone(), record)?;
                let left = self.held(left);
                let right = self.expression(&stmt.value)?;
                let value = self.binary(stmt.op, left, right, stmt.range())?;
                self.set_field(attribute, object, value)
            }
            other => Err(self.refuse(
                Diagnostic::new(other.range(), "native code cannot assign to this")
                    .label("neither a name nor an element of an array")
                    .help("assign to names and elements"),
            )),
        }
    }

    pub(super) fn annotated_assignment(&mut self, stmt: &ast::StmtAnnAssign) -> Lowered<()> {
        let Some(value) = &stmt.value else {
            // A declaration gives no value, in Python neither.
            return Ok(());
        };
        let ast::Expr::Name(name) = &*stmt.target else {
            return Err(self.refuse(
                Diagnostic::new(stmt.target.range(), "only a name can be annotated here")
                    .label("not a name"),
            ));
        };
        let range = value.range();
        let value = self.expression(value)?;
        let annotated = self.lowerer.annotated(self.id, Some(&stmt.annotation));
        let value = match annotated {
            Some(wanted) => self.coerced(value, wanted, range),
            None => value,
        };
        let value = match (annotated, value.ty) {
            (Some(wanted), got) if wanted != got => {
                return Err(self.refuse(
                    Diagnostic::new(
                        range,
                        format!("`{}` is annotated as {}", name.id, wanted.with_article()),
                    )
                    .label(format!("this is {}", got.with_article()))
                    .context(stmt.annotation.range(), "the annotation")
                    .help(format!("write `{wanted}(...)`, or annotate it otherwise")),
                ));
            }
            _ => value,
        };
        self.assign_to(&stmt.target, value)
    }
}
