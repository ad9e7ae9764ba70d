//! The functions that were seen, by number.

use std::collections::HashMap;

use super::frame::{Identity, Read};
use super::lock::Lock;
use crate::layout::Layout;
use crate::model::{Function, MERGED, NO_FUNCTION};

/// Functions that are told apart; a program that makes more of them by `exec` gets no more names.
const MOST: usize = 65_536;
/// Numbers below this have a meaning of their own.
const FIRST: u32 = 2;
const _: () = assert!(NO_FUNCTION < FIRST && MERGED < FIRST);

pub(crate) static FUNCTIONS: Lock<Option<Functions>> = Lock::new(None);

#[derive(Default)]
pub(crate) struct Functions {
    numbers: HashMap<Identity, u32>,
    functions: Vec<Function>,
}

impl Functions {
    /// The number of a function, given on first sight.
    pub(crate) fn number(
        &mut self,
        identity: Identity,
        layout: &Layout,
        memory: &impl Read,
    ) -> u32 {
        if let Some(&number) = self.numbers.get(&identity) {
            return number;
        }
        if self.functions.len() >= MOST {
            return NO_FUNCTION;
        }
        let Some((name, file)) = identity.names(layout, memory) else {
            return NO_FUNCTION;
        };
        let number = FIRST + self.functions.len() as u32;
        self.functions.push(Function {
            name,
            file,
            line: identity.line(),
        });
        self.numbers.insert(identity, number);
        number
    }

    /// All of them, by number; those below [`FIRST`] are `None`.
    pub(crate) fn all(&self) -> Vec<Option<Function>> {
        let named = self.functions.iter().cloned().map(Some);
        vec![None; FIRST as usize]
            .into_iter()
            .chain(named)
            .collect()
    }
}

/// The number of a function, given on first sight.
pub(crate) fn number(identity: Identity, layout: &Layout, memory: &impl Read) -> u32 {
    FUNCTIONS
        .lock()
        .get_or_insert_default()
        .number(identity, layout, memory)
}

/// Forgets all: code objects may have gone since.
pub(crate) fn clear() {
    *FUNCTIONS.lock() = None;
}

/// All functions, by number; those below [`FIRST`] are `None`.
pub(crate) fn all() -> Vec<Option<Function>> {
    FUNCTIONS.lock().get_or_insert_default().all()
}

/// A thread's own short memory of numbers.
pub(crate) struct Cache([(Identity, u32); Cache::SIZE]);

impl Cache {
    const SIZE: usize = 64;

    pub(crate) const fn new() -> Self {
        Self([(Identity::NONE, NO_FUNCTION); Self::SIZE])
    }

    #[inline]
    pub(crate) fn number(
        &mut self,
        identity: Identity,
        layout: &Layout,
        memory: &impl Read,
    ) -> u32 {
        // Code objects are 16-byte aligned and some 200 bytes apart.
        let slot = &mut self.0[(identity.code >> 5 ^ identity.code >> 11) % Self::SIZE];
        if slot.0 != identity {
            *slot = (identity, number(identity, layout, memory));
        }
        slot.1
    }
}
