//! `acquire`, `release` and `with` of an uncontended lock, called by the interpreter directly.
//!
//! A method as `PyO3` makes it reads its arguments and prepares for errors, which takes longer than
//! taking a free lock. The functions here do the one thing that cannot fail and pass everything
//! else on to `PyO3`'s, whose names, texts and errors stay.
#![allow(unsafe_code)]

use super::lock::Lock;
use super::owned::Owned;
use super::rlock::RLock;
use pyo3::ffi::{self, PyMethodDefPointer as Pointer};
use pyo3::prelude::*;
use std::ffi::CStr;
use std::sync::OnceLock;

/// `PyO3`'s functions behind the methods of a class.
struct Behind {
    acquire: ffi::PyCFunctionFastWithKeywords,
    release: ffi::PyCFunction,
    enter: ffi::PyCFunction,
    exit: ffi::PyCFunctionFastWithKeywords,
}

/// A class whose lock is an [`Owned`].
trait Direct: pyo3::PyClass<Frozen = pyo3::pyclass::boolean_struct::True> + Sync {
    fn owned(&self) -> &Owned;
    fn behind() -> &'static OnceLock<Behind>;
}

macro_rules! direct {
    ($($class:ty),+) => {$(
        impl Direct for $class {
            fn owned(&self) -> &Owned {
                &self.owned
            }

            fn behind() -> &'static OnceLock<Behind> {
                static BEHIND: OnceLock<Behind> = OnceLock::new();
                &BEHIND
            }
        }
    )+};
}

direct!(Lock, RLock);

/// Puts the direct methods in front of those of `Lock` and `RLock`, when the module is made.
pub(super) fn install(py: Python<'_>) -> PyResult<()> {
    install_into::<Lock>(py)?;
    install_into::<RLock>(py)
}

fn install_into<T: Direct>(py: Python<'_>) -> PyResult<()> {
    const FAST: i32 = ffi::METH_FASTCALL | ffi::METH_KEYWORDS;
    let class = py.get_type::<T>();
    let find = |name, flags| definition(&class, name, flags);
    let (Some(acquire), Some(release), Some(enter), Some(exit)) = (
        find("acquire", FAST)?,
        find("release", ffi::METH_NOARGS)?,
        find("__enter__", ffi::METH_NOARGS)?,
        find("__exit__", FAST)?,
    ) else {
        // PyO3 calls them in another way than this file knows: they work as they are.
        return Ok(());
    };
    // SAFETY: the flags, compared by `definition`, say which function pointer each union holds.
    let behind = unsafe {
        Behind {
            acquire: acquire.ml_meth.PyCFunctionFastWithKeywords,
            release: release.ml_meth.PyCFunction,
            enter: enter.ml_meth.PyCFunction,
            exit: exit.ml_meth.PyCFunctionFastWithKeywords,
        }
    };
    if T::behind().set(behind).is_err() {
        return Ok(());
    }
    for (definition, function) in [
        (
            acquire,
            Pointer {
                PyCFunctionFastWithKeywords: self::acquire::<T>,
            },
        ),
        (
            release,
            Pointer {
                PyCFunction: self::release::<T>,
            },
        ),
        (
            enter,
            Pointer {
                PyCFunction: self::enter::<T>,
            },
        ),
        (
            exit,
            Pointer {
                PyCFunctionFastWithKeywords: self::exit::<T>,
            },
        ),
    ] {
        replace(&class, definition, function)?;
    }
    Ok(())
}

/// How the class defines a method, if the interpreter calls it with these flags.
fn definition(
    class: &Bound<'_, pyo3::types::PyType>,
    name: &str,
    flags: i32,
) -> PyResult<Option<ffi::PyMethodDef>> {
    let method = class.getattr(name)?;
    // SAFETY: only read after its type was compared; the definition lives as long as the class.
    let found = unsafe {
        if method.get_type().as_type_ptr() != &raw mut ffi::PyMethodDescr_Type {
            return Ok(None);
        }
        *(*method.as_ptr().cast::<ffi::PyMethodDescrObject>()).d_method
    };
    Ok((found.ml_flags == flags).then_some(found))
}

fn replace(
    class: &Bound<'_, pyo3::types::PyType>,
    definition: ffi::PyMethodDef,
    function: ffi::PyMethodDefPointer,
) -> PyResult<()> {
    // The class lives as long as the process, and so does what describes it.
    let definition = Box::leak(Box::new(ffi::PyMethodDef {
        ml_meth: function,
        ..definition
    }));
    // SAFETY: a valid class and definition; the name is a C string that lives as long.
    let (name, method) = unsafe {
        let method = ffi::PyDescr_NewMethod(class.as_type_ptr(), definition);
        let method = Bound::from_owned_ptr_or_err(class.py(), method)?;
        (CStr::from_ptr(definition.ml_name), method)
    };
    class.setattr(name, method)
}

/// # Safety
/// `object` is an instance of `T`, which the descriptor has checked, and the thread is attached.
#[inline]
unsafe fn owned<'a, T: Direct>(object: *mut ffi::PyObject) -> &'a Owned {
    // SAFETY: the caller's; the reference is not used beyond the call, during which the object
    // lives.
    unsafe {
        let object = Borrowed::from_ptr(Python::assume_attached(), object);
        &*std::ptr::from_ref(object.cast_unchecked::<T>().get().owned())
    }
}

#[inline]
fn behind<T: Direct>() -> &'static Behind {
    T::behind().get().expect("set before the methods are")
}

unsafe extern "C" fn acquire<T: Direct>(
    object: *mut ffi::PyObject,
    arguments: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: called by the method's descriptor; the rest is passed on as it came.
    unsafe {
        if count == 0 && names.is_null() && owned::<T>(object).grab() {
            return ffi::Py_NewRef(ffi::Py_True());
        }
        (behind::<T>().acquire)(object, arguments, count, names)
    }
}

unsafe extern "C" fn release<T: Direct>(
    object: *mut ffi::PyObject,
    nothing: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: as in `acquire`.
    unsafe {
        if owned::<T>(object).leave() {
            return ffi::Py_NewRef(ffi::Py_None());
        }
        (behind::<T>().release)(object, nothing)
    }
}

unsafe extern "C" fn enter<T: Direct>(
    object: *mut ffi::PyObject,
    nothing: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: as in `acquire`.
    unsafe {
        if owned::<T>(object).grab() {
            return ffi::Py_NewRef(ffi::Py_True());
        }
        (behind::<T>().enter)(object, nothing)
    }
}

unsafe extern "C" fn exit<T: Direct>(
    object: *mut ffi::PyObject,
    arguments: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: as in `acquire`.
    unsafe {
        if count == 3 && names.is_null() && owned::<T>(object).leave() {
            return ffi::Py_NewRef(ffi::Py_None());
        }
        (behind::<T>().exit)(object, arguments, count, names)
    }
}
