//! Lists, dicts, sets, byte arrays and deques: what an object has to do with one.

use pyo3::ffi;
use ungil_race::Part;

use super::accesses::Object;
use super::frame::read;

unsafe extern "C" {
    static mut PyListIter_Type: ffi::PyTypeObject;
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

/// The container that a built-in iterator goes through.
pub(super) unsafe fn iterated(iterator: Object) -> Option<Object> {
    // SAFETY: the caller's; the fields of these types have lain there since 3.0.
    unsafe {
        let class = ffi::Py_TYPE(iterator);
        let at = if class == &raw mut PyListIter_Type {
            24
        } else if class == &raw mut PyDictIterKey_Type
            || class == &raw mut PyDictIterValue_Type
            || class == &raw mut PyDictIterItem_Type
            || class == &raw mut PySetIter_Type
        {
            16
        } else {
            return None;
        };
        let container: Object = read(iterator.cast(), at);
        (!container.is_null()).then_some(container)
    }
}
