//! Dicts and sets that take in, or give up, what another one has: one by one, with both locks held.

use pyo3::prelude::*;
use pyo3::types::{PyAnyMethods, PyDict, PyDictMethods};

use super::super::touch::Object;
use super::halfway::Half;
use super::{is_dict, is_set};

/// `BINARY_OP`'s `|=` and `-=`.
const UNITES: usize = 20;
const TAKES_AWAY: usize = 23;

/// Whether this operator adds what the other one has; `None` for one that changes it at once.
pub(super) fn adds(operator: usize) -> Option<bool> {
    match operator {
        UNITES => Some(true),
        TAKES_AWAY => Some(false),
        _ => None,
    }
}

/// Whether others may see it half done: a dict that is empty takes over another one at once.
pub(super) unsafe fn may_be_seen(owner: Object, other: Object, adds: bool) -> bool {
    // SAFETY: `before`.
    unsafe {
        if owner == other {
            return false;
        }
        if is_dict(owner) {
            return adds && is_dict(other);
        }
        is_set(owner) && (is_set(other) || adds && is_dict(other))
    }
}

/// The first one of several that come or go.
pub(super) unsafe fn first<'py>(owner: Object, other: Object, adds: bool) -> Option<Half<'py>> {
    // SAFETY: `before`.
    unsafe {
        let py = Python::assume_attached();
        let other = Bound::from_borrowed_ptr(py, other);
        let owner = Bound::from_borrowed_ptr(py, owner);
        if let Ok(dict) = owner.cast_exact::<PyDict>() {
            let other = other.cast_exact::<PyDict>().ok()?;
            if dict.is_empty() || other.len() < 2 {
                return None;
            }
            let (key, value) = other.iter().next()?;
            let before = dict.get_item(&key).ok()?;
            return Some(Half::Entry { key, value, before });
        }
        let differs = |key: &Bound<'py, PyAny>| owner.contains(key).is_ok_and(|has| has != adds);
        let mut changes = other.try_iter().ok()?.flatten().filter(differs);
        let key = changes.next()?;
        changes.next()?;
        Some(Half::Element { key, adds })
    }
}
