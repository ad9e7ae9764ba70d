//! Arrays: elements, sizes, parts.

use ruff_python_ast as ast;
use ruff_text_size::{Ranged, TextRange};

use super::Lowered;
use super::function::FunctionLowerer;
use crate::diagnostic::Diagnostic;
use crate::ir::{Expr, Guard, Op, Proof, ViewPart};
use crate::types::{ArrayType, Element, Type};

impl FunctionLowerer<'_, '_> {
    /// An expression that has to be an array.
    pub(super) fn array(&mut self, expr: &ast::Expr) -> Lowered<Expr> {
        let value = self.expression(expr)?;
        self.as_array(value, expr.range())
    }

    pub(super) fn as_array(&mut self, value: Expr, range: TextRange) -> Lowered<Expr> {
        if matches!(value.ty, Type::Array(_)) {
            return Ok(value);
        }
        Err(self
            .refuse(Diagnostic::new(range, "this is not an array").label(value.ty.with_article())))
    }

    pub(super) fn subscript(&mut self, expr: &ast::ExprSubscript) -> Lowered<Expr> {
        // a.shape[k] with a constant k.
        if let ast::Expr::Attribute(attribute) = &*expr.value
            && &*attribute.attr == "shape"
            && self.module_attribute(attribute).is_none()
        {
            return self.size_along(expr, attribute);
        }
        let value = self.expression(&expr.value)?;
        match value.ty {
            Type::List(_) => return self.list_item(expr, value),
            Type::Tuple(types) => return self.tuple_item(expr, value, types),
            Type::Text(kind) => return self.text_subscript(expr, value, kind),
            _ => {}
        }
        let array = self.as_array(value, expr.value.range())?;
        let Type::Array(ty) = array.ty else {
            unreachable!("`as_array` gives arrays");
        };
        let parts = parts(&expr.slice);
        let slices = parts.iter().any(|part| matches!(part, ast::Expr::Slice(_)));
        if slices || parts.len() < usize::from(ty.dimensions) {
            return self.view(expr, array, ty, &parts);
        }
        let index = self.indices(expr, &array)?;
        Ok(self.load(expr, array, index))
    }

    fn size_along(
        &mut self,
        expr: &ast::ExprSubscript,
        attribute: &ast::ExprAttribute,
    ) -> Lowered<Expr> {
        let array = self.array(&attribute.value)?;
        let Type::Array(ty) = array.ty else {
            unreachable!("`array` gives arrays");
        };
        let index = self.expression(&expr.slice)?;
        let dimensions = i64::from(ty.dimensions);
        let axis = match index.op {
            Op::Int(axis) if axis < 0 => Some(axis.saturating_add(dimensions)),
            Op::Int(axis) => Some(axis),
            _ => None,
        };
        match axis.filter(|axis| (0..dimensions).contains(axis)) {
            Some(axis) => Ok(Expr::new(Op::Dim(axis as u8), vec![array], Type::Int)),
            None => Err(self.refuse(
                Diagnostic::new(expr.slice.range(), "this is not an axis of the array")
                    .label(format!("a {} has {dimensions}", array.ty))
                    .help("write the axis as a constant"),
            )),
        }
    }

    /// The ints that index an element, one for each dimension.
    pub(super) fn indices(
        &mut self,
        expr: &ast::ExprSubscript,
        array: &Expr,
    ) -> Lowered<Vec<Expr>> {
        let Type::Array(ty) = array.ty else {
            unreachable!("`array` gives arrays");
        };
        let parts = parts(&expr.slice);
        if parts.len() != usize::from(ty.dimensions) {
            let title = format!("a {} has {} indices", array.ty, ty.dimensions);
            return Err(self.refuse(
                Diagnostic::new(expr.slice.range(), title)
                    .label(format!("{} here", parts.len()))
                    .help("native code reads and writes single elements"),
            ));
        }
        let mut index = Vec::new();
        for part in parts {
            if matches!(part, ast::Expr::Slice(_)) {
                return Err(self.refuse(
                    Diagnostic::new(part.range(), "native code assigns to single elements")
                        .label("a slice")
                        .help("write the loop: it is as fast here as in C"),
                ));
            }
            let before = self.block.len();
            let value = self.index(part)?;
            self.settle(before, &mut index);
            index.push(value);
        }
        Ok(index)
    }

    pub(super) fn index(&mut self, part: &ast::Expr) -> Lowered<Expr> {
        let value = self.expression(part)?;
        self.expect_int(value, part.range(), "an index has to be an int")
    }

    pub(super) fn load(
        &mut self,
        expr: &ast::ExprSubscript,
        array: Expr,
        index: Vec<Expr>,
    ) -> Expr {
        let guards = self.index_guards(expr, index.len());
        self.load_guarded(expr.range(), array, index, guards)
    }

    pub(super) fn load_guarded(
        &mut self,
        range: TextRange,
        array: Expr,
        index: Vec<Expr>,
        mut guards: Vec<Guard>,
    ) -> Expr {
        let Type::Array(ty) = array.ty else {
            unreachable!("only arrays are indexed");
        };
        if ty.element == Element::Unsigned(64) {
            guards.push(self.guard(
                range,
                "OverflowError",
                "the element does not fit into an int of 64 bits",
            ));
        }
        let mut args = vec![array];
        args.extend(index);
        Expr::new(Op::Load, args, ty.element.read()).guarded(guards)
    }

    pub(super) fn index_guards(&mut self, expr: &ast::ExprSubscript, count: usize) -> Vec<Guard> {
        let range = expr.range();
        (0..count)
            .map(|axis| {
                let message = if count == 1 {
                    "index {a} is out of bounds for an array of size {b}".to_owned()
                } else {
                    format!("index {{a}} is out of bounds for axis {axis} with size {{b}}")
                };
                self.bounds_guard(range, message)
            })
            .collect()
    }

    /// The check of an index, which can be waived for a whole function.
    pub(super) fn bounds_guard(&mut self, range: TextRange, message: impl Into<String>) -> Guard {
        let guard = self.guard(range, "IndexError", message);
        Guard {
            proof: if self.source.options.unchecked_bounds {
                Proof::Waived
            } else {
                Proof::Open
            },
            ..guard
        }
    }

    /// An element in a loop over an array, where the position is within it.
    pub(super) fn array_item(
        &mut self,
        array: &Expr,
        len: &Expr,
        reversed: bool,
        position: &Expr,
        range: TextRange,
    ) -> Expr {
        let mut guard = self.guard(range, "IndexError", "the position is within the array");
        guard.proof = Proof::Waived;
        let mut overflow = self.overflow(range);
        overflow.proof = Proof::Waived;
        let position = if reversed {
            let last = Expr::new(Op::Sub, vec![len.clone(), Expr::int(1)], Type::Int)
                .guarded(vec![overflow]);
            Expr::new(Op::Sub, vec![last, position.clone()], Type::Int).guarded(vec![overflow])
        } else {
            position.clone()
        };
        let Type::Array(ty) = array.ty else {
            return self.text_item(array, position, range);
        };
        if ty.dimensions == 1 {
            return self.load_guarded(range, array.clone(), vec![position], vec![guard]);
        }
        let view = ArrayType {
            dimensions: ty.dimensions - 1,
            ..ty
        };
        Expr::new(
            Op::View(vec![ViewPart::Index]),
            vec![array.clone(), position],
            Type::Array(view),
        )
        .guarded(vec![guard])
    }

    pub(super) fn view(
        &mut self,
        expr: &ast::ExprSubscript,
        array: Expr,
        ty: ArrayType,
        parts: &[&ast::Expr],
    ) -> Lowered<Expr> {
        if parts.len() > usize::from(ty.dimensions) {
            let title = format!("a {} has {} indices", array.ty, ty.dimensions);
            return Err(self.refuse(
                Diagnostic::new(expr.slice.range(), title).label(format!("{} here", parts.len())),
            ));
        }
        let mut args = vec![array];
        let mut kinds = Vec::new();
        let mut guards = Vec::new();
        let index_guards = self.index_guards(expr, parts.len());
        let mut dimensions = ty.dimensions;
        // Leading indices, then one slice without a step, then whole axes: that keeps C's order.
        let mut contiguous = ty.contiguous;
        let mut sliced = false;
        for (part, index_guard) in parts.iter().zip(index_guards) {
            let ast::Expr::Slice(slice) = part else {
                args.push(self.index(part)?);
                kinds.push(ViewPart::Index);
                guards.push(index_guard);
                dimensions -= 1;
                contiguous &= !sliced;
                continue;
            };
            let mut present = [false; 3];
            for (bound, present) in [&slice.lower, &slice.upper, &slice.step]
                .into_iter()
                .zip(&mut present)
            {
                let Some(bound) = bound else { continue };
                if matches!(**bound, ast::Expr::NoneLiteral(_)) {
                    continue;
                }
                let value = self.expression(bound)?;
                args.push(self.expect_int(value, bound.range(), "a slice is of ints")?);
                *present = true;
            }
            let [start, stop, step] = present;
            guards.push(self.guard(part.range(), "ValueError", "slice step cannot be zero"));
            contiguous &= !step && !(sliced && (start || stop));
            sliced = true;
            kinds.push(ViewPart::Slice { start, stop, step });
        }
        let view = Type::Array(ArrayType {
            dimensions,
            contiguous,
            ..ty
        });
        Ok(Expr::new(Op::View(kinds), args, view).guarded(guards))
    }

    /// The number of elements.
    pub(super) fn size(&mut self, array: &Expr, ty: ArrayType) -> Expr {
        let mut size = Expr::new(Op::Dim(0), vec![array.clone()], Type::Int);
        for axis in 1..ty.dimensions {
            let next = Expr::new(Op::Dim(axis), vec![array.clone()], Type::Int);
            // Sizes of an array multiply to less than 2**63: that is checked when it is passed.
            let guard = Guard {
                proof: Proof::Waived,
                ..self.overflow(TextRange::default())
            };
            size = Expr::new(Op::Mul, vec![size, next], Type::Int).guarded(vec![guard]);
        }
        size
    }
}

/// What is between the brackets of a subscript, axis by axis.
pub(super) fn parts(slice: &ast::Expr) -> Vec<&ast::Expr> {
    match slice {
        ast::Expr::Tuple(tuple) => tuple.elts.iter().collect(),
        one => vec![one],
    }
}
