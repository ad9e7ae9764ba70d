//! Python functions of the standard library that threads of a model do not run: their frames come here first, so
//! that nothing has to be written to the classes that they are methods of.

use std::cell::RefCell;
use std::ffi::c_int;

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use rustc_hash::{FxBuildHasher, FxHashMap};
use smallvec::SmallVec;

use super::by_turns::ByTurns;
use super::frame::{is_borrowed, referred};

type Object = *mut ffi::PyObject;

static REPLACED: ByTurns<RefCell<Replaced>> = ByTurns::new(RefCell::new(Replaced {
    functions: FxHashMap::with_hasher(FxBuildHasher),
    ends: None,
}));

struct Replaced {
    /// By the address of the code object.
    functions: FxHashMap<usize, Function>,
    /// Functions that return, or raise, what they are given.
    ends: Option<(Py<PyAny>, Py<PyAny>)>,
}

struct Function {
    /// Kept alive, so that its address names nothing else.
    _code: Py<PyAny>,
    follow: Py<PyAny>,
    arguments: usize,
}

/// Sees to it that threads of models call `follow` (with all arguments by place, as they lie in the frame) where
/// they would run this code object, each time before it begins. Where `follow` returns `NotImplemented` the code
/// runs after all.
///
/// `returns` and `raises` are code objects of functions of one argument that do that with it.
#[pyfunction]
pub(super) fn replace(
    code: &Bound<'_, PyAny>,
    follow: Py<PyAny>,
    returns: Py<PyAny>,
    raises: Py<PyAny>,
) -> PyResult<()> {
    const VARIABLE: [c_int; 2] = [ffi::CO_VARARGS, ffi::CO_VARKEYWORDS];
    let count = |name| code.getattr(name)?.extract::<usize>();
    let flags: c_int = code.getattr("co_flags")?.extract()?;
    let variable = VARIABLE.iter().filter(|flag| flags & **flag != 0).count();
    let arguments = count("co_argcount")? + count("co_kwonlyargcount")? + variable;
    if arguments == 0 || flags & ffi::CO_GENERATOR != 0 {
        return Err(PyTypeError::new_err("not a method"));
    }
    let function = Function {
        _code: code.clone().unbind(),
        follow,
        arguments,
    };
    REPLACED.with_borrow_mut(|replaced| {
        replaced.ends = Some((returns, raises));
        replaced.functions.insert(code.as_ptr() as usize, function);
    });
    Ok(())
}

/// Calls what follows a function that is about to begin; the code object to run in its place, with the arguments
/// in their places, if there is one.
///
/// # Safety
/// `code` has a frame that has not begun, and whose places begin at `places`; the GIL is held.
pub(super) unsafe fn run(code: Object, places: *mut usize) -> Option<Object> {
    let found = REPLACED.with_borrow(|replaced| {
        let function = replaced.functions.get(&(code as usize))?;
        // SAFETY: the caller holds the GIL.
        let py = unsafe { Python::assume_attached() };
        Some((function.follow.clone_ref(py), function.arguments))
    });
    let (follow, count) = found?;
    // SAFETY: the caller's: arguments lie in the first places, each a live object.
    unsafe {
        let arguments: SmallVec<[Object; 9]> =
            (0..count).map(|at| referred(*places.add(at))).collect();
        let names = std::ptr::null_mut();
        let mut result =
            ffi::PyObject_Vectorcall(follow.as_ptr(), arguments.as_ptr(), count, names);
        if result == ffi::Py_NotImplemented() {
            ffi::Py_DECREF(result);
            return None;
        }
        let fails = result.is_null();
        if fails {
            let py = Python::assume_attached();
            result = PyErr::fetch(py).into_value(py).into_ptr();
        }
        let before = std::mem::replace(&mut *places, result as usize);
        if !is_borrowed(before) {
            ffi::Py_DECREF(referred(before));
        }
        REPLACED.with_borrow(|replaced| {
            let (returns, raises) = replaced.ends.as_ref()?;
            Some(if fails { raises } else { returns }.as_ptr())
        })
    }
}
