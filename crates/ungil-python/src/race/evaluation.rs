//! How the code under test is met from 3.12 on: while the process explores, the interpreter asks here before it
//! runs a frame (PEP 523).
//!
//! A frame of the code under test gets a copy of its code object in place of its own, and `sys.monitoring` tells of
//! the copy's instructions. Nothing happens to the code object itself, so it costs nothing outside of explorations;
//! and the copy is ready for the next one.

use std::cell::Cell;
use std::ffi::c_int;
use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;

use super::code;
use super::engine::{End, inside};
use super::frame::{EXECUTABLE, INSTRUCTION, LOCALS, is_borrowed, referred};
use super::replaced;

type Object = *mut ffi::PyObject;
/// Of a frame, the words at its beginning.
type Words = *mut usize;
type Evaluate = unsafe extern "C" fn(*mut ffi::PyThreadState, Words, c_int) -> Object;

unsafe extern "C" {
    fn _PyInterpreterState_GetEvalFrameFunc(of: *mut ffi::PyInterpreterState) -> Evaluate;
    fn _PyInterpreterState_SetEvalFrameFunc(of: *mut ffi::PyInterpreterState, to: Evaluate);
}

/// What evaluated frames before, while this does.
static BEFORE: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Whether this thread is about to learn of a code object: what runs meanwhile is ours.
    static LEARNS: Cell<bool> = const { Cell::new(false) };
    /// Whether a frame was what it has to be; `None` before one was looked at.
    static IS_KNOWN: Cell<Option<bool>> = const { Cell::new(None) };
}

/// Makes sure that frames of this Python are what they are taken for.
///
/// # Errors
/// They are not.
pub(super) fn prepare(py: Python<'_>) -> PyResult<()> {
    if IS_KNOWN.get().is_none() {
        let probe = py.eval(c"lambda: None", None, None)?;
        let before = replace(look);
        let outcome = probe.call0();
        replace(before);
        outcome?;
    }
    if IS_KNOWN.get() == Some(true) {
        return Ok(());
    }
    Err(PyRuntimeError::new_err(
        "ungil.race does not know this Python's frames; please report this with sys.version",
    ))
}

/// Begins to be asked.
pub(super) fn begin() {
    let before = replace(evaluate);
    BEFORE.store(before as usize, Ordering::Relaxed);
}

/// Is not asked any longer.
pub(super) fn end() {
    let before = BEFORE.swap(0, Ordering::Relaxed);
    if before != 0 {
        // SAFETY: what `begin` has found.
        replace(unsafe { std::mem::transmute::<usize, Evaluate>(before) });
    }
}

fn replace(evaluate: Evaluate) -> Evaluate {
    // SAFETY: the callers hold the GIL; all of them evaluate frames by what was there in the end.
    unsafe {
        let interpreter = ffi::PyInterpreterState_Get();
        let before = _PyInterpreterState_GetEvalFrameFunc(interpreter);
        _PyInterpreterState_SetEvalFrameFunc(interpreter, evaluate);
        before
    }
}

unsafe extern "C" {
    #[link_name = "_PyEval_EvalFrameDefault"]
    fn evaluate_as_ever(state: *mut ffi::PyThreadState, frame: Words, throws: c_int) -> Object;
}

/// Looks at whether a frame's code object and its next instruction are where they are looked for.
unsafe extern "C" fn look(state: *mut ffi::PyThreadState, frame: Words, throws: c_int) -> Object {
    // SAFETY: the interpreter's, with the GIL: a frame has more words than these. What the first one refers to is
    // an object in any case.
    unsafe {
        let code = referred(*frame.add(EXECUTABLE));
        let next = *frame.add(INSTRUCTION);
        let is_code = !code.is_null() && ffi::PyCode_Check(code) != 0;
        let lies_in_it = is_code && {
            let class = ffi::Py_TYPE(code);
            let items = ffi::Py_SIZE(code) * (*class).tp_itemsize;
            let end = code as usize + ((*class).tp_basicsize + items).cast_unsigned();
            (code as usize..end).contains(&next)
        };
        IS_KNOWN.set(Some(lies_in_it));
        evaluate_as_ever(state, frame, throws)
    }
}

unsafe extern "C" fn evaluate(
    state: *mut ffi::PyThreadState,
    frame: Words,
    throws: c_int,
) -> Object {
    // SAFETY: the interpreter's, with the GIL and a frame that is about to run.
    unsafe {
        if inside().is_some() && !LEARNS.get() {
            let code = referred(*frame.add(EXECUTABLE));
            let places = frame.byte_add(LOCALS);
            let instead = (throws == 0).then(|| replaced::run(code, places)).flatten();
            match instead {
                Some(instead) => exchange(frame, instead),
                None => follow(frame),
            }
        }
        match BEFORE.load(Ordering::Relaxed) {
            // Another thread came here, and the exploration has ended since.
            0 => evaluate_as_ever(state, frame, throws),
            before => std::mem::transmute::<usize, Evaluate>(before)(state, frame, throws),
        }
    }
}

/// Sees to it that instructions of a frame are followed, if its code is under test.
unsafe fn follow(frame: Words) {
    // SAFETY: `evaluate`; the frame keeps its code object alive.
    unsafe {
        let code = referred(*frame.add(EXECUTABLE));
        let known = code::runs_instead(code);
        if known.is_none() {
            LEARNS.set(true);
            let learnt = code::learn(&Bound::from_borrowed_ptr(Python::assume_attached(), code));
            LEARNS.set(false);
            if let Err(error) = learnt {
                if let Some(engine) = inside() {
                    engine.interrupt = engine.interrupt.take().or(Some(error));
                    engine.ending = Some(End::Interrupted);
                }
                return;
            }
        }
        let runs = known.or_else(|| code::runs_instead(code)).unwrap_or(code);
        if runs != code {
            exchange(frame, runs);
        }
    }
}

/// Lets a frame run another code object, from the same place.
unsafe fn exchange(frame: Words, to: Object) {
    // SAFETY: `evaluate`; a live code object.
    unsafe {
        let taken = *frame.add(EXECUTABLE);
        let from = referred(taken);
        // Instructions lie in the code object itself, at the same place in both.
        let next = (*frame.add(INSTRUCTION)).wrapping_sub(from as usize);
        *frame.add(INSTRUCTION) = next.wrapping_add(to as usize);
        *frame.add(EXECUTABLE) = ffi::Py_NewRef(to) as usize;
        if !is_borrowed(taken) {
            ffi::Py_DECREF(from);
        }
    }
}
