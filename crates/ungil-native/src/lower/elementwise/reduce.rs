//! Sums and the like of what is still to be calculated: a stretch at a time, in memory that stays in the
//! processor's cache. `runtime/stream.rs` tells how long stretches are, and puts them together.

use ruff_text_size::TextRange;

use super::super::function::FunctionLowerer;
use super::super::numpy::fold::result_type;
use super::fill::Way;
use super::join::Pending;
use crate::ir::{Block, Comparison, EachOp, Expr, Guard, Op, Proof, Stmt, While};
use crate::runtime::fold::Fold;
use crate::runtime::stream::{self, WORDS};
use crate::types::{Element, Type};

/// The memory of a reduction, and the variables that tell where it is.
struct Progress {
    state: Expr,
    buffer: Expr,
    /// Elements of the stretch.
    wanted: Expr,
    /// Those that are there.
    filled: Expr,
}

impl FunctionLowerer<'_, '_> {
    pub(in crate::lower) fn reduced(
        &mut self,
        array: Expr,
        fold: Fold,
        guards: Vec<Guard>,
        range: TextRange,
    ) -> Expr {
        let mut pending = Pending::of(array);
        let element = pending.element;
        let sizes: Vec<Expr> = std::mem::take(&mut pending.sizes)
            .into_iter()
            .map(|size| self.kept(size))
            .collect();
        self.uses(None, &pending.leaves, range);
        pending.leaves = std::mem::take(&mut pending.leaves)
            .into_iter()
            .map(|leaf| self.stretched(leaf, &sizes, range))
            .collect();
        let total = sizes.iter().cloned().reduce(|total, size| {
            let overflow = self.overflow(range);
            Expr::new(Op::Mul, vec![total, size], Type::Int).guarded(vec![overflow])
        });
        let total = total.expect("an array has a size");
        let total = self.held(total);
        let progress = self.begun(fold, element, &total, range);
        let leaves = pending.leaves.clone();
        self.ways(&leaves, sizes.len(), &mut |this, way| {
            let sizes = match way {
                Way::Flat => std::slice::from_ref(&total),
                _ => &sizes[..],
            };
            this.rows(way, sizes, &pending, &progress, range)
        });
        let ty = result_type(fold, element, element.is_float());
        let op = Op::Each(EachOp::End);
        let result = Expr::new(op, vec![progress.state], ty).guarded(guards);
        self.held(result)
    }

    fn begun(&mut self, fold: Fold, element: Element, total: &Expr, range: TextRange) -> Progress {
        let words = vec![Expr::int(WORDS.cast_signed() as i64)];
        let state = self.new_array(range, Element::Signed(64), Expr::int(0), words);
        let most = Expr::int(stream::stretch(fold, element).cast_signed() as i64);
        let length = self.shorter(total.clone(), most);
        let length = self.held(length);
        let buffer = self.new_array(range, element, Expr::int(0), vec![length]);
        let begin = Op::Each(EachOp::Begin(fold, element));
        let begin = Expr::new(begin, vec![state.clone(), total.clone()], Type::Int);
        let (wanted, filled) = (self.held(begin), self.temporary(Type::Int));
        self.emit(Stmt::Set(filled, Expr::int(0)));
        Progress {
            state,
            buffer,
            wanted,
            filled: Expr::slot(filled, Type::Int),
        }
    }

    /// The nest over all elements: along the last axis as many at a time as fit into the stretch.
    fn rows(
        &mut self,
        way: Way,
        sizes: &[Expr],
        pending: &Pending,
        progress: &Progress,
        range: TextRange,
    ) -> Block {
        let (last, outer) = sizes.split_last().expect("an array has a size");
        let counters: Vec<usize> = outer.iter().map(|_| self.temporary(Type::Int)).collect();
        let index = counters.iter().map(|&slot| Expr::slot(slot, Type::Int));
        let index: Vec<Expr> = index.collect();
        let body = self.row(way, last, index, pending, progress, range);
        counters
            .into_iter()
            .zip(outer)
            .rev()
            .fold(body, |body, (slot, stop)| {
                vec![self.count_to(slot, stop.clone(), body, range)]
            })
    }

    fn row(
        &mut self,
        way: Way,
        size: &Expr,
        mut index: Vec<Expr>,
        pending: &Pending,
        progress: &Progress,
        range: TextRange,
    ) -> Block {
        let [at_slot, count_slot, step_slot] = [(); 3].map(|()| self.temporary(Type::Int));
        let [at, count, step] =
            [at_slot, count_slot, step_slot].map(|slot| Expr::slot(slot, Type::Int));
        let Progress {
            state,
            buffer,
            wanted,
            filled,
        } = progress;
        let rest = self.without_overflow(Op::Sub, size, &at, range);
        let room = self.without_overflow(Op::Sub, wanted, filled, range);
        let stretch = self.shorter(rest, room);
        let place = self.without_overflow(Op::Add, filled, &step, range);
        index.push(self.without_overflow(Op::Add, &at, &step, range));
        let value = self.value_at(way, pending, &index, range);
        let calculated = self.independent(buffer.clone(), vec![place], value, range);
        let calculated = self.count_to(step_slot, count.clone(), calculated, range);
        let more_filled = self.without_overflow(Op::Add, filled, &count, range);
        let further = self.without_overflow(Op::Add, &at, &count, range);
        let next = Expr::new(
            Op::Each(EachOp::Next),
            vec![state.clone(), buffer.clone(), filled.clone()],
            Type::Int,
        );
        let taken = vec![
            Stmt::Set(slot_of(wanted), next),
            Stmt::Set(slot_of(filled), Expr::int(0)),
        ];
        let compare = |comparison, left: &Expr, right: &Expr| {
            let both = vec![left.clone(), right.clone()];
            Expr::new(Op::Compare(comparison), both, Type::Bool)
        };
        let body = vec![
            Stmt::Set(count_slot, stretch),
            calculated,
            Stmt::Set(slot_of(filled), more_filled),
            Stmt::Set(at_slot, further),
            Stmt::If(compare(Comparison::Eq, filled, wanted), taken, Vec::new()),
        ];
        let site = self.push_site(range, None);
        vec![
            Stmt::Set(at_slot, Expr::int(0)),
            Stmt::While(While {
                test: compare(Comparison::Lt, &at, size),
                body,
                orelse: Vec::new(),
                site,
            }),
        ]
    }

    /// A sum or difference of positions.
    fn without_overflow(&mut self, op: Op, left: &Expr, right: &Expr, range: TextRange) -> Expr {
        let guard = Guard {
            proof: Proof::Waived,
            ..self.overflow(range)
        };
        Expr::new(op, vec![left.clone(), right.clone()], Type::Int).guarded(vec![guard])
    }
}

fn slot_of(kept: &Expr) -> usize {
    match kept.op {
        Op::Slot(slot) => slot,
        _ => unreachable!("it is in a slot"),
    }
}
