//! What is known of the variables at one point of a function.

use std::collections::BTreeMap;

use ruff_text_size::TextRange;

use super::promotion::Promotions;
use crate::types::{Scalar, Type};

/// What a variable holds.
#[derive(Clone, Debug)]
pub(super) struct Binding {
    pub(super) holds: Holds,
    /// Whether some way here does not assign to it.
    pub(super) maybe_unbound: bool,
    /// Whether every way here assigns an integer literal, which may become a float.
    pub(super) literal: bool,
    /// Where it was assigned to.
    pub(super) at: TextRange,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Holds {
    One(Type),
    /// Ways with different types meet here: an error where the variable is used.
    Clash([(Type, TextRange); 2]),
    /// What another iteration of a parallel loop has left: an error where the variable is used.
    Crossing(Crossing),
}

/// A variable of which every iteration of a parallel loop has its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crossing {
    /// Where the loop's body assigns to it.
    pub(super) assigned: TextRange,
    /// The loop's head.
    pub(super) around: TextRange,
    /// The use that keeps it from being a reduction, if it is nearly one.
    pub(super) other: Option<TextRange>,
    /// Whether the loop has ended.
    pub(super) after: bool,
}

impl Holds {
    /// The type, if there is only one.
    pub(super) fn one(self) -> Option<Type> {
        match self {
            Self::One(ty) => Some(ty),
            Self::Clash(_) | Self::Crossing(_) => None,
        }
    }
}

/// The variables that are assigned to, or nothing where no way leads.
#[derive(Clone, Debug, Default)]
pub(super) struct State(pub(super) Option<BTreeMap<String, Binding>>);

impl State {
    pub(super) fn entry() -> Self {
        Self(Some(BTreeMap::new()))
    }

    pub(super) fn unreachable() -> Self {
        Self(None)
    }

    pub(super) fn is_reachable(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn get(&self, name: &str) -> Option<&Binding> {
        self.0.as_ref()?.get(name)
    }

    pub(super) fn bind(&mut self, name: &str, ty: Type, literal: bool, at: TextRange) {
        if let Some(variables) = &mut self.0 {
            let binding = Binding {
                holds: Holds::One(ty),
                maybe_unbound: false,
                literal,
                at,
            };
            variables.insert(name.to_owned(), binding);
        }
    }

    /// Takes a variable away.
    pub(super) fn unbind(&mut self, name: &str) {
        if let Some(variables) = &mut self.0 {
            variables.remove(name);
        }
    }

    /// Takes a variable's value away.
    pub(super) fn hide(&mut self, name: &str, crossing: Crossing) {
        self.bind(name, Type::None, false, crossing.assigned);
        if let Some(binding) = self.0.as_mut().and_then(|known| known.get_mut(name)) {
            binding.holds = Holds::Crossing(crossing);
        }
    }

    /// What is known where two ways meet. Names whose integer literals have to be floats, and what empty
    /// lists hold, go into `promote`.
    pub(super) fn join(self, other: Self, promote: &mut Promotions) -> Self {
        let (mut left, right) = match (self.0, other.0) {
            (Some(left), Some(right)) => (left, right),
            (left, right) => return Self(left.or(right)),
        };
        for (name, binding) in &mut left {
            match right.get(name) {
                None => binding.maybe_unbound = true,
                Some(other) => binding.meet(other, name, promote),
            }
        }
        for (name, mut binding) in right {
            left.entry(name).or_insert_with(|| {
                binding.maybe_unbound = true;
                binding
            });
        }
        Self(Some(left))
    }

    /// Whether both know the same, wherever it was assigned.
    pub(super) fn agrees_with(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(left), Some(right)) => {
                left.len() == right.len()
                    && left
                        .iter()
                        .zip(right)
                        .all(|((name, mine), (other, theirs))| {
                            name == other && mine.agrees_with(theirs)
                        })
            }
            _ => false,
        }
    }
}

impl Binding {
    fn meet(&mut self, other: &Self, name: &str, promote: &mut Promotions) {
        self.maybe_unbound |= other.maybe_unbound;
        let (Holds::One(mine), Holds::One(theirs)) = (self.holds, other.holds) else {
            if !matches!(self.holds, Holds::Crossing(_)) && !matches!(other.holds, Holds::One(_)) {
                self.holds = other.holds;
            }
            return;
        };
        if mine == theirs {
            self.literal &= other.literal;
            return;
        }
        let literal_meets_float = (self.literal && mine == Type::Int && theirs == Type::Float)
            || (other.literal && theirs == Type::Int && mine == Type::Float);
        self.literal = false;
        if literal_meets_float {
            self.holds = Holds::One(Type::Float);
            promote.floats.insert(name.to_owned());
        } else if let (Type::List(one), Type::List(another)) = (mine, theirs)
            && (one == Scalar::Unknown || another == Scalar::Unknown)
        {
            // The empty one is one of the others.
            let known = if one == Scalar::Unknown { another } else { one };
            self.holds = Holds::One(Type::List(known));
            promote.lists.insert(name.to_owned(), known);
        } else {
            self.holds = Holds::Clash([(mine, self.at), (theirs, other.at)]);
        }
    }

    fn agrees_with(&self, other: &Self) -> bool {
        let same = match (self.holds, other.holds) {
            (Holds::One(mine), Holds::One(theirs)) => mine == theirs,
            (Holds::Clash(_), Holds::Clash(_)) | (Holds::Crossing(_), Holds::Crossing(_)) => true,
            _ => false,
        };
        same && self.maybe_unbound == other.maybe_unbound && self.literal == other.literal
    }
}
