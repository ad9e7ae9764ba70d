//! Threads and futures of a model are hashed by a number, so that sets of them are gone through in the same order in
//! each run: by address it would be another one.

use std::cell::{Cell, RefCell};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyNotImplemented, PyTuple, PyType};

use super::by_turns::ByTurns;
use super::engine::inside;

/// The last number of this run.
static LAST: ByTurns<Cell<u64>> = ByTurns::new(Cell::new(0));
/// Classes whose way to hash is replaced.
static CLASSES: ByTurns<RefCell<Vec<Py<PyType>>>> = ByTurns::new(RefCell::new(Vec::new()));

/// Follows the `__init__` of threads and futures: gives an object that a thread of a model makes its number.
/// `NotImplemented`: it is made as ever.
#[pyfunction]
#[pyo3(signature = (thing, *_arguments, **_options))]
pub(super) fn number<'py>(
    thing: &Bound<'py, PyAny>,
    _arguments: &Bound<'py, PyTuple>,
    _options: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyNotImplemented>> {
    let made_as_ever = PyNotImplemented::get(thing.py()).to_owned();
    if inside().is_none() {
        return Ok(made_as_ever);
    }
    LAST.set(LAST.get() + 1);
    thing.setattr(pyo3::intern!(thing.py(), "_ungil_hash"), LAST.get())?;
    let class = thing.get_type();
    // SAFETY: types, with the GIL. Nothing but the slot of a class that inherits `object`'s way changes.
    unsafe {
        let slot = &raw mut (*class.as_type_ptr()).tp_hash;
        let inherited = ffi::PyBaseObject_Type.tp_hash;
        let is = |one: Option<ffi::hashfunc>, other: Option<ffi::hashfunc>| {
            one.map(|it| it as usize) == other.map(|it| it as usize)
        };
        if is(*slot, inherited) {
            *slot = Some(hash);
            CLASSES.with_borrow_mut(|classes| classes.push(class.unbind()));
        }
    }
    Ok(made_as_ever)
}

unsafe extern "C" fn hash(thing: *mut ffi::PyObject) -> ffi::Py_hash_t {
    // SAFETY: the interpreter's: a live object, with the GIL.
    let thing = unsafe { Bound::from_borrowed_ptr(Python::assume_attached(), thing) };
    let name = pyo3::intern!(thing.py(), "_ungil_hash");
    let number = thing.getattr_opt(name).ok().flatten();
    if let Some(number) = number.and_then(|number| number.extract().ok()) {
        return number;
    }
    // SAFETY: as above.
    unsafe {
        match ffi::PyBaseObject_Type.tp_hash {
            Some(inherited) => inherited(thing.as_ptr()),
            None => ffi::PyObject_HashNotImplemented(thing.as_ptr()),
        }
    }
}

/// A run begins.
pub(super) fn begin() {
    LAST.set(0);
}

/// Classes hash their objects as ever.
pub(super) fn end() {
    for class in CLASSES.take() {
        // SAFETY: the interpreter's, with the GIL; `number` has found this there.
        unsafe {
            let inherited = ffi::PyBaseObject_Type.tp_hash;
            (*class.as_ptr().cast::<ffi::PyTypeObject>()).tp_hash = inherited;
        }
    }
}
