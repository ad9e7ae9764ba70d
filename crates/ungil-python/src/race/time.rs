//! The system while a model runs: time passes only when threads sleep, or when everybody waits; forking is
//! refused.

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use ungil_race::{Kind, Operation};

use super::engine::{explorer, inside, thread_number};
use super::patches::{Function, Slot, plan};
use super::record::Record;
use super::step::{Went, step};

type Object = *mut ffi::PyObject;

/// What looking at a clock takes, in virtual seconds: loops until a time come to their end.
const A_LOOK: f64 = 1e-6;
/// Where the clocks of a model begin. `time.time()`: 2026-01-01.
const MONOTONIC_START: f64 = 1000.0;
const TIME_START: f64 = 1_767_225_600.0;
/// Numbers that no thread of the system has.
pub(super) const IDENT: u64 = 1 << 20;

static FORK: Slot = Slot::new();
static SLEEP: Slot = Slot::new();
static IDENTITY: Slot = Slot::new();
static NATIVE_IDENTITY: Slot = Slot::new();
static MONOTONIC: Slot = Slot::new();
static MONOTONIC_NS: Slot = Slot::new();
static PERF: Slot = Slot::new();
static PERF_NS: Slot = Slot::new();
static TIME: Slot = Slot::new();
static TIME_NS: Slot = Slot::new();

pub(super) fn plans(py: Python<'_>) -> PyResult<()> {
    let (time, thread) = (py.import("time")?, py.import("_thread")?);
    plan(&time.getattr("sleep")?, ffi::METH_O, &SLEEP, sleep)?;
    plan(
        &thread.getattr("get_ident")?,
        ffi::METH_NOARGS,
        &IDENTITY,
        identity,
    )?;
    plan(
        &thread.getattr("get_native_id")?,
        ffi::METH_NOARGS,
        &NATIVE_IDENTITY,
        native_identity,
    )?;
    plan(
        &py.import("posix")?.getattr("fork")?,
        ffi::METH_NOARGS,
        &FORK,
        fork,
    )?;
    let clocks: [(&str, &'static Slot, Function); 6] = [
        ("monotonic", &MONOTONIC, monotonic),
        ("monotonic_ns", &MONOTONIC_NS, monotonic_ns),
        ("perf_counter", &PERF, perf_counter),
        ("perf_counter_ns", &PERF_NS, perf_counter_ns),
        ("time", &TIME, wall),
        ("time_ns", &TIME_NS, wall_ns),
    ];
    for (name, slot, replacement) in clocks {
        plan(&time.getattr(name)?, ffi::METH_NOARGS, slot, replacement)?;
    }
    Ok(())
}

unsafe extern "C" fn sleep(module: Object, seconds: Object, b: Object, c: Object) -> Object {
    // SAFETY: the interpreter calls it as the original: one argument, with the GIL.
    unsafe {
        if inside().is_none() {
            return SLEEP.original(module, seconds, b, c);
        }
        let py = Python::assume_attached();
        let seconds = Bound::from_borrowed_ptr(py, seconds)
            .extract::<f64>()
            .and_then(|seconds| {
                if seconds >= 0.0 {
                    Ok(seconds)
                } else {
                    Err(PyValueError::new_err("sleep length must be non-negative"))
                }
            });
        match seconds {
            Ok(seconds) => {
                let note = || Record::here(None, "sleeps", format!("{seconds} s"), None);
                match step(Operation::alone(Kind::Sleep), Some(seconds), note) {
                    Went::Away => std::ptr::null_mut(),
                    _ => ffi::Py_NewRef(ffi::Py_None()),
                }
            }
            Err(error) => {
                error.restore(py);
                std::ptr::null_mut()
            }
        }
    }
}

unsafe extern "C" fn fork(module: Object, a: Object, b: Object, c: Object) -> Object {
    // SAFETY: as above: no argument.
    unsafe {
        if inside().is_none() {
            return FORK.original(module, a, b, c);
        }
        let message = "a model that is explored cannot fork: its threads live in this process";
        PyRuntimeError::new_err(message).restore(Python::assume_attached());
        std::ptr::null_mut()
    }
}

macro_rules! identity {
    ($name:ident, $slot:ident, $first:expr) => {
        unsafe extern "C" fn $name(module: Object, a: Object, b: Object, c: Object) -> Object {
            // SAFETY: as above: no argument.
            unsafe {
                let number = match thread_number() {
                    Some(0) => $first(),
                    thread => thread.map(|thread| IDENT + thread as u64),
                };
                match number {
                    Some(number) => ffi::PyLong_FromUnsignedLongLong(number),
                    None => $slot.original(module, a, b, c),
                }
            }
        }
    };
}

identity!(identity, IDENTITY, explorer);
identity!(native_identity, NATIVE_IDENTITY, || None);

macro_rules! clock {
    ($name:ident, $slot:ident, $start:ident, $make:expr) => {
        unsafe extern "C" fn $name(module: Object, a: Object, b: Object, c: Object) -> Object {
            // SAFETY: as above: no argument.
            unsafe {
                let Some(engine) = inside() else {
                    return $slot.original(module, a, b, c);
                };
                engine.now += A_LOOK;
                $make($start + engine.now)
            }
        }
    };
}

unsafe fn nanoseconds(seconds: f64) -> Object {
    // SAFETY: the GIL is held.
    unsafe { ffi::PyLong_FromLongLong((seconds * 1e9) as i64) }
}

clock!(
    monotonic,
    MONOTONIC,
    MONOTONIC_START,
    ffi::PyFloat_FromDouble
);
clock!(monotonic_ns, MONOTONIC_NS, MONOTONIC_START, nanoseconds);
clock!(perf_counter, PERF, MONOTONIC_START, ffi::PyFloat_FromDouble);
clock!(perf_counter_ns, PERF_NS, MONOTONIC_START, nanoseconds);
clock!(wall, TIME, TIME_START, ffi::PyFloat_FromDouble);
clock!(wall_ns, TIME_NS, TIME_START, nanoseconds);
