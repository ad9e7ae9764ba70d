//! Calls that the interpreter makes without a tuple of arguments ("vectorcall").
//!
//! The function here handles what is frequent, numbers of the types that were there last, and leaves the
//! rest, errors included, to `NativeFunction.__call__`.
#![allow(unsafe_code)]

use std::sync::Once;

use pyo3::ffi;
use pyo3::prelude::*;
use ungil_native::Type;

use super::arguments::Words;
use super::function::NativeFunction;
use super::running;

/// More arguments than this go the long way.
const MOST: usize = 8;

/// What is in an object for the interpreter to find.
#[repr(transparent)]
pub(super) struct Pointer(
    // Only its place is used: the interpreter reads it.
    #[allow(dead_code)] ffi::vectorcallfunc,
);

pub(super) fn pointer() -> Pointer {
    Pointer(vectorcall)
}

/// Tells the class where in its objects the function is. Before, calls go the long way.
pub(super) fn prepare(slf: &Bound<'_, NativeFunction>) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let object = slf.as_ptr() as usize;
        let place = &raw const slf.get().vectorcall as usize;
        let class = slf.py().get_type::<NativeFunction>().as_type_ptr();
        // SAFETY: the class lives as long as the process; every instance has the pointer at this offset,
        // and holds it from its first moment on. Attached: nobody else looks at the class meanwhile.
        unsafe {
            (*class).tp_vectorcall_offset = (place - object).cast_signed();
            // Where there is no GIL it is an atomic of the same size.
            let flags = (&raw mut (*class).tp_flags).cast::<std::ffi::c_ulong>();
            *flags |= ffi::Py_TPFLAGS_HAVE_VECTORCALL;
            ffi::PyType_Modified(class);
        }
    });
}

unsafe extern "C" fn vectorcall(
    callable: *mut ffi::PyObject,
    arguments: *const *mut ffi::PyObject,
    count: usize,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the interpreter calls this attached, with an instance of the class and as many arguments as told.
    unsafe {
        let py = Python::assume_attached();
        let count = ffi::PyVectorcall_NARGS(count) as usize;
        if keywords.is_null() {
            let object = Bound::from_borrowed_ptr(py, callable);
            let function = object.cast_unchecked::<NativeFunction>();
            if let Some(result) = quick(function, arguments, count) {
                return match result {
                    Ok(value) => value.into_ptr(),
                    Err(error) => {
                        error.restore(py);
                        std::ptr::null_mut()
                    }
                };
            }
        }
        long_way(callable, arguments, count, keywords)
    }
}

/// The call, where its arguments are numbers of the types that were there last.
///
/// # Safety
/// As many arguments as told.
unsafe fn quick(
    function: &Bound<'_, NativeFunction>,
    arguments: *const *mut ffi::PyObject,
    count: usize,
) -> Option<PyResult<Py<PyAny>>> {
    let py = function.py();
    let this = function.get();
    if count != this.parameter_count() || count > MOST || !this.all_positional() {
        return None;
    }
    let code = this.latest()?;
    let mut words = [0_u64; MOST];
    for (at, &ty) in code.arguments.iter().enumerate() {
        // SAFETY: within the arguments; their exact types are compared before they are read.
        unsafe {
            let argument = *arguments.add(at);
            let class = ffi::Py_TYPE(argument);
            if ty == Type::Float && class == &raw mut ffi::PyFloat_Type {
                words[at] = ffi::PyFloat_AS_DOUBLE(argument).to_bits();
            } else if ty == Type::Int && class == &raw mut ffi::PyLong_Type {
                let mut overflow = 0;
                let value = ffi::PyLong_AsLongLongAndOverflow(argument, &raw mut overflow);
                if overflow != 0 {
                    return None;
                }
                words[at] = value.cast_unsigned();
            } else if ty == Type::Bool && class == &raw mut ffi::PyBool_Type {
                words[at] = u64::from(argument == ffi::Py_True());
            } else {
                return None;
            }
        }
    }
    if !code.is_current(py) {
        return None;
    }
    let outcome = running::run(py, &code, &words[..count]);
    Some(NativeFunction::outcome(
        py,
        &code,
        outcome,
        &Words::default(),
    ))
}

/// `NativeFunction.__call__`, as `PyO3` has made it.
///
/// # Safety
/// As for a vectorcall.
unsafe fn long_way(
    callable: *mut ffi::PyObject,
    arguments: *const *mut ffi::PyObject,
    count: usize,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: attached; new references are released, and failures (without memory) passed on.
    unsafe {
        let tuple = ffi::PyTuple_New(count.cast_signed());
        if tuple.is_null() {
            return tuple;
        }
        for at in 0..count {
            let argument = *arguments.add(at);
            ffi::Py_INCREF(argument);
            ffi::PyTuple_SET_ITEM(tuple, at.cast_signed(), argument);
        }
        let mut named = std::ptr::null_mut();
        if !keywords.is_null() {
            named = ffi::PyDict_New();
            let mut failed = named.is_null();
            for at in 0..ffi::PyTuple_GET_SIZE(keywords) {
                let name = ffi::PyTuple_GET_ITEM(keywords, at);
                let value = *arguments.add(count + at as usize);
                failed = failed || ffi::PyDict_SetItem(named, name, value) != 0;
            }
            if failed {
                ffi::Py_DECREF(tuple);
                ffi::Py_XDECREF(named);
                return std::ptr::null_mut();
            }
        }
        let call = (*ffi::Py_TYPE(callable)).tp_call;
        let result = match call {
            Some(call) => call(callable, tuple, named),
            None => std::ptr::null_mut(),
        };
        ffi::Py_DECREF(tuple);
        ffi::Py_XDECREF(named);
        result
    }
}
