//! Operands that are brought together: their arrays, their sizes, what is calculated of one element.

use ruff_text_size::TextRange;

use super::super::Lowered;
use super::super::function::FunctionLowerer;
use crate::diagnostic::Diagnostic;
use crate::ir::{Comparison, EachOp, Expr, Guard, Message, Op, Proof, Raise, Stmt};
use crate::types::{ArrayType, Element, Type};

/// Elements that are still to be calculated.
#[derive(Debug)]
pub(in crate::lower) struct Pending {
    /// One of them, with [`EachOp::Element`] for those of the arrays.
    pub(super) value: Expr,
    pub(super) element: Element,
    pub(super) sizes: Vec<Expr>,
    /// Arrays in slots.
    pub(super) leaves: Vec<Expr>,
}

/// What an operand is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Of(Element),
    Number,
}

/// An operand: the value of an element, or a number.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) value: Expr,
    pub(super) kind: Kind,
}

/// Several operands, their arrays numbered through.
pub(super) struct Joined {
    pub(super) parts: Vec<Part>,
    pub(super) sizes: Vec<Expr>,
    pub(super) leaves: Vec<Expr>,
}

impl Joined {
    /// What was made of them, as an expression.
    pub(super) fn into_expr(self, value: Expr, element: Element) -> Expr {
        if self.leaves.is_empty() {
            return value;
        }
        Pending {
            value,
            element,
            sizes: self.sizes,
            leaves: self.leaves,
        }
        .into_expr()
    }
}

impl Pending {
    pub(super) fn into_expr(self) -> Expr {
        let ty = Type::Array(ArrayType {
            element: self.element,
            dimensions: self.sizes.len() as u8,
            contiguous: true,
            writable: true,
        });
        let mut args = vec![self.value];
        args.extend(self.sizes);
        args.extend(self.leaves);
        Expr::new(Op::Each(EachOp::Pending), args, ty)
    }

    /// Of an expression that is one.
    pub(super) fn of(expr: Expr) -> Self {
        let Type::Array(ty) = expr.ty else {
            unreachable!("only arrays are calculated by elements");
        };
        let mut args = expr.args.into_iter();
        let value = args.next().expect("there is a value");
        let sizes = args.by_ref().take(usize::from(ty.dimensions)).collect();
        Self {
            value,
            element: ty.element,
            sizes,
            leaves: args.collect(),
        }
    }
}

/// Whether an expression is still to be calculated by a loop.
pub(in crate::lower) fn is_pending(expr: &Expr) -> bool {
    expr.op == Op::Each(EachOp::Pending)
}

/// Puts other values in the place of an array's elements.
pub(super) fn with_elements(value: &Expr, put: &dyn Fn(usize, &Expr) -> Expr) -> Expr {
    if let Op::Each(EachOp::Element(at)) = value.op {
        return put(at, value);
    }
    let args = value.args.iter().map(|arg| with_elements(arg, put));
    Expr {
        args: args.collect(),
        ..value.clone()
    }
}

/// The size of an array along an axis.
pub(super) fn size_along(array: &Expr, axis: usize) -> Expr {
    Expr::new(Op::Dim(axis as u8), vec![array.clone()], Type::Int)
}

pub(super) fn array_type(array: &Expr) -> ArrayType {
    match array.ty {
        Type::Array(ty) => ty,
        _ => unreachable!("it is an array"),
    }
}

impl FunctionLowerer<'_, '_> {
    /// An array, or a number, as elements that are calculated.
    pub(super) fn as_pending(&mut self, value: Expr) -> Pending {
        if is_pending(&value) {
            return Pending::of(value);
        }
        let leaf = if matches!(value.op, Op::Slot(_)) {
            value
        } else {
            self.held(value)
        };
        let Type::Array(ty) = leaf.ty else {
            return Pending {
                element: Element::Float64,
                value: leaf,
                sizes: Vec::new(),
                leaves: Vec::new(),
            };
        };
        let element = EachOp::Element(0);
        Pending {
            value: Expr::new(Op::Each(element), Vec::new(), ty.element.read()),
            element: ty.element,
            sizes: (0..usize::from(ty.dimensions))
                .map(|axis| size_along(&leaf, axis))
                .collect(),
            leaves: vec![leaf],
        }
    }

    /// Brings operands together; the sizes of arrays have to fit.
    pub(super) fn joined(
        &mut self,
        operands: Vec<(Expr, TextRange)>,
        range: TextRange,
    ) -> Lowered<Joined> {
        self.joined_into(operands, None, range)
    }

    /// The same, for an array that the result is to go into.
    pub(super) fn joined_into(
        &mut self,
        operands: Vec<(Expr, TextRange)>,
        into: Option<&Expr>,
        range: TextRange,
    ) -> Lowered<Joined> {
        let mut parts = Vec::new();
        let mut leaves: Vec<Expr> = Vec::new();
        let mut shapes = Vec::new();
        let any_array = operands
            .iter()
            .any(|(operand, _)| matches!(operand.ty, Type::Array(_)));
        for (operand, at) in operands {
            let is_array = matches!(operand.ty, Type::Array(_));
            if !is_array && !operand.ty.is_number() {
                return Err(self.refuse(
                    Diagnostic::new(at, "arrays are calculated with arrays and numbers")
                        .label(format!("this is {}", operand.ty.with_article())),
                ));
            }
            if !any_array {
                // Nothing is repeated: it is calculated where it stands.
                let kind = Kind::Number;
                parts.push(Part {
                    value: operand,
                    kind,
                });
                continue;
            }
            let pending = self.as_pending(operand);
            let numbers: Vec<usize> = pending
                .leaves
                .into_iter()
                .map(|leaf| {
                    leaves
                        .iter()
                        .position(|known| known.same(&leaf))
                        .unwrap_or_else(|| {
                            leaves.push(leaf);
                            leaves.len() - 1
                        })
                })
                .collect();
            let value = with_elements(&pending.value, &|at, element| Expr {
                op: Op::Each(EachOp::Element(numbers[at])),
                ..element.clone()
            });
            // A number has no sizes.
            shapes.push(pending.sizes);
            let kind = if is_array {
                Kind::Of(pending.element)
            } else {
                Kind::Number
            };
            parts.push(Part { value, kind });
        }
        let into = into.map(|array| {
            let axes = 0..usize::from(array_type(array).dimensions);
            axes.map(|axis| size_along(array, axis)).collect()
        });
        let sizes = self.sizes_of_all(shapes, into, range);
        Ok(Joined {
            parts,
            sizes,
            leaves,
        })
    }

    /// The sizes of what arrays of these sizes make together, to go into another one.
    fn sizes_of_all(
        &mut self,
        mut shapes: Vec<Vec<Expr>>,
        into: Option<Vec<Expr>>,
        range: TextRange,
    ) -> Vec<Expr> {
        let mut arrays = shapes.iter().filter(|sizes| !sizes.is_empty());
        let Some(first) = arrays.next().cloned() else {
            return Vec::new();
        };
        if arrays.all(|sizes| same_sizes(&first, sizes)) {
            return first;
        }
        let count = shapes.len();
        shapes.extend(into);
        let mut at = 0;
        let told: Vec<String> = shapes
            .iter()
            .map(|sizes| shape_text(sizes.len(), &mut at))
            .collect();
        let message = format!(
            "operands could not be broadcast together with shapes {} ",
            told.join(" ")
        );
        self.agree(&shapes, false, message, range);
        shapes.truncate(count);
        let most = shapes.iter().map(Vec::len).max().unwrap_or(0);
        let mut together: Vec<Option<Expr>> = vec![None; most];
        for sizes in shapes {
            let behind = most - sizes.len();
            for (known, size) in together[behind..].iter_mut().zip(sizes) {
                *known = Some(match known.take() {
                    None => size,
                    Some(known) if known.same(&size) => known,
                    Some(known) => {
                        let single = Expr::new(
                            Op::Compare(Comparison::Eq),
                            vec![known.clone(), Expr::int(1)],
                            Type::Bool,
                        );
                        let chosen = Expr::new(Op::Select, vec![single, size, known], Type::Int);
                        self.held(chosen)
                    }
                });
            }
        }
        together.into_iter().flatten().collect()
    }

    /// Checks that sizes fit together, or those of the second array into the first one's.
    pub(super) fn agree(
        &mut self,
        shapes: &[Vec<Expr>],
        into: bool,
        message: String,
        range: TextRange,
    ) {
        let mut dimensions = [0; 3];
        for (dimensions, sizes) in dimensions.iter_mut().zip(shapes) {
            *dimensions = sizes.len() as u8;
        }
        let error = Raise {
            exception: "ValueError".to_owned(),
            message: Message::Text(message),
        };
        let guard = Guard {
            site: self.push_site(range, Some(error)),
            proof: Proof::Open,
        };
        let sizes = shapes.iter().flatten().cloned().collect();
        let op = Op::Each(EachOp::Agree { dimensions, into });
        let check = Expr::new(op, sizes, Type::None).guarded(vec![guard]);
        self.emit(Stmt::Eval(check));
    }
}

pub(super) fn same_sizes(one: &[Expr], other: &[Expr]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one.same(other))
}

/// A shape in a message, of the sizes that are told from a number on.
pub(super) fn shape_text(dimensions: usize, from: &mut usize) -> String {
    let numbers: Vec<String> = (*from..*from + dimensions)
        .map(|at| format!("{{{at}}}"))
        .collect();
    *from += dimensions;
    match &numbers[..] {
        [one] => format!("({one},)"),
        more => format!("({})", more.join(",")),
    }
}
