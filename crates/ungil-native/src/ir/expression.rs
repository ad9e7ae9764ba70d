//! Typed expressions.

use super::{EachOp, Guard, InstanceId, SlotId};
use crate::routine::Routine;
use crate::runtime::fold::Fold;
use crate::types::{Element, Type};

/// An expression: an operation on others.
#[derive(Clone, Debug)]
pub(crate) struct Expr {
    /// What is done.
    pub op: Op,
    /// With what, evaluated from left to right.
    pub args: Vec<Expr>,
    /// What comes out.
    pub ty: Type,
    /// What is checked, in the order that [`Op`] tells.
    pub guards: Vec<Guard>,
    /// Whether the ints are such that a simpler operation does: not negative for a division, within
    /// the 53 bits of floats where they meet floats.
    pub plain: bool,
    /// The least and the greatest that an int can be here.
    pub range: (i64, i64),
}

/// Operations. Those on floats begin with `F`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Op {
    /// A constant.
    Int(i64),
    /// A constant.
    Float(f64),
    /// A constant.
    Bool(bool),
    /// Nothing.
    None,
    /// The value of a slot.
    Slot(SlotId),
    /// The value of a slot that may not have been assigned to. Guard: unbound.
    BoundSlot(SlotId),
    /// Assigns the first argument to the slot; the second is the value.
    Let(SlotId),

    /// Guard: overflow.
    Add,
    /// Guard: overflow.
    Sub,
    /// Guard: overflow.
    Mul,
    /// Rounds down. Guards: zero, overflow.
    FloorDiv,
    /// Has the divisor's sign. Guard: zero.
    Mod,
    /// Guards: negative exponent, overflow.
    Pow,
    /// Of two ints, correctly rounded. Guard: zero.
    TrueDiv,
    /// Guard: overflow.
    Neg,
    /// Guard: overflow.
    Abs,
    /// Guards: negative count, overflow.
    Shl,
    /// Guard: negative count.
    Shr,
    /// Bitwise, of ints or bools.
    BitAnd,
    /// Bitwise, of ints or bools.
    BitOr,
    /// Bitwise, of ints or bools.
    BitXor,
    /// `~`.
    Invert,

    /// Sum.
    FAdd,
    /// Difference.
    FSub,
    /// Product.
    FMul,
    /// Guard: zero.
    FDiv,
    /// Guard: zero.
    FFloorDiv,
    /// Guard: zero.
    FMod,
    /// Guards: zero to a negative power, negative to a fraction, overflow.
    FPow,
    /// `x ** 2`. Guard: overflow.
    FSquare,
    /// `-x`.
    FNeg,
    /// `abs(x)`.
    FAbs,

    /// Rounds to nearest, ties to even; exact where a guard (not exact) is there.
    IntToFloat,
    /// 0 or 1.
    BoolToInt,
    /// Truncates. Guards: NaN, infinity, overflow.
    FloatToInt,
    /// An int that fits into an element, or a float as one of that width. Guard: the range, of ints.
    Fit(Element),
    /// To the nearest whole number, ties to even.
    Rint,
    /// Down to a whole number.
    Floor,
    /// Up to a whole number.
    Ceil,
    /// Whether it is not a number.
    IsNan,
    /// Whether it is an infinity.
    IsInf,
    /// Whether it is neither.
    IsFinite,
    /// Whether it is not zero.
    Truth,

    /// Of two values of one type.
    Compare(Comparison),
    /// Of an int and a float, exactly.
    CompareMixed(Comparison),
    /// Whether two floats in tuples are equal. Guard: two NaNs.
    SameItem,
    /// Of bools; the second is evaluated only where needed.
    And,
    /// Of bools; the second is evaluated only where needed.
    Or,
    /// Of a bool.
    Not,
    /// `b if a else c`, evaluating one of them.
    Select,

    /// A function of `math`. Guards: domain, range.
    Math(MathFunction),
    /// A native function. Guard: the call.
    Call(InstanceId),

    /// Of an array (first argument) at the indices. Guards: one for each index, then, of uint64, the value's range.
    Load,
    /// The array's size along an axis.
    Dim(u8),
    /// A new array; only as what is assigned to a slot. Arguments: what it is filled with, its sizes. Guards: a
    /// negative size, memory, the value's range.
    NewArray,
    /// What becomes of whole arrays. Guards: overflow, no elements, sizes.
    Fold(Fold),
    /// A part of an array. Arguments: the array, then those of the parts in order.
    View(Vec<ViewPart>),

    /// A constant text: its codes.
    Text(Vec<u32>),
    /// The text of one character of an array of codes at an index. Guard: the index.
    Character,
    /// Of two texts.
    CompareText(Comparison),
    /// Whether the second argument, a text, has the first one in it. Guard: of a number, that it is a byte.
    InText,
    /// The number of a text that is one character. Guard: its length.
    Ord,
    /// A tuple of the arguments.
    Tuple,
    /// An item of a tuple, a part of a complex number.
    Item(usize),
    /// An operation on complex numbers.
    Complex(ComplexOp),
    /// An operation on a list.
    List(ListOp),
    /// An operation on an object of a dataclass.
    Record(RecordOp),
    /// A function of Rust's. Guards: as it tells. One that gives a list is only what is assigned to a slot.
    Routine(Routine),
    /// What loops over the elements of arrays need.
    Each(EachOp),
}

/// Operations on complex numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ComplexOp {
    /// Of real and imaginary part.
    Make,
    /// A product: its parts, then those of the factors, for the case that both are NaNs.
    Recovered,
    /// Of the parts of two. Guard: zero.
    Quotient {
        /// Whether infinities are recovered.
        annex: bool,
    },
    /// Of a float and the parts of one. Guard: zero.
    RealQuotient,
    /// Of the parts of one and a float. Guard: zero.
    QuotientByReal,
    /// The absolute value, of one. Guard: overflow.
    Abs,
    /// The argument. Guard: infinities in it.
    Finite,
}

/// Operations on lists. The list is the first argument where nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListOp {
    /// A list of the arguments; only as what is assigned to a slot. Guard: memory.
    New,
    /// The arguments but the last one, as many times as that says; only as what is assigned to a slot.
    /// Guard: memory.
    Repeat,
    /// The number of items.
    Len,
    /// The item at an index. Guard: the index.
    Get,
    /// Puts the first argument into the list that is the second, at the index that is the third. Guard: the index.
    Set,
    /// Adds an item at the end. Guard: memory.
    Append,
    /// Adds an item, the third argument, before the index that is the second. Guard: memory.
    Insert,
    /// Takes out the last item, or that at an index. Guards: empty, the index.
    Pop,
    /// Takes out all items.
    Clear,
}

/// Operations on objects of dataclasses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecordOp {
    /// An object with the arguments as fields; only as what is assigned to a slot. Guard: memory.
    New,
    /// The field at this place of the first argument.
    Get(usize),
    /// Puts the first argument into the field at this place of the object that is the second.
    Set(usize),
    /// Whether two are the same object.
    Same,
}

/// What is done with one axis of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ViewPart {
    /// One index: the axis goes. Guard: the index.
    Index,
    /// `start:stop:step`, each present or not. Guard: a step of zero.
    Slice {
        /// Whether a start is given.
        start: bool,
        /// Whether a stop is given.
        stop: bool,
        /// Whether a step is given.
        step: bool,
    },
}

/// Comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
}

impl Comparison {
    /// The one that holds with exchanged sides.
    #[must_use]
    pub(crate) fn mirrored(self) -> Self {
        match self {
            Self::Lt => Self::Gt,
            Self::Le => Self::Ge,
            Self::Gt => Self::Lt,
            Self::Ge => Self::Le,
            same => same,
        }
    }

    /// The one that holds exactly where this one does not, for ints.
    #[must_use]
    pub(crate) fn negated(self) -> Self {
        match self {
            Self::Eq => Self::Ne,
            Self::Ne => Self::Eq,
            Self::Lt => Self::Ge,
            Self::Le => Self::Gt,
            Self::Gt => Self::Le,
            Self::Ge => Self::Lt,
        }
    }
}

macro_rules! math_functions {
    ($($variant:ident $name:literal $arity:literal),+ $(,)?) => {
        /// Functions of `math` that take floats and give one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum MathFunction {
            $(#[doc = concat!("`math.", $name, "`")] $variant),+
        }

        impl MathFunction {
            /// The function of that name in `math`.
            pub(crate) fn named(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// Its name in `math`.
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),+
                }
            }

            /// How many arguments it takes.
            pub(crate) fn arity(self) -> usize {
                match self {
                    $(Self::$variant => $arity),+
                }
            }
        }
    };
}

math_functions! {
    Sqrt "sqrt" 1, Exp "exp" 1, Exp2 "exp2" 1, Expm1 "expm1" 1, Log2 "log2" 1, Log10 "log10" 1, Log1p "log1p" 1,
    Log "log" 1, Sin "sin" 1, Cos "cos" 1, Tan "tan" 1, Asin "asin" 1, Acos "acos" 1, Atan "atan" 1,
    Sinh "sinh" 1, Cosh "cosh" 1, Tanh "tanh" 1, Asinh "asinh" 1, Acosh "acosh" 1, Atanh "atanh" 1,
    Erf "erf" 1, Erfc "erfc" 1, Cbrt "cbrt" 1, Fabs "fabs" 1,
    Atan2 "atan2" 2, Fmod "fmod" 2, Pow "pow" 2, Copysign "copysign" 2,
}

impl Expr {
    /// An operation that cannot fail.
    pub(crate) fn new(op: Op, args: Vec<Self>, ty: Type) -> Self {
        Self {
            op,
            args,
            ty,
            guards: Vec::new(),
            plain: false,
            range: (i64::MIN, i64::MAX),
        }
    }

    /// The same with guards.
    #[must_use]
    pub(crate) fn guarded(mut self, guards: Vec<Guard>) -> Self {
        self.guards = guards;
        self
    }

    /// A constant.
    pub(crate) fn int(value: i64) -> Self {
        Self::new(Op::Int(value), Vec::new(), Type::Int)
    }

    /// A constant.
    pub(crate) fn float(value: f64) -> Self {
        Self::new(Op::Float(value), Vec::new(), Type::Float)
    }

    /// A constant.
    pub(crate) fn bool(value: bool) -> Self {
        Self::new(Op::Bool(value), Vec::new(), Type::Bool)
    }

    /// `None`.
    pub(crate) fn none() -> Self {
        Self::new(Op::None, Vec::new(), Type::None)
    }

    /// The value of a slot.
    pub(crate) fn slot(slot: SlotId, ty: Type) -> Self {
        Self::new(Op::Slot(slot), Vec::new(), ty)
    }

    /// Whether evaluating it a second time, or not at all, makes no difference but for its checks.
    pub(crate) fn is_cheap(&self) -> bool {
        let own = matches!(
            self.op,
            Op::Int(_)
                | Op::Float(_)
                | Op::Bool(_)
                | Op::Slot(_)
                | Op::Dim(_)
                | Op::Add
                | Op::Sub
                | Op::Mul
                | Op::Neg
                | Op::BoolToInt
        );
        own && self.args.iter().all(Self::is_cheap)
    }

    /// Whether it is the same operation on the same.
    pub(crate) fn same(&self, other: &Self) -> bool {
        self.op == other.op
            && self.args.len() == other.args.len()
            && self
                .args
                .iter()
                .zip(&other.args)
                .all(|(one, other)| one.same(other))
    }

    /// Calls `visit` with this expression and all in it.
    pub(crate) fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Self)) {
        visit(self);
        for arg in &self.args {
            arg.walk(visit);
        }
    }
}
