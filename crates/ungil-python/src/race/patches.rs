//! Functions of the interpreter that a run replaces: in place, so that it does not matter who has already
//! taken a reference to them, or to a lock made long before.
//!
//! A built-in function or method is a pointer in a writable table of its module. That pointer is changed
//! while the process explores and put back afterwards; the replacement asks who calls, and passes every
//! caller that is no thread of the model on to the original.

use std::ffi::{CStr, c_int};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;

type Object = *mut ffi::PyObject;
/// Every calling convention of these functions, with as many words as the longest one takes.
pub(super) type Function = unsafe extern "C" fn(Object, Object, Object, Object) -> Object;

/// `PyCFunctionObject.m_ml` and `PyMethodDescrObject.d_method`.
const FUNCTION_METHOD: usize = 16;
const DESCRIPTOR_METHOD: usize = 40;

/// A replaced function, and what it was.
pub(super) struct Slot(AtomicUsize);

impl Slot {
    pub(super) const fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    /// Calls what was there before.
    pub(super) unsafe fn original(&self, this: Object, a: Object, b: Object, c: Object) -> Object {
        let address = self.0.load(Ordering::Relaxed);
        // SAFETY: stored by `replace` before the replacement could be called; of the caller's convention.
        unsafe { std::mem::transmute::<usize, Function>(address)(this, a, b, c) }
    }
}

struct Replaced {
    method: usize,
    original: usize,
}

static REPLACED: Mutex<Vec<Replaced>> = Mutex::new(Vec::new());

/// Replaces the built-in function or method descriptor `holder`.
pub(super) fn replace(
    holder: &Bound<'_, PyAny>,
    flags: c_int,
    slot: &Slot,
    replacement: Function,
) -> PyResult<()> {
    let offset = if holder.get_type().name()? == "method_descriptor" {
        DESCRIPTOR_METHOD
    } else {
        FUNCTION_METHOD
    };
    let name: String = holder.getattr("__name__")?.extract()?;
    // SAFETY: both objects keep the pointer to their definition there, from 3.11 to 3.15 (the session refuses
    // others); that it is the right one is checked by its name and its calling convention.
    unsafe {
        let method = *holder
            .as_ptr()
            .byte_add(offset)
            .cast::<*mut ffi::PyMethodDef>();
        let found = CStr::from_ptr((*method).ml_name).to_bytes();
        if found != name.as_bytes() || (*method).ml_flags != flags {
            return Err(PyRuntimeError::new_err(format!(
                "ungil.race does not know this Python's {name}(); please report this with sys.version"
            )));
        }
        let address = (&raw mut (*method).ml_meth).cast::<usize>();
        let original = *address;
        slot.0.store(original, Ordering::Relaxed);
        *address = replacement as usize;
        if let Ok(mut replaced) = REPLACED.lock() {
            replaced.push(Replaced {
                method: address as usize,
                original,
            });
        }
    }
    Ok(())
}

/// Puts everything back.
pub(super) fn undo() {
    if let Ok(mut replaced) = REPLACED.lock() {
        for one in replaced.drain(..).rev() {
            // SAFETY: `replace` found it writable, with the GIL as here.
            unsafe { *(one.method as *mut usize) = one.original };
        }
    }
}
