//! What models use rarely: Python's half follows it from where it is met.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::by_turns::ByTurns;
use super::engine::inside;
use super::frame::Frame;
use super::patches::{Slot, plan};
use super::time::IDENT;

type Object = *mut ffi::PyObject;

static START: Slot = Slot::new();

/// Python's functions.
#[derive(FromPyObject)]
pub(super) struct Followers {
    /// `_thread.start_new_thread`; gives the thread's number.
    #[pyo3(item(0))]
    start_new_thread: Py<PyAny>,
    /// Begins to follow `ungil.sync`.
    #[pyo3(item(1))]
    sync: Py<PyAny>,
    /// What is called instead of a cache of `functools`, if anything.
    #[pyo3(item(2))]
    cache: Py<PyAny>,
}

static FOLLOWERS: ByTurns<RefCell<Option<Followers>>> = ByTurns::new(RefCell::new(None));
static SYNC_IS_FOLLOWED: ByTurns<Cell<bool>> = ByTurns::new(Cell::new(false));

/// The type of `functools.cache`'s functions.
static CACHE: AtomicUsize = AtomicUsize::new(0);

pub(super) fn plans(py: Python<'_>) -> PyResult<()> {
    let cache = py.import("functools")?.getattr("_lru_cache_wrapper")?;
    CACHE.store(cache.as_ptr() as usize, Ordering::Relaxed); // the module keeps it
    let thread = py.import("_thread")?;
    for name in ["start_new_thread", "start_new"] {
        plan(&thread.getattr(name)?, ffi::METH_VARARGS, &START, start)?;
    }
    Ok(())
}

pub(super) fn begin(followers: Followers) {
    FOLLOWERS.set(Some(followers));
    SYNC_IS_FOLLOWED.set(false);
}

pub(super) fn end() {
    FOLLOWERS.set(None);
}

fn follower(py: Python<'_>, of: fn(&Followers) -> &Py<PyAny>) -> Option<Py<PyAny>> {
    FOLLOWERS.with_borrow(|all| all.as_ref().map(|all| of(all).clone_ref(py)))
}

unsafe extern "C" fn start(module: Object, arguments: Object, b: Object, c: Object) -> Object {
    // SAFETY: the interpreter calls it as the original: a tuple, with the GIL.
    unsafe {
        if inside().is_none() {
            return START.original(module, arguments, b, c);
        }
        let py = Python::assume_attached();
        let arguments = Bound::from_borrowed_ptr(py, arguments);
        let number = (|| -> PyResult<u64> {
            let Some(follower) = follower(py, |all| &all.start_new_thread) else {
                return Ok(0);
            };
            follower
                .call1(py, arguments.cast_into::<PyTuple>()?)?
                .extract(py)
        })();
        match number {
            Ok(number) => ffi::PyLong_FromUnsignedLongLong(IDENT + number),
            Err(error) => {
                error.restore(py);
                std::ptr::null_mut()
            }
        }
    }
}

/// The code under test is about to call what lies at `at`; whether it may go on. A cache is replaced by its twin.
pub(super) unsafe fn meets_call(frame: &Frame, at: usize) -> bool {
    let is_cache = |object: Object| {
        // SAFETY: the caller's: a live object, or null.
        !object.is_null()
            && unsafe { ffi::Py_TYPE(object) } as usize == CACHE.load(Ordering::Relaxed)
    };
    // SAFETY: the caller's: the frame has the callable there, with its self, or one of the two is null.
    unsafe {
        let (low, high) = (frame.place(at), frame.place(at + 1));
        let place = if low.is_null() { at + 1 } else { at };
        let clears = !low.is_null() && is_cache(high);
        let cache = if clears { high } else { frame.place(place) };
        if !is_cache(cache) {
            return true;
        }
        let py = Python::assume_attached();
        let cache = Bound::from_borrowed_ptr(py, cache);
        if clears {
            let name = Bound::from_borrowed_ptr(py, low).getattr("__name__");
            if !name.is_ok_and(|name| name.eq("cache_clear").unwrap_or(false)) {
                return true;
            }
        }
        let twin = follower(py, |all| &all.cache).map(|follow| follow.call1(py, (cache, clears)));
        match twin {
            Some(Ok(twin)) if !twin.is_none(py) => frame.replace(place, twin.into_ptr()),
            Some(Err(error)) => {
                error.restore(py);
                return false;
            }
            _ => {}
        }
        true
    }
}

/// The code under test is about to use this object; whether it may go on.
pub(super) unsafe fn meets(object: Object) -> bool {
    const SYNC: &std::ffi::CStr = c"ungil.sync.";
    if SYNC_IS_FOLLOWED.get() {
        return true;
    }
    // SAFETY: the caller's: a live object, with the GIL; its type's name is a C string.
    unsafe {
        let name = (*ffi::Py_TYPE(object)).tp_name;
        if libc::strncmp(name, SYNC.as_ptr(), SYNC.count_bytes()) != 0 {
            return true;
        }
        SYNC_IS_FOLLOWED.set(true);
        let py = Python::assume_attached();
        match follower(py, |all| &all.sync).map(|follower| follower.call0(py)) {
            Some(Err(error)) => {
                error.restore(py);
                false
            }
            _ => true,
        }
    }
}
