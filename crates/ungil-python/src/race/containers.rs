//! Lists, dicts, sets, byte arrays and deques: what an object has to do with one.

use pyo3::ffi;
use smallvec::SmallVec;
use ungil_race::Part;

use super::frame::read;
use super::touch::Object;

unsafe extern "C" {
    static mut PyListIter_Type: ffi::PyTypeObject;
    static mut PyListRevIter_Type: ffi::PyTypeObject;
    static mut PyDictRevIterKey_Type: ffi::PyTypeObject;
    static mut PyDictRevIterValue_Type: ffi::PyTypeObject;
    static mut PyDictRevIterItem_Type: ffi::PyTypeObject;
    static mut PyEnum_Type: ffi::PyTypeObject;
    static mut PyFilter_Type: ffi::PyTypeObject;
    static mut PyMap_Type: ffi::PyTypeObject;
    static mut PyReversed_Type: ffi::PyTypeObject;
    static mut PyZip_Type: ffi::PyTypeObject;
    static mut PyDictIterKey_Type: ffi::PyTypeObject;
    static mut PyDictIterValue_Type: ffi::PyTypeObject;
    static mut PyDictIterItem_Type: ffi::PyTypeObject;
    static mut PySetIter_Type: ffi::PyTypeObject;
    static mut PyDictKeys_Type: ffi::PyTypeObject;
    static mut PyDictValues_Type: ffi::PyTypeObject;
    static mut PyDictItems_Type: ffi::PyTypeObject;
}

pub(super) unsafe fn is_container(object: Object) -> bool {
    // SAFETY: the caller's; a place on the value stack may be empty.
    unsafe {
        !object.is_null()
            && (ffi::PyList_Check(object) != 0
                || ffi::PyDict_Check(object) != 0
                || ffi::PyAnySet_Check(object) != 0
                || ffi::PyByteArray_Check(object) != 0
                || is_deque(object))
    }
}

pub(super) unsafe fn is_deque(object: Object) -> bool {
    // SAFETY: the caller's; a static text, the name of the type.
    unsafe {
        if object.is_null() {
            return false;
        }
        let name = (*ffi::Py_TYPE(object)).tp_name;
        std::ffi::CStr::from_ptr(name).to_bytes() == b"collections.deque"
    }
}

/// The container that holds what this object shows: a view's dict, or itself.
pub(super) unsafe fn container_of(object: Object) -> Option<Object> {
    // SAFETY: the caller's; a view's dict has lain there since 3.0.
    unsafe {
        if is_container(object) {
            return Some(object);
        }
        if object.is_null() {
            return None;
        }
        let class = ffi::Py_TYPE(object);
        let is_view = class == &raw mut PyDictKeys_Type
            || class == &raw mut PyDictValues_Type
            || class == &raw mut PyDictItems_Type;
        is_view.then(|| read(object.cast(), 16))
    }
}

/// Which part of a container a key names: plain keys of plain containers have a part of their own.
pub(super) unsafe fn element(container: Object, key: Object) -> Part {
    // SAFETY: the caller's; hashing these types runs no code under test.
    unsafe {
        if key.is_null()
            || !(ffi::PyList_Check(container) != 0 || ffi::PyDict_Check(container) != 0)
        {
            return Part::Whole;
        }
        if ffi::PyList_Check(container) != 0 {
            if ffi::PyLong_CheckExact(key) == 0 {
                return Part::Whole;
            }
            let mut at = ffi::PyLong_AsSsize_t(key);
            if at == -1 && !ffi::PyErr_Occurred().is_null() {
                ffi::PyErr_Clear();
                return Part::Whole;
            }
            if at < 0 {
                at += ffi::PyList_Size(container);
            }
            return Part::Element(at as u64);
        }
        let plain = ffi::PyLong_CheckExact(key) != 0
            || ffi::PyUnicode_CheckExact(key) != 0
            || ffi::PyBytes_CheckExact(key) != 0;
        if plain {
            Part::Element(ffi::PyObject_Hash(key) as u64)
        } else {
            Part::Whole
        }
    }
}

/// More iterators below each other than this are not looked through.
const DEEPEST: usize = 8;

/// The containers that a built-in iterator goes through, also below `enumerate`, `zip`, `map`, `filter`, `reversed`.
pub(super) unsafe fn underlying(iterator: Object) -> SmallVec<[Object; 2]> {
    let mut found = SmallVec::new();
    // SAFETY: the caller's.
    unsafe { look_below(iterator, DEEPEST, &mut found) };
    found
}

unsafe fn look_below(iterator: Object, depth: usize, found: &mut SmallVec<[Object; 2]>) {
    // SAFETY: the caller's: a live object or null; the fields of these types have lain there since 3.0.
    unsafe {
        if depth == 0 || iterator.is_null() {
            return;
        }
        let class = ffi::Py_TYPE(iterator);
        let below: Object = match place_below(class) {
            Some(at) => read(iterator.cast(), at),
            None => return,
        };
        if below.is_null() {
            return;
        }
        if ffi::PyTuple_CheckExact(below) != 0 {
            for at in 0..ffi::PyTuple_Size(below) {
                look_below(ffi::PyTuple_GetItem(below, at), depth - 1, found);
            }
        } else if is_container(below) {
            found.push(below);
        } else {
            look_below(below, depth - 1, found);
        }
    }
}

/// Where an iterator keeps what it goes through: a container, another iterator, or a tuple of these.
unsafe fn place_below(class: *mut ffi::PyTypeObject) -> Option<usize> {
    let is = |types: &[*mut ffi::PyTypeObject]| types.contains(&class);
    if is(&[
        &raw mut PyDictIterKey_Type,
        &raw mut PyDictIterValue_Type,
        &raw mut PyDictIterItem_Type,
        &raw mut PyDictRevIterKey_Type,
        &raw mut PyDictRevIterValue_Type,
        &raw mut PyDictRevIterItem_Type,
        &raw mut PySetIter_Type,
        &raw mut PyMap_Type,
    ]) {
        return Some(16);
    }
    if is(&[
        &raw mut PyListIter_Type,
        &raw mut PyListRevIter_Type,
        &raw mut PyReversed_Type,
        &raw mut PyEnum_Type,
        &raw mut PyFilter_Type,
        &raw mut PyZip_Type,
    ]) {
        return Some(24);
    }
    // SAFETY: a live object's type; its name lives as long.
    let name = unsafe { std::ffi::CStr::from_ptr((*class).tp_name) }.to_bytes();
    name.starts_with(b"_collections._deque_").then_some(32)
}
