//! What an instruction is about to call.

use pyo3::ffi;
use smallvec::SmallVec;

use super::frame::{Frame, read};
use super::touch::Object;

unsafe extern "C" {
    static mut PyMethodDescr_Type: ffi::PyTypeObject;
    static mut PyMethod_Type: ffi::PyTypeObject;
    static mut PyWrapperDescr_Type: ffi::PyTypeObject;
}

/// `PyCFunctionObject.m_ml`, `.m_self` (and `PyMethodObject.im_self`); `PyMethodDescrObject.d_method`.
const FUNCTION_METHOD: usize = 16;
const FUNCTION_SELF: usize = 24;
const DESCRIPTOR_METHOD: usize = 40;

/// What is called, with what.
pub(super) struct Called {
    callable: Object,
    /// Whose method it is; a module for its functions; null for classes.
    pub(super) owner: Object,
    /// Whether the owner lies on the value stack, before the arguments.
    pub(super) owner_is_placed: bool,
    /// Whether it is written in C, as far as its type tells.
    pub(super) is_of_c: bool,
    pub(super) method: Option<&'static [u8]>,
    pub(super) arguments: SmallVec<[Object; 4]>,
}

impl Called {
    /// The name of a function or method; a class' with its module.
    pub(super) fn name(&self) -> &[u8] {
        self.method.unwrap_or_else(|| {
            // SAFETY: on the value stack; a class' name lives as long as it does.
            unsafe {
                if ffi::PyType_Check(self.callable) == 0 {
                    return b"";
                }
                let class = self.callable.cast::<ffi::PyTypeObject>();
                std::ffi::CStr::from_ptr((*class).tp_name).to_bytes()
            }
        })
    }
}

/// The call that is about to be made.
///
/// # Safety
/// The frame has the callable (with its self, or nothing) at `at`, and `count` arguments above.
pub(super) unsafe fn called(at: usize, count: usize, frame: &Frame) -> Option<Called> {
    // SAFETY: the caller's.
    unsafe {
        let arguments = (0..count).map(|n| frame.place(at + 2 + n)).collect();
        resolve(frame.place(at), frame.place(at + 1), arguments)
    }
}

/// What is called. `low` and `high` are the callable and the object that it is a method of, or one of them is null.
///
/// # Safety
/// Live objects or null, with the GIL.
pub(super) unsafe fn resolve(
    low: Object,
    high: Object,
    arguments: SmallVec<[Object; 4]>,
) -> Option<Called> {
    // SAFETY: the caller's; definitions of methods live as long as the interpreter.
    unsafe {
        let (callable, mut owner) = if low.is_null() {
            (high, std::ptr::null_mut())
        } else {
            (low, high)
        };
        if callable.is_null() {
            return None;
        }
        let class = ffi::Py_TYPE(callable);
        let mut is_of_c = true;
        let definition: *const ffi::PyMethodDef = if class == &raw mut PyMethodDescr_Type {
            read(callable.cast(), DESCRIPTOR_METHOD)
        } else if ffi::PyCFunction_Check(callable) != 0 {
            owner = read(callable.cast(), FUNCTION_SELF);
            read(callable.cast(), FUNCTION_METHOD)
        } else {
            is_of_c = class == &raw mut PyWrapperDescr_Type
                || ffi::PyType_Check(callable) != 0
                    && ffi::PyType_GetFlags(callable.cast()) & ffi::Py_TPFLAGS_HEAPTYPE == 0;
            if class == &raw mut PyMethod_Type {
                owner = read(callable.cast(), FUNCTION_SELF);
            }
            std::ptr::null()
        };
        let method = (!definition.is_null())
            .then(|| std::ffi::CStr::from_ptr((*definition).ml_name).to_bytes());
        Some(Called {
            callable,
            owner,
            owner_is_placed: owner == high && !low.is_null(),
            is_of_c,
            method,
            arguments,
        })
    }
}
