//! What a list looks like while it is changed: items have moved, or some of them are new. `None` where nobody can tell
//! the difference. A place that has no item yet is no concern: who reads it waits for the lock.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyListMethods};

use super::super::touch::Object;
use super::halfway::Half;

/// A list's items, as a list that is nobody else's.
unsafe fn copied<'py>(list: Object) -> Option<Bound<'py, PyList>> {
    // SAFETY: `before`: a list, with the GIL.
    unsafe {
        let copy = ffi::PyList_GetSlice(list, 0, ffi::PyList_Size(list));
        let copy = Bound::from_owned_ptr_or_opt(Python::assume_attached(), copy)?;
        copy.cast_into().ok()
    }
}

/// Those that are not the same before, then and after.
fn between<'py>(
    before: &Bound<'py, PyList>,
    seen: Bound<'py, PyList>,
    after: &Bound<'py, PyList>,
) -> Option<Half<'py>> {
    let same = |one: &Bound<'py, PyList>, other: &Bound<'py, PyList>| {
        one.len() == other.len()
            && one
                .iter()
                .zip(other.iter())
                .all(|(one, other)| one.is(&other))
    };
    let told = !same(before, &seen) && !same(&seen, after);
    told.then(|| Half::Items {
        seen,
        whole: before.clone(),
    })
}

/// `sort`: it is taken apart, and empty meanwhile.
pub(super) unsafe fn sorting<'py>(list: Object) -> Option<Half<'py>> {
    // SAFETY: `before`.
    let whole = unsafe { copied(list) }?;
    let seen = PyList::empty(whole.py());
    (!whole.is_empty()).then_some(Half::Items { seen, whole })
}

/// `reverse`: two items change places, one after the other.
pub(super) unsafe fn reversing<'py>(list: Object) -> Option<Half<'py>> {
    // SAFETY: `before`.
    let (before, seen, after) = unsafe { (copied(list)?, copied(list)?, copied(list)?) };
    after.reverse().ok()?;
    seen.set_item(0, after.get_item(0).ok()?).ok()?;
    between(&before, seen, &after)
}

/// `del list[key]`, `pop(key)`: the items after it have moved, and the length is what it was.
pub(super) unsafe fn without<'py>(list: Object, key: Object) -> Option<Half<'py>> {
    // SAFETY: `before`.
    unsafe {
        let after = copied(list)?;
        // What is no plain index may be code under test.
        if ffi::PyLong_CheckExact(key) == 0 && ffi::PySlice_Check(key) == 0 {
            return None;
        }
        if ffi::PyObject_DelItem(after.as_ptr(), key) != 0 {
            ffi::PyErr_Clear();
            return None;
        }
        moved_down(list, &after)
    }
}

unsafe fn moved_down<'py>(list: Object, after: &Bound<'py, PyList>) -> Option<Half<'py>> {
    // SAFETY: `before`.
    let (before, seen) = unsafe { (copied(list)?, copied(list)?) };
    if after.is_empty() {
        return None; // cleared at once
    }
    seen.set_slice(0, after.len(), after).ok()?;
    between(&before, seen, after)
}

/// `remove(value)`, where no code under test compares.
pub(super) unsafe fn removed<'py>(list: Object, value: Object) -> Option<Half<'py>> {
    // SAFETY: `before`; these types compare in C.
    unsafe {
        let plain = |object: Object| {
            ffi::PyLong_CheckExact(object) != 0
                || ffi::PyUnicode_CheckExact(object) != 0
                || ffi::PyFloat_CheckExact(object) != 0
                || ffi::PyBytes_CheckExact(object) != 0
                || object == ffi::Py_None()
        };
        let after = copied(list)?;
        for (at, item) in after.iter().enumerate() {
            let found = item.as_ptr() == value
                || plain(item.as_ptr())
                    && plain(value)
                    && ffi::PyObject_RichCompareBool(item.as_ptr(), value, ffi::Py_EQ) == 1;
            if found {
                after.del_item(at).ok()?;
                return moved_down(list, &after);
            }
            if !plain(item.as_ptr()) || !plain(value) {
                return None;
            }
        }
        None
    }
}

/// `insert(index, item)`: items have moved away for it.
pub(super) unsafe fn inserted<'py>(list: Object, index: Object, item: Object) -> Option<Half<'py>> {
    // SAFETY: `before`.
    unsafe {
        if ffi::PyLong_CheckExact(index) == 0 {
            return None;
        }
        let index = ffi::PyLong_AsSsize_t(index);
        if !ffi::PyErr_Occurred().is_null() {
            ffi::PyErr_Clear();
            return None;
        }
        let after = copied(list)?;
        ffi::PyList_Insert(after.as_ptr(), index, item);
        let length = ffi::PyList_Size(list);
        let from_start = if index < 0 { index + length } else { index };
        let place = from_start.clamp(0, length);
        moved_up(list, place as usize, &after)
    }
}

/// The items from `place` on have moved up, and what is to come is not there yet.
unsafe fn moved_up<'py>(
    list: Object,
    place: usize,
    after: &Bound<'py, PyList>,
) -> Option<Half<'py>> {
    // SAFETY: `before`.
    let (before, seen) = unsafe { (copied(list)?, copied(list)?) };
    let (length, more) = (before.len(), after.len() - before.len());
    for at in place..place + more {
        let left = if at < length {
            before.get_item(at)
        } else {
            after.get_item(at) // nothing: whoever reads it waits, and sees what comes
        };
        seen.insert(at, left.ok()?).ok()?;
    }
    between(&before, seen, after)
}

/// `list[slice] = value`, of a list or tuple.
pub(super) unsafe fn assigned<'py>(
    list: Object,
    slice: Object,
    value: Object,
) -> Option<Half<'py>> {
    // SAFETY: `before`.
    unsafe {
        if ffi::PyList_CheckExact(value) == 0 && ffi::PyTuple_CheckExact(value) == 0 {
            return None;
        }
        let (before, after) = (copied(list)?, copied(list)?);
        if ffi::PyObject_SetItem(after.as_ptr(), slice, value) != 0 {
            ffi::PyErr_Clear();
            return None;
        }
        let (mut start, mut end, mut step) = (0, 0, 0);
        if ffi::PySlice_Unpack(slice, &raw mut start, &raw mut end, &raw mut step) != 0 {
            ffi::PyErr_Clear();
            return None;
        }
        let length = ffi::PyList_Size(list);
        let replaced = ffi::PySlice_AdjustIndices(length, &raw mut start, &raw mut end, step);
        let (low, given) = (start as usize, ffi::PyObject_Size(value));
        if after.is_empty() {
            return None; // cleared at once
        }
        if step == 1 && given > replaced {
            return moved_up(list, low + replaced as usize, &after);
        }
        if given == 0 {
            return moved_down(list, &after);
        }
        let seen = copied(list)?;
        if step == 1 && given < replaced {
            let (from, to) = (low + given as usize, low + replaced as usize);
            seen.set_slice(from, to, &PyList::empty(seen.py())).ok()?;
        } else {
            seen.set_item(low, after.get_item(low).ok()?).ok()?;
        }
        between(&before, seen, &after)
    }
}
