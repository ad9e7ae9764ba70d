//! Functions of the interpreter that a run replaces: in place, so that it does not matter who has already
//! taken a reference to them, or to a lock made long before.
//!
//! A built-in function or method is a pointer in a writable table of its module. That pointer is changed
//! while the process explores and put back afterwards; the replacement asks who calls, and passes every
//! caller that is no thread of the model on to the original.

use std::ffi::{CStr, c_int};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

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
        // SAFETY: stored by `apply` before the replacement could be called; of the caller's convention.
        unsafe { std::mem::transmute::<usize, Function>(address)(this, a, b, c) }
    }
}

/// Where a function is kept that runs replace, and by what.
struct Plan {
    address: usize,
    slot: &'static Slot,
    replacement: Function,
}

/// Found once; kept from one exploration to the next.
static PLANS: Mutex<Vec<Plan>> = Mutex::new(Vec::new());
static APPLIED: AtomicBool = AtomicBool::new(false);

/// Plans to replace the built-in function or method descriptor `holder`.
///
/// # Errors
/// It is not called the way that `flags` say: an interpreter that is not known.
pub(super) fn plan(
    holder: &Bound<'_, PyAny>,
    flags: c_int,
    slot: &'static Slot,
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
    let address = unsafe {
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
        (&raw mut (*method).ml_meth) as usize
    };
    if let Ok(mut plans) = PLANS.lock() {
        plans.push(Plan {
            address,
            slot,
            replacement,
        });
    }
    Ok(())
}

/// Puts every replacement in its place.
pub(super) fn apply() {
    if let Ok(plans) = PLANS.lock()
        && !APPLIED.swap(true, Ordering::Relaxed)
    {
        for plan in plans.iter() {
            // SAFETY: `plan` found it, writable, with the GIL as here; built-in functions are never freed.
            unsafe {
                let address = plan.address as *mut usize;
                plan.slot.0.store(*address, Ordering::Relaxed);
                *address = plan.replacement as usize;
            }
        }
    }
}

/// Puts everything back.
pub(super) fn undo() {
    if let Ok(plans) = PLANS.lock()
        && APPLIED.swap(false, Ordering::Relaxed)
    {
        for plan in plans.iter() {
            // SAFETY: as above; `apply` has stored what was there.
            unsafe { *(plan.address as *mut usize) = plan.slot.0.load(Ordering::Relaxed) };
        }
    }
}
