//! An operation that others see half done: with its lock held, before the interpreter makes it.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::super::touch::Object;
use super::Before;
use super::held::Held;

/// What others see of a container between the two steps of an operation.
pub(super) enum Half<'py> {
    /// A list's items then, and what they were before.
    Items {
        seen: Bound<'py, PyList>,
        whole: Bound<'py, PyList>,
    },
    /// One item of a dict that is there already, and what was there before.
    Entry {
        key: Bound<'py, PyAny>,
        value: Bound<'py, PyAny>,
        before: Option<Bound<'py, PyAny>>,
    },
    /// One element of a set that is there already, or there no longer.
    Element { key: Bound<'py, PyAny>, adds: bool },
}

/// Makes an operation on `owner` (and on `other`, whose lock is held as well) in two steps, if there is something to see
/// between them, which is asked once the locks are had; the instruction itself comes next.
pub(super) unsafe fn halfway<'py>(
    owner: Object,
    other: Option<Object>,
    half: impl FnOnce() -> Option<Half<'py>>,
) -> Before {
    // SAFETY: `before`: live objects, with the GIL.
    unsafe {
        let py = Python::assume_attached();
        let objects = [owner, other.unwrap_or(owner)];
        let objects = &objects[..=usize::from(other.is_some())];
        let Some(held) = Held::take(objects, "begins to change") else {
            return Before::Raised;
        };
        let Some(half) = half() else {
            return Before::All;
        };
        let mut went = put(owner, &half);
        if went {
            went = held.finish(owner);
            // What unwinds keeps its exception.
            let raised = PyErr::take(py);
            put_back(owner, &half);
            if let Some(error) = raised {
                error.restore(py);
            }
        }
        if went { Before::All } else { Before::Raised }
    }
}

/// Lets others see it; `false` with an exception set where there was no memory.
unsafe fn put(owner: Object, half: &Half<'_>) -> bool {
    // SAFETY: `halfway`; a container may be changed with the GIL held.
    unsafe {
        match half {
            Half::Items { seen, .. } => replace(owner, seen),
            Half::Entry { key, value, .. } => {
                ffi::PyDict_SetItem(owner, key.as_ptr(), value.as_ptr()) == 0
            }
            Half::Element { key, adds } => toggle(owner, key, *adds),
        }
    }
}

unsafe fn put_back(owner: Object, half: &Half<'_>) {
    // SAFETY: as above.
    unsafe {
        let went = match half {
            Half::Items { whole, .. } => replace(owner, whole),
            Half::Entry { key, before, .. } => match before {
                Some(before) => ffi::PyDict_SetItem(owner, key.as_ptr(), before.as_ptr()) == 0,
                None => ffi::PyDict_DelItem(owner, key.as_ptr()) == 0,
            },
            Half::Element { key, adds } => toggle(owner, key, !adds),
        };
        if !went {
            ffi::PyErr_Clear();
        }
    }
}

unsafe fn replace(list: Object, items: &Bound<'_, PyList>) -> bool {
    // SAFETY: as above.
    unsafe { ffi::PyList_SetSlice(list, 0, ffi::PyList_Size(list), items.as_ptr()) == 0 }
}

unsafe fn toggle(set: Object, key: &Bound<'_, PyAny>, adds: bool) -> bool {
    // SAFETY: as above.
    unsafe {
        if adds {
            ffi::PySet_Add(set, key.as_ptr()) == 0
        } else {
            ffi::PySet_Discard(set, key.as_ptr()) >= 0
        }
    }
}
