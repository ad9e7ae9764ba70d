//! What is found out about a variable only after its first value: that its integer literals have to be
//! floats, what its empty list will hold. The function is then lowered once more.

use std::collections::{BTreeMap, BTreeSet};

use crate::types::Scalar;

#[derive(Clone, Debug, Default)]
pub(super) struct Promotions {
    /// Names whose integer literals meet floats: they are floats from the start.
    pub(super) floats: BTreeSet<String>,
    /// What the lists of these names hold, though their first values do not tell.
    pub(super) lists: BTreeMap<String, Scalar>,
}

impl Promotions {
    /// Takes over what is new; tells whether there was something.
    pub(super) fn extend(&mut self, new: Self) -> bool {
        let before = (self.floats.len(), self.lists.len());
        self.floats.extend(new.floats);
        for (name, item) in new.lists {
            self.lists.entry(name).or_insert(item);
        }
        before != (self.floats.len(), self.lists.len())
    }
}
