//! The loop that calculates elements: one nest for a whole expression.
//!
//! Arrays that have to be stretched along an axis have a distance of zero there; contiguous ones are copied to
//! their full size instead, so that they stay contiguous. Where elements need not lie next to each other, the
//! nest is there twice: for the case that they do along the last axis, and for others.

use ruff_text_size::TextRange;

use super::super::function::FunctionLowerer;
use super::join::{Pending, array_type, same_sizes, size_along, with_elements};
use crate::ir::{Block, Comparison, Count, EachOp, Expr, Guard, Op, SlotId, Stmt, Store};
use crate::types::{ArrayType, Type};

/// How a nest gets at elements.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// One loop over all of them.
    Flat,
    /// A loop for each axis, and along the last one they lie next to each other.
    Dense,
    /// The same, wherever they lie.
    Strided,
}

impl FunctionLowerer<'_, '_> {
    /// An array with what is still to be calculated; others as they are.
    pub(in crate::lower) fn made(&mut self, value: Expr, range: TextRange) -> Expr {
        if !super::join::is_pending(&value) {
            return value;
        }
        let pending = Pending::of(value);
        self.made_of(pending, range)
    }

    pub(super) fn made_of(&mut self, mut pending: Pending, range: TextRange) -> Expr {
        let sizes = std::mem::take(&mut pending.sizes);
        let sizes: Vec<Expr> = sizes.into_iter().map(|size| self.kept(size)).collect();
        let array = self.new_array(range, pending.element, Expr::int(0), sizes.clone());
        self.uses(None, &pending.leaves, range);
        let leaves = std::mem::take(&mut pending.leaves);
        let leaves = leaves
            .into_iter()
            .map(|leaf| self.stretched(leaf, &sizes, range))
            .collect();
        pending.leaves = leaves;
        self.nests(&array, &sizes, &pending, range);
        array
    }

    /// Writes into an array that is there already: in it at once, unless it has what is still to be read.
    pub(super) fn fill(&mut self, into: &Expr, mut pending: Pending, range: TextRange) {
        let ty = array_type(into);
        let sizes: Vec<Expr> = (0..usize::from(ty.dimensions))
            .map(|axis| size_along(into, axis))
            .collect();
        self.uses(Some(into), &pending.leaves, range);
        let others: Vec<Expr> = pending
            .leaves
            .iter()
            .filter(|leaf| !leaf.same(into))
            .cloned()
            .collect();
        let leaves = std::mem::take(&mut pending.leaves);
        pending.leaves = leaves
            .into_iter()
            .map(|leaf| self.stretched(leaf, &sizes, range))
            .collect();
        if others.is_empty() {
            self.nests(into, &sizes, &pending, range);
            return;
        }
        let mut args = vec![into.clone()];
        args.extend(others);
        let meets = Expr::new(Op::Each(EachOp::Meets), args, Type::Bool);
        let meets = self.held(meets);
        let target = self.temporary(into.ty);
        self.emit(Stmt::Set(target, into.clone()));
        let apart = self.emitted_apart(|this| {
            let copy = this.new_array(range, ty.element, Expr::int(0), sizes.clone());
            let copy = of_type(copy, ty, &sizes);
            this.emit(Stmt::Set(target, copy));
        });
        self.emit(Stmt::If(meets.clone(), apart, Vec::new()));
        let target = Expr::slot(target, into.ty);
        self.nests(&target, &sizes, &pending, range);
        let copy = Expr::new(
            Op::Each(EachOp::Copy),
            vec![into.clone(), target],
            Type::None,
        );
        self.emit(Stmt::If(meets, vec![Stmt::Eval(copy)], Vec::new()));
    }

    /// Tells what is read to calculate what: parallel loops look at it.
    pub(super) fn uses(&mut self, written: Option<&Expr>, leaves: &[Expr], range: TextRange) {
        let guard = self.waived(range);
        let args = written.into_iter().chain(leaves).cloned().collect();
        let op = Op::Each(EachOp::Uses {
            writes: written.is_some(),
        });
        let note = Expr::new(op, args, Type::None).guarded(vec![guard]);
        self.emit(Stmt::Eval(note));
    }

    /// Statements in a block of their own.
    pub(super) fn emitted_apart(&mut self, inside: impl FnOnce(&mut Self)) -> Block {
        let outer = std::mem::take(&mut self.block);
        inside(self);
        std::mem::replace(&mut self.block, outer)
    }

    /// An array with as many elements along its axes as there are to be.
    pub(super) fn stretched(&mut self, leaf: Expr, sizes: &[Expr], range: TextRange) -> Expr {
        let ty = array_type(&leaf);
        let sizes = &sizes[sizes.len() - usize::from(ty.dimensions)..];
        let own: Vec<Expr> = (0..sizes.len())
            .map(|axis| size_along(&leaf, axis))
            .collect();
        if same_sizes(&own, sizes) {
            return leaf;
        }
        if !ty.contiguous {
            let stretched = of_type(leaf, ty, sizes);
            return self.held(stretched);
        }
        let same = own
            .into_iter()
            .zip(sizes)
            .map(|(own, size)| {
                let args = vec![own, size.clone()];
                Expr::new(Op::Compare(Comparison::Eq), args, Type::Bool)
            })
            .reduce(|all, one| Expr::new(Op::BitAnd, vec![all, one], Type::Bool))
            .expect("an array has an axis");
        let slot = self.temporary(leaf.ty);
        self.emit(Stmt::Set(slot, leaf.clone()));
        let copied = self.emitted_apart(|this| {
            let copy = this.new_array(range, ty.element, Expr::int(0), sizes.to_vec());
            let both = vec![copy.clone(), leaf.clone()];
            let copying = Expr::new(Op::Each(EachOp::Copy), both, Type::None);
            this.emit(Stmt::Eval(copying));
            let copy = of_type(copy, ty, sizes);
            this.emit(Stmt::Set(slot, copy));
        });
        self.emit(Stmt::If(same, Vec::new(), copied));
        Expr::slot(slot, leaf.ty)
    }

    fn nests(&mut self, target: &Expr, sizes: &[Expr], pending: &Pending, range: TextRange) {
        let arrays: Vec<Expr> = pending.leaves.iter().chain([target]).cloned().collect();
        self.ways(&arrays, sizes.len(), &mut |this, way| {
            this.nest(way, target, sizes, pending, range)
        });
    }

    /// The statements for arrays of so many dimensions in all, by the ways in which their elements can lie.
    pub(super) fn ways(
        &mut self,
        arrays: &[Expr],
        dimensions: usize,
        nest: &mut dyn FnMut(&mut Self, Way) -> Block,
    ) {
        let strided: Vec<Expr> = arrays
            .iter()
            .filter(|array| !array_type(array).contiguous)
            .cloned()
            .collect();
        let full = |array: &Expr| usize::from(array_type(array).dimensions) == dimensions;
        let flat = dimensions > 1 && strided.is_empty() && arrays.iter().all(full);
        let first = nest(self, if flat { Way::Flat } else { Way::Dense });
        if strided.is_empty() {
            self.block.extend(first);
            return;
        }
        let dense = Expr::new(Op::Each(EachOp::IsDense), strided, Type::Bool);
        let other = nest(self, Way::Strided);
        self.emit(Stmt::If(dense, first, other));
    }

    fn nest(
        &mut self,
        way: Way,
        target: &Expr,
        sizes: &[Expr],
        pending: &Pending,
        range: TextRange,
    ) -> Block {
        let sizes = match way {
            Way::Flat => vec![size_along(&reached(target, way), 0)],
            _ => sizes.to_vec(),
        };
        let counters: Vec<usize> = sizes.iter().map(|_| self.temporary(Type::Int)).collect();
        let index: Vec<Expr> = counters
            .iter()
            .map(|&slot| Expr::slot(slot, Type::Int))
            .collect();
        let value = self.value_at(way, pending, &index, range);
        let body = self.independent(reached(target, way), index, value, range);
        counters
            .into_iter()
            .zip(sizes)
            .rev()
            .fold(body, |body, (slot, stop)| {
                vec![self.count_to(slot, stop, body, range)]
            })
    }

    /// The value of an element.
    pub(super) fn value_at(
        &mut self,
        way: Way,
        pending: &Pending,
        index: &[Expr],
        range: TextRange,
    ) -> Expr {
        let leaves: Vec<Expr> = pending
            .leaves
            .iter()
            .map(|leaf| {
                let array = reached(leaf, way);
                let own = usize::from(array_type(&array).dimensions);
                let index = index[index.len() - own..].to_vec();
                let guards = self.trusted(own, range);
                self.load_guarded(range, array, index, guards)
            })
            .collect();
        with_elements(&pending.value, &|at, _| leaves[at].clone())
    }

    /// The body of a loop that writes an element in each round, which is nothing to the others.
    pub(super) fn independent(
        &mut self,
        array: Expr,
        index: Vec<Expr>,
        value: Expr,
        range: TextRange,
    ) -> Block {
        let element = array_type(&array).element;
        let mut guards = self.trusted(index.len(), range);
        guards.push(self.guard(
            range,
            "OverflowError",
            format!("the result does not fit into an element of type {element}"),
        ));
        let mark = Expr::new(Op::Each(EachOp::Independent), Vec::new(), Type::None);
        let store = Store {
            array,
            index,
            value,
            guards,
        };
        vec![Stmt::Eval(mark), Stmt::Store(store)]
    }

    /// A loop from zero on.
    pub(super) fn count_to(
        &mut self,
        slot: SlotId,
        stop: Expr,
        body: Block,
        range: TextRange,
    ) -> Stmt {
        let guard = self.waived(range);
        let range = (Expr::int(0), stop, Expr::int(1));
        Stmt::Count(Box::new(Count::new(slot, range, guard, guard.site, body)))
    }

    /// Checks of indices that are within their axes.
    fn trusted(&mut self, count: usize, range: TextRange) -> Vec<Guard> {
        let guard = self.waived(range);
        vec![guard; count]
    }
}

/// An array as a nest gets at it.
fn reached(array: &Expr, way: Way) -> Expr {
    let ty = array_type(array);
    match way {
        Way::Flat => {
            let flat = ArrayType {
                dimensions: 1,
                ..ty
            };
            Expr::new(
                Op::Each(EachOp::Flat),
                vec![array.clone()],
                Type::Array(flat),
            )
        }
        Way::Dense if !ty.contiguous => {
            Expr::new(Op::Each(EachOp::Dense), vec![array.clone()], array.ty)
        }
        _ => array.clone(),
    }
}

/// A new array as one of a type that is the same but for what is known of it.
fn of_type(array: Expr, ty: ArrayType, sizes: &[Expr]) -> Expr {
    if ty.contiguous {
        return Expr {
            ty: Type::Array(ty),
            ..array
        };
    }
    let mut args = vec![array];
    args.extend_from_slice(sizes);
    Expr::new(Op::Each(EachOp::Spread), args, Type::Array(ty))
}
