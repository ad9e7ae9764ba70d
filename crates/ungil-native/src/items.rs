//! The types of a tuple's items.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Deref;
use std::sync::{Mutex, PoisonError};

use crate::types::Type;

/// Types in a row, kept once and for good: so that a [`Type`] is as easily copied as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Items(&'static [Type]);

impl Items {
    /// These types.
    pub fn new(types: &[Type]) -> Self {
        static KNOWN: Mutex<BTreeSet<&'static [Type]>> = Mutex::new(BTreeSet::new());
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(same) = known.get(types) {
            return Self(same);
        }
        // A program has few of them.
        let kept: &'static [Type] = Box::leak(types.to_vec().into_boxed_slice());
        known.insert(kept);
        Self(kept)
    }
}

impl Deref for Items {
    type Target = [Type];

    fn deref(&self) -> &[Type] {
        self.0
    }
}

impl fmt::Display for Items {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.iter().map(ToString::to_string).collect();
        match &names[..] {
            [] => f.write_str("tuple[()]"),
            names => write!(f, "tuple[{}]", names.join(", ")),
        }
    }
}
