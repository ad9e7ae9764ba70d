//! The typed program: statements of Python's shape over typed slots, with every check written out.
//!
//! A variable has one slot for each type that it takes. A check is a [`Guard`]: the place to blame and
//! whether it was proved away. Passes rewrite guards and nothing else.

mod attempt;
mod display;
mod each;
mod expression;
mod parallel;

use ruff_text_size::TextRange;

pub(crate) use attempt::{Handler, Try};
pub(crate) use each::EachOp;
pub(crate) use expression::{
    Comparison, ComplexOp, Expr, ListOp, MathFunction, Op, RecordOp, ViewPart,
};
pub(crate) use parallel::{Parallel, Reduction};

use crate::environment::FunctionId;
use crate::types::Type;

/// Index of a slot in [`Function::slots`].
pub(crate) type SlotId = usize;
/// Index of a site in [`Program::sites`].
pub(crate) type SiteId = usize;
/// Index of a function in [`Program::functions`].
pub(crate) type InstanceId = usize;

/// All functions that one function needs, itself first.
#[derive(Debug, Default)]
pub(crate) struct Program {
    /// Functions, each for one list of argument types.
    pub functions: Vec<Function>,
    /// Places where something can go wrong.
    pub sites: Vec<Site>,
}

impl Program {
    pub(crate) fn has_parallel_loops(&self) -> bool {
        let mut found = false;
        for function in &self.functions {
            walk(&function.body, &mut |stmt| {
                found |= matches!(stmt, Stmt::Count(count) if count.parallel.is_some());
            });
        }
        found
    }
}

/// A function for one list of argument types.
#[derive(Debug)]
pub(crate) struct Function {
    /// Whose text it is.
    pub source: FunctionId,
    /// Its name.
    pub name: String,
    /// The slots that the arguments are in, in the order of the call.
    pub parameters: Vec<SlotId>,
    /// Its variables and temporaries.
    pub slots: Vec<Slot>,
    /// What it returns.
    pub returns: Type,
    /// What it does.
    pub body: Block,
    /// Its head, which is to blame when the stack is full.
    pub site: SiteId,
    /// Whether a call of it can lead to another one.
    pub recursive: bool,
    /// Whether it, or what it calls, has loops or recursion: whether it can take long.
    pub long: bool,
}

/// A variable of one type.
#[derive(Debug)]
pub(crate) struct Slot {
    /// The variable's name; temporaries have names that no variable can have.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// Whether it has to be remembered if it was assigned to.
    pub flagged: bool,
}

/// A place where something can go wrong, and what is raised then.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// The function whose text `range` is in.
    pub function: FunctionId,
    /// The expression or statement.
    pub range: TextRange,
    /// The error; `None` for calls, which pass on what happened inside.
    pub error: Option<Raise>,
}

/// An exception.
#[derive(Clone, Debug, PartialEq)]
pub struct Raise {
    /// The exception's name in `builtins`, or behind that of its module and a dot.
    pub exception: String,
    /// What it says.
    pub message: Message,
}

/// What an exception says.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// Nothing: it has no arguments.
    None,
    /// A text, where `{a}` and `{b}` stand for ints known when it happens.
    Text(String),
    /// What Python's own exception says in this expression, where `a` and `b` are floats and `i` and `j` ints known
    /// when it happens.
    LikePython(String),
}

/// A check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Guard {
    /// What to blame.
    pub site: SiteId,
    /// Whether it can be left out.
    pub proof: Proof,
}

/// Whether a check can be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// It has to be made.
    Open,
    /// It cannot fail, as the ranges of the values show.
    Proved,
    /// The user does without it, or what it is in cannot fail by its making.
    Waived,
    /// It is made before the loop, which has a version without it.
    Hoisted,
    /// The same, before the outermost of several loops.
    Outer,
}

impl Proof {
    /// Whether there are versions of the loop without the check.
    pub(crate) fn is_before_loop(self) -> bool {
        matches!(self, Self::Hoisted | Self::Outer)
    }
}

/// Statements, one after the other.
pub(crate) type Block = Vec<Stmt>;

/// A statement.
#[derive(Clone, Debug)]
pub(crate) enum Stmt {
    /// Does nothing: what follows is of this line of the file.
    At(u32),
    /// Assigns to a slot.
    Set(SlotId, Expr),
    /// Takes a slot's value away: it is as before the first assignment.
    Unset(SlotId),
    /// Writes an element of an array.
    Store(Store),
    /// Evaluates for what can go wrong.
    Eval(Expr),
    /// `if`.
    If(Expr, Block, Block),
    /// `while` with its `else`.
    While(While),
    /// `for` over a range, with its `else`.
    Count(Box<Count>),
    /// Leaves the innermost loop.
    Break,
    /// Goes on with the innermost loop.
    Continue,
    /// Returns.
    Return(Expr),
    /// Raises the error of a site.
    Raise(SiteId),
    /// `try` with its handlers.
    Try(Box<Try>),
    /// A block in a `try` whose errors are not for the innermost ones, as many as the number tells.
    Outside(usize, Block),
    /// Raises anew what is being handled.
    RaiseAgain,
}

/// A write to an element.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    /// The array.
    pub array: Expr,
    /// One index for each dimension.
    pub index: Vec<Expr>,
    /// What is written, of the element's [`read`](crate::types::Element::read) type.
    pub value: Expr,
    /// One for each index, then one for the value's range.
    pub guards: Vec<Guard>,
}

/// A `while` loop.
#[derive(Clone, Debug)]
pub(crate) struct While {
    /// The condition.
    pub test: Expr,
    /// The body.
    pub body: Block,
    /// What happens when the condition is false.
    pub orelse: Block,
    /// Its head, where it can be interrupted.
    pub site: SiteId,
}

/// A loop over `range(start, stop, step)`.
#[derive(Clone, Debug)]
pub(crate) struct Count {
    /// The variable.
    pub slot: SlotId,
    /// First value.
    pub start: Expr,
    /// The value before which it ends.
    pub stop: Expr,
    /// The difference, not zero: the guard says what happens otherwise.
    pub step: Expr,
    /// For a step that is zero.
    pub guard: Guard,
    /// Its head, where it can be interrupted.
    pub site: SiteId,
    /// The body.
    pub body: Block,
    /// What happens when the range is at its end.
    pub orelse: Block,
    /// Conditions under which the guards that are [`Proof::Hoisted`] in the body cannot fail.
    pub hoisted: Vec<Condition>,
    /// What makes it a parallel loop, if it is one.
    pub parallel: Option<Box<Parallel>>,
    /// Where these are about a nest: the variables of its inner loops, from the outside inwards.
    pub inner: Vec<Variable>,
    /// Whether the nest's conditions fail only where one of its checks would.
    pub exact: bool,
}

impl Count {
    /// A loop of one thread about whose nest nothing is known, and which has no `else`.
    pub(crate) fn new(
        slot: SlotId,
        (start, stop, step): (Expr, Expr, Expr),
        guard: Guard,
        site: SiteId,
        body: Block,
    ) -> Self {
        Self {
            slot,
            start,
            stop,
            step,
            guard,
            site,
            body,
            orelse: Vec::new(),
            hoisted: Vec::new(),
            parallel: None,
            inner: Vec::new(),
            exact: false,
        }
    }
}

/// The variable of a loop in a nest, and its range in terms of what is known before the nest.
#[derive(Clone, Debug)]
pub(crate) struct Variable {
    /// The variable.
    pub slot: SlotId,
    /// First value.
    pub start: Expr,
    /// The value before which it ends.
    pub stop: Expr,
    /// The difference, as far as it is a constant.
    pub step: Option<i64>,
}

/// What has to hold before a loop, at its first and at its last round.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    /// An `int` that changes evenly with the loop's variable.
    pub value: Expr,
    /// The array and axis in whose bounds it has to be; without them it only must not overflow.
    pub within: Option<(Expr, u8)>,
    /// Whether it does not change evenly: then its bounds are asked about.
    pub curved: bool,
}

impl Stmt {
    /// Calls `visit` with each expression of the statement itself, not with those of nested blocks.
    pub(crate) fn expressions<'a>(&'a self, visit: &mut dyn FnMut(&'a Expr)) {
        match self {
            Self::Set(_, value) | Self::Eval(value) | Self::Return(value) | Self::If(value, ..) => {
                visit(value);
            }
            Self::Store(store) => {
                visit(&store.array);
                store.index.iter().for_each(&mut *visit);
                visit(&store.value);
            }
            Self::While(inner) => visit(&inner.test),
            Self::Count(count) => {
                visit(&count.start);
                visit(&count.stop);
                visit(&count.step);
                if let Some(parallel) = &count.parallel
                    && let Some((threads, _)) = &parallel.threads
                {
                    visit(threads);
                }
            }
            Self::At(_)
            | Self::Unset(_)
            | Self::Break
            | Self::Continue
            | Self::Raise(_)
            | Self::Try(_)
            | Self::Outside(..)
            | Self::RaiseAgain => {}
        }
    }

    /// The same, to change them.
    pub(crate) fn expressions_mut(&mut self, visit: &mut dyn FnMut(&mut Expr)) {
        match self {
            Self::Set(_, value) | Self::Eval(value) | Self::Return(value) | Self::If(value, ..) => {
                visit(value);
            }
            Self::Store(store) => {
                visit(&mut store.array);
                store.index.iter_mut().for_each(&mut *visit);
                visit(&mut store.value);
            }
            Self::While(inner) => visit(&mut inner.test),
            Self::Count(count) => {
                visit(&mut count.start);
                visit(&mut count.stop);
                visit(&mut count.step);
                if let Some(parallel) = &mut count.parallel
                    && let Some((threads, _)) = &mut parallel.threads
                {
                    visit(threads);
                }
            }
            Self::At(_)
            | Self::Unset(_)
            | Self::Break
            | Self::Continue
            | Self::Raise(_)
            | Self::Try(_)
            | Self::Outside(..)
            | Self::RaiseAgain => {}
        }
    }

    /// The nested blocks.
    pub(crate) fn blocks(&self) -> Vec<&Block> {
        match self {
            Self::If(_, then, other) => vec![then, other],
            Self::While(inner) => vec![&inner.body, &inner.orelse],
            Self::Count(count) => vec![&count.body, &count.orelse],
            Self::Try(inner) => {
                let handlers = inner.handlers.iter().map(|handler| &handler.body);
                let mut blocks = vec![&inner.body, &inner.orelse];
                blocks.extend(handlers);
                blocks
            }
            Self::Outside(_, block) => vec![block],
            _ => Vec::new(),
        }
    }

    /// The same, to change them.
    pub(crate) fn blocks_mut(&mut self) -> Vec<&mut Block> {
        match self {
            Self::If(_, then, other) => vec![then, other],
            Self::While(inner) => vec![&mut inner.body, &mut inner.orelse],
            Self::Count(count) => {
                let count = count.as_mut();
                vec![&mut count.body, &mut count.orelse]
            }
            Self::Try(inner) => {
                let inner = inner.as_mut();
                let handlers = inner.handlers.iter_mut().map(|handler| &mut handler.body);
                let mut blocks = vec![&mut inner.body, &mut inner.orelse];
                blocks.extend(handlers);
                blocks
            }
            Self::Outside(_, block) => vec![block],
            _ => Vec::new(),
        }
    }

    /// The slot that the statement itself assigns to.
    pub(crate) fn assigned(&self) -> Option<SlotId> {
        match self {
            Self::Set(slot, _) | Self::Unset(slot) => Some(*slot),
            Self::Count(count) => Some(count.slot),
            _ => None,
        }
    }
}

/// Calls `visit` with every statement of a block, nested ones included.
pub(crate) fn walk<'a>(block: &'a [Stmt], visit: &mut dyn FnMut(&'a Stmt)) {
    for stmt in block {
        visit(stmt);
        for nested in stmt.blocks() {
            walk(nested, visit);
        }
    }
}
