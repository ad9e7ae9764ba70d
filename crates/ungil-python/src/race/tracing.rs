//! How the interpreter tells of instructions: `sys.monitoring` from 3.12 on, the trace function on 3.11.

use std::cell::UnsafeCell;
use std::ffi::c_int;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;

use super::accesses;
use super::code::{self, Does};
use super::engine::inside;
use super::step::Went;
use super::{spin, watchdog};

/// `PyFrameObject.f_trace_lines` and `.f_trace_opcodes` of 3.11.
const TRACE_LINES: usize = 44;
const TRACE_OPCODES: usize = 45;
const CALL: c_int = 0;
const OPCODE: c_int = 7;

/// Whether threads are traced the way of 3.11.
static BY_TRACE_FUNCTION: AtomicBool = AtomicBool::new(false);
/// `sys.monitoring.DISABLE`, kept alive by its module.
static DISABLE: AtomicPtr<ffi::PyObject> = AtomicPtr::new(ptr::null_mut());

pub(super) fn use_trace_function() {
    BY_TRACE_FUNCTION.store(true, Ordering::Relaxed);
}

pub(super) fn use_monitoring(disable: &Bound<'_, PyAny>) {
    DISABLE.store(disable.as_ptr(), Ordering::Relaxed);
}

/// The fiber that calls this is traced from now on.
pub(super) fn follow_this_thread() {
    if BY_TRACE_FUNCTION.load(Ordering::Relaxed) {
        // SAFETY: the GIL is held; the state is the fiber's own.
        unsafe { ffi::PyEval_SetTrace(Some(on_trace), ptr::null_mut()) };
    }
}

pub(super) fn leave_this_thread() {
    if BY_TRACE_FUNCTION.load(Ordering::Relaxed) {
        // SAFETY: as above.
        unsafe { ffi::PyEval_SetTrace(None, ptr::null_mut()) };
    }
}

/// Before the instruction at `offset` of the running frame; whether the thread may go on, and whether
/// the interpreter has to tell of this place again.
unsafe fn at(
    frame: *mut ffi::PyFrameObject,
    code: *mut ffi::PyObject,
    offset: usize,
) -> (bool, bool) {
    let Some((does, name, benign)) = code::instruction(code, offset) else {
        return (true, false);
    };
    watchdog::here(code, offset);
    if matches!(does, Does::Loop) {
        return (
            !matches!(spin::turn(code as usize, offset), Went::Away),
            true,
        );
    }
    if let Does::LoopIf { value } = does {
        let look = Does::Truth { value };
        // SAFETY: as below.
        let goes_on = unsafe { accesses::before(frame, look, name, false) };
        return (
            goes_on && !matches!(spin::turn(code as usize, offset), Went::Away),
            true,
        );
    }
    // SAFETY: the interpreter is about to run this instruction of this frame.
    (unsafe { accesses::before(frame, does, name, benign) }, true)
}

unsafe extern "C" fn on_trace(
    _: *mut ffi::PyObject,
    frame: *mut ffi::PyFrameObject,
    what: c_int,
    _: *mut ffi::PyObject,
) -> c_int {
    if inside().is_none() || (what != CALL && what != OPCODE) {
        return 0;
    }
    // SAFETY: the interpreter calls it with the GIL and a live frame; the two flags lie there on 3.11, the
    // only version that comes this way.
    unsafe {
        let code = ffi::PyFrame_GetCode(frame).cast::<ffi::PyObject>();
        let outcome = if what == CALL {
            let code = Bound::from_borrowed_ptr(Python::assume_attached(), code);
            match code::learn(&code) {
                Ok(under_test) => {
                    let flags = frame.cast::<u8>();
                    *flags.add(TRACE_LINES) = 0;
                    *flags.add(TRACE_OPCODES) = u8::from(under_test);
                    0
                }
                Err(error) => {
                    error.restore(code.py());
                    -1
                }
            }
        } else {
            let offset = usize::try_from(ffi::PyFrame_GetLasti(frame)).unwrap_or(0);
            if at(frame, code, offset).0 { 0 } else { -1 }
        };
        ffi::Py_DECREF(code);
        outcome
    }
}

struct Definition(UnsafeCell<ffi::PyMethodDef>);

// SAFETY: the interpreter only reads it, with the GIL.
unsafe impl Sync for Definition {}

static ON_INSTRUCTION: Definition = Definition(UnsafeCell::new(ffi::PyMethodDef {
    ml_name: c"on_instruction".as_ptr(),
    ml_meth: ffi::PyMethodDefPointer {
        PyCFunctionFast: on_instruction,
    },
    ml_flags: ffi::METH_FASTCALL,
    ml_doc: c"For sys.monitoring: an instruction of the code under test is about to run.".as_ptr(),
}));

/// What `sys.monitoring` is to call before each instruction. It is called so often that it takes its arguments itself.
#[pyfunction]
pub(super) fn instructions(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let none = ptr::null_mut();
    // SAFETY: the definition lives as long as the process.
    unsafe {
        let function = ffi::PyCFunction_NewEx(ON_INSTRUCTION.0.get(), none, none);
        Bound::from_owned_ptr_or_err(py, function)
    }
}

unsafe extern "C" fn on_instruction(
    _: *mut ffi::PyObject,
    arguments: *mut *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
) -> *mut ffi::PyObject {
    if count != 2 || inside().is_none() {
        // SAFETY: the GIL is held.
        return unsafe { ffi::Py_NewRef(ffi::Py_None()) };
    }
    // SAFETY: the interpreter calls it with the GIL, with a code object and an offset, from the frame that is about
    // to run it.
    unsafe {
        let (code, offset) = (*arguments, ffi::PyLong_AsSize_t(*arguments.add(1)));
        let (goes_on, again) = at(ffi::PyEval_GetFrame(), code, offset);
        match (goes_on, again) {
            (false, _) => ptr::null_mut(),
            (true, true) => ffi::Py_NewRef(ffi::Py_None()),
            (true, false) => disable(Python::assume_attached()).into_ptr(),
        }
    }
}

fn disable(py: Python<'_>) -> Bound<'_, PyAny> {
    let disable = DISABLE.load(Ordering::Relaxed);
    if disable.is_null() {
        return py.None().into_bound(py);
    }
    // SAFETY: `sys.monitoring` keeps it alive.
    unsafe { Bound::from_borrowed_ptr(py, disable) }
}
