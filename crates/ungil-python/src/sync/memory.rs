//! What one message taught about the next: small memories behind the interpreter's lock.
//!
//! Nothing in here lets go of that lock while it holds a mutex: nobody waits for one, and no child
//! is forked in between.

use pyo3::prelude::*;
use pyo3::types::PyString;
use std::sync::{Mutex, MutexGuard, TryLockError};

/// So many things are remembered; beyond that the oldest are worked out again.
const REMEMBERED: usize = 32;
/// Strings that are remembered, one per slot, and their longest length in bytes.
const SLOTS: usize = 256;
const LONGEST: usize = 32;

/// The last few of something.
pub(super) struct Memory<T>(Mutex<Vec<T>>);

impl<T: Clone> Memory<T> {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    pub(super) fn find(&self, _py: Python<'_>, is: impl Fn(&T) -> bool) -> Option<T> {
        open(&self.0)?.iter().find(|item| is(item)).cloned()
    }

    /// Remembers `item` in place of what `is` finds.
    pub(super) fn keep(&self, _py: Python<'_>, item: T, is: impl Fn(&T) -> bool) {
        let Some(mut items) = open(&self.0) else {
            return;
        };
        let old = if let Some(found) = items.iter_mut().find(|item| is(item)) {
            Some(std::mem::replace(found, item))
        } else {
            let full = items.len() >= REMEMBERED;
            items.push(item);
            full.then(|| items.remove(0))
        };
        // What is forgotten may run code when it is dropped.
        drop(items);
        drop(old);
    }
}

static STRINGS: Mutex<[Option<Py<PyString>>; SLOTS]> = Mutex::new([const { None }; SLOTS]);

/// A string that other messages are likely to have too: made, and hashed, once.
pub(super) fn string<'py>(py: Python<'py>, text: &str) -> Bound<'py, PyString> {
    let Some(mut strings) = (text.len() <= LONGEST).then(|| open(&STRINGS)).flatten() else {
        return PyString::new(py, text);
    };
    let slot = &mut strings[slot(text.as_bytes())];
    if let Some(known) = slot
        && let known = known.bind(py)
        && known.to_str().is_ok_and(|known| known == text)
    {
        return known.clone();
    }
    let new = PyString::new(py, text);
    *slot = Some(new.clone().unbind());
    new
}

/// FNV-1a, which is fast for a few bytes.
fn slot(bytes: &[u8]) -> usize {
    let hash = bytes.iter().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    });
    (hash ^ hash >> 16) as usize % SLOTS
}

fn open<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(open) => Some(open),
        Err(TryLockError::Poisoned(open)) => Some(open.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}
