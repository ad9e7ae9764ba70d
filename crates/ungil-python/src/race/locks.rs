//! `_thread.lock` and `_thread.RLock` while a model runs. The real lock is taken and given back too, so that
//! it is in the right state when the run has ended.

use std::ffi::c_int;

use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};
use ungil_race::{Kind, ObjectId, Operation, Part};

use super::code;
use super::conventions::{ACQUIRES, ENTERS, EXITS, RESTORES, patience};
use super::engine::{Engine, inside};
use super::patches::{Slot, plan};
use super::record::Record;
use super::step::{Went, access, step};

type Object = *mut ffi::PyObject;

static ACQUIRE: Slot = Slot::new();
static ENTER: Slot = Slot::new();
static RELEASE: Slot = Slot::new();
static EXIT: Slot = Slot::new();
static LOCKED: Slot = Slot::new();
static R_ACQUIRE: Slot = Slot::new();
static R_ENTER: Slot = Slot::new();
static R_RELEASE: Slot = Slot::new();
static R_EXIT: Slot = Slot::new();
static R_LOCKED: Slot = Slot::new();
static R_OWNED: Slot = Slot::new();
static R_SAVE: Slot = Slot::new();
static R_RESTORE: Slot = Slot::new();
static R_COUNT: Slot = Slot::new();

/// What takes the place of the locks' methods.
pub(super) fn plans(py: Python<'_>) -> PyResult<()> {
    let thread = py.import("_thread")?;
    let lock = thread.getattr("LockType")?;
    let rlock = thread.getattr("RLock")?;
    let no_arguments = ffi::METH_NOARGS;
    let methods: [(_, &str, c_int, &'static Slot, super::patches::Function); 15] = [
        (&lock, "acquire", ACQUIRES, &ACQUIRE, acquire),
        (&lock, "acquire_lock", ACQUIRES, &ACQUIRE, acquire),
        (&lock, "__enter__", ENTERS, &ENTER, enter),
        (&lock, "release", no_arguments, &RELEASE, release),
        (&lock, "release_lock", no_arguments, &RELEASE, release),
        (&lock, "__exit__", EXITS, &EXIT, exit),
        (&lock, "locked", no_arguments, &LOCKED, locked),
        (&rlock, "acquire", ACQUIRES, &R_ACQUIRE, r_acquire),
        (&rlock, "__enter__", ENTERS, &R_ENTER, r_enter),
        (&rlock, "release", no_arguments, &R_RELEASE, r_release),
        (&rlock, "__exit__", EXITS, &R_EXIT, r_exit),
        (&rlock, "_is_owned", no_arguments, &R_OWNED, r_owned),
        (&rlock, "_release_save", no_arguments, &R_SAVE, r_save),
        (&rlock, "_acquire_restore", RESTORES, &R_RESTORE, r_restore),
        (&rlock, "_recursion_count", no_arguments, &R_COUNT, r_count),
    ];
    for (class, name, flags, slot, replacement) in methods {
        // The descriptor itself: getting it from its class is enough.
        plan(&class.getattr(name)?, flags, slot, replacement)?;
    }
    if let Ok(method) = rlock.getattr("locked") {
        plan(&method, no_arguments, &R_LOCKED, r_locked)?; // from 3.14 on
    }
    Ok(())
}

/// Takes the real lock without waiting; whether that went well.
unsafe fn take(slot: &Slot, lock: Object) -> bool {
    // SAFETY: the original's own convention: a tuple and keywords, or an array; the GIL is held.
    unsafe {
        let null = std::ptr::null_mut();
        let taken = if cfg!(Py_3_15) {
            let arguments = [ffi::Py_False()];
            slot.original(
                lock,
                arguments.as_ptr().cast_mut().cast(),
                1 as Object,
                null,
            )
        } else {
            let Ok(arguments) = PyTuple::new(Python::assume_attached(), [false]) else {
                return false;
            };
            slot.original(lock, arguments.as_ptr(), null, null)
        };
        if taken.is_null() {
            ffi::PyErr_Clear();
            return false;
        }
        let went = taken == ffi::Py_True();
        ffi::Py_DECREF(taken);
        went
    }
}

unsafe fn give(slot: &Slot, lock: Object) {
    // SAFETY: as above: no arguments.
    unsafe {
        let none = slot.original(
            lock,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            std::ptr::null_mut(),
        );
        if none.is_null() {
            ffi::PyErr_Clear();
        }
        ffi::Py_XDECREF(none);
    }
}

unsafe fn number(engine: &mut Engine, lock: Object, acquire: &Slot, release: &Slot) -> ObjectId {
    engine.resource(lock, || {
        // SAFETY: `take` and `give`: free if it can be taken now.
        unsafe {
            let free = take(acquire, lock);
            if free {
                give(release, lock);
            }
            free
        }
    })
}

fn truth(value: bool) -> Object {
    // SAFETY: immortal or counted: a new reference to a singleton.
    unsafe {
        ffi::Py_NewRef(if value {
            ffi::Py_True()
        } else {
            ffi::Py_False()
        })
    }
}

fn raise(message: &'static str) -> Object {
    // SAFETY: the GIL is held.
    PyRuntimeError::new_err(message).restore(unsafe { Python::assume_attached() });
    std::ptr::null_mut()
}

/// Takes a lock for the running thread: a new reference to whether it has it now.
unsafe fn lock_it(lock: Object, reentrant: bool, blocking: bool, timeout: Option<f64>) -> Object {
    let (acquire, release, name) = if reentrant {
        (&R_ACQUIRE, &R_RELEASE, "RLock")
    } else {
        (&ACQUIRE, &RELEASE, "Lock")
    };
    // SAFETY: the replaced methods' callers: a thread of the model, with the GIL and a lock.
    unsafe {
        let Some(engine) = inside() else {
            return truth(false);
        };
        let me = engine.current;
        let object = number(engine, lock, acquire, release);
        let shared = &mut engine.shared[object as usize];
        if reentrant
            && let Some((owner, count)) = &mut shared.holder
            && *owner == me
        {
            *count += 1;
            return truth(take(acquire, lock));
        }
        let mut wish = Operation::on(Kind::Acquire, access(object, Part::Whole, true));
        wish.blocking = blocking && timeout != Some(0.0);
        match step(wish, timeout, || {
            Record::here(Some(object), "acquires", name.to_owned(), None)
        }) {
            Went::Away => return std::ptr::null_mut(),
            Went::TimedOut => return truth(false),
            Went::On => {}
        }
        // An `RLock` itself would let in whoever is on this OS thread.
        let free = inside().is_some_and(|engine| engine.shared[object as usize].available);
        if !free || !take(acquire, lock) {
            return truth(false);
        }
        if let Some(engine) = inside() {
            let shared = &mut engine.shared[object as usize];
            (shared.available, shared.holder) = (false, Some((me, 1)));
        }
        truth(true)
    }
}

/// Gives a lock back: `None`, or null with an exception set.
unsafe fn unlock_it(lock: Object, reentrant: bool) -> Object {
    let (acquire, release, name) = if reentrant {
        (&R_ACQUIRE, &R_RELEASE, "RLock")
    } else {
        (&ACQUIRE, &RELEASE, "Lock")
    };
    // SAFETY: as above.
    unsafe {
        let Some(engine) = inside() else {
            return raise("no thread of a model");
        };
        let me = engine.current;
        let object = number(engine, lock, acquire, release);
        if reentrant {
            match &mut engine.shared[object as usize].holder {
                Some((owner, count)) if *owner == me && *count > 1 => {
                    *count -= 1;
                    give(release, lock);
                    return ffi::Py_NewRef(ffi::Py_None());
                }
                Some((owner, _)) if *owner == me => {}
                _ => return raise("cannot release un-acquired lock"),
            }
        }
        let wish = Operation::on(Kind::Release, access(object, Part::Whole, true));
        if let Went::Away = step(wish, None, || {
            Record::here(Some(object), "releases", name.to_owned(), None)
        }) {
            return std::ptr::null_mut();
        }
        let Some(engine) = inside() else {
            return truth(false);
        };
        let shared = &mut engine.shared[object as usize];
        if shared.available {
            return raise("release unlocked lock");
        }
        let thief = shared.holder.filter(|(owner, _)| *owner != me);
        (shared.available, shared.holder) = (true, None);
        give(release, lock);
        if let Some((owner, _)) = thief {
            theft(me, owner);
        }
        ffi::Py_NewRef(ffi::Py_None())
    }
}

/// A lock was released by a thread that does not have it: a failure where the code under test did it. The
/// standard library does so on purpose (`Condition.notify`).
fn theft(me: usize, owner: usize) {
    // SAFETY: a thread of the model, with the GIL.
    let py = unsafe { Python::assume_attached() };
    if !code::called_by_code_under_test(py) {
        return;
    }
    let Some(engine) = inside() else { return };
    let (mine, theirs) = (
        engine.threads[me].name.clone(),
        engine.threads[owner].name.clone(),
    );
    let text = format!("{mine} released a lock that {theirs} had acquired");
    engine.fail("thief", me, PyString::new(py, &text).into_any().unbind());
}

/// `acquire(blocking=True, timeout=-1)`.
unsafe fn lock_as_asked(lock: Object, reentrant: bool, arguments: [Object; 3]) -> Object {
    // SAFETY: of a method's call: a live lock, its arguments.
    unsafe {
        match patience(arguments) {
            Some((blocking, timeout)) => lock_it(lock, reentrant, blocking, timeout),
            None => std::ptr::null_mut(),
        }
    }
}

macro_rules! method {
    ($name:ident, $slot:ident, |$lock:ident, $a:ident, $b:ident, $c:ident| $body:expr) => {
        unsafe extern "C" fn $name($lock: Object, $a: Object, $b: Object, $c: Object) -> Object {
            // SAFETY: the interpreter calls it as it would call the original, which has the same convention.
            unsafe {
                if inside().is_none() {
                    return $slot.original($lock, $a, $b, $c);
                }
                $body
            }
        }
    };
}

method!(acquire, ACQUIRE, |lock, a, b, c| {
    lock_as_asked(lock, false, [a, b, c])
});
method!(enter, ENTER, |lock, _a, _b, _c| lock_it(
    lock, false, true, None
));
method!(release, RELEASE, |lock, _a, _b, _c| unlock_it(lock, false));
method!(exit, EXIT, |lock, _a, _b, _c| unlock_it(lock, false));
method!(locked, LOCKED, |lock, a, b, c| {
    look(lock, false);
    if ffi::PyErr_Occurred().is_null() {
        LOCKED.original(lock, a, b, c)
    } else {
        std::ptr::null_mut()
    }
});
method!(r_locked, R_LOCKED, |lock, a, b, c| {
    look(lock, true);
    if ffi::PyErr_Occurred().is_null() {
        R_LOCKED.original(lock, a, b, c)
    } else {
        std::ptr::null_mut()
    }
});
method!(r_acquire, R_ACQUIRE, |lock, a, b, c| {
    lock_as_asked(lock, true, [a, b, c])
});
method!(r_enter, R_ENTER, |lock, _a, _b, _c| lock_it(
    lock, true, true, None
));
method!(r_release, R_RELEASE, |lock, _a, _b, _c| unlock_it(
    lock, true
));
method!(r_exit, R_EXIT, |lock, _a, _b, _c| unlock_it(lock, true));
method!(r_owned, R_OWNED, |lock, _a, _b, _c| truth(held(lock) > 0));
method!(r_count, R_COUNT, |lock, _a, _b, _c| ffi::PyLong_FromLong(
    i64::from(held(lock))
));
method!(r_save, R_SAVE, |lock, a, b, c| {
    let count = held(lock);
    if count == 0 {
        return raise("cannot release un-acquired lock");
    }
    let Some(engine) = inside() else {
        return truth(false);
    };
    let object = number(engine, lock, &R_ACQUIRE, &R_RELEASE);
    let wish = Operation::on(Kind::Release, access(object, Part::Whole, true));
    if let Went::Away = step(wish, None, || {
        Record::here(Some(object), "releases", "RLock".to_owned(), None)
    }) {
        return std::ptr::null_mut();
    }
    if let Some(engine) = inside() {
        let shared = &mut engine.shared[object as usize];
        (shared.available, shared.holder) = (true, None);
    }
    R_SAVE.original(lock, a, b, c)
});
method!(r_restore, R_RESTORE, |lock, a, b, c| {
    let Some(engine) = inside() else {
        return truth(false);
    };
    let me = engine.current;
    let object = number(engine, lock, &R_ACQUIRE, &R_RELEASE);
    let wish = Operation::on(Kind::Acquire, access(object, Part::Whole, true)).blocking();
    if let Went::Away = step(wish, None, || {
        Record::here(Some(object), "acquires", "RLock".to_owned(), None)
    }) {
        return std::ptr::null_mut();
    }
    let done = R_RESTORE.original(lock, a, b, c);
    if let Some(engine) = inside() {
        let py = Python::assume_attached();
        // How often it was held, and by whom; up to 3.14 in a tuple of arguments.
        let saved = Bound::from_borrowed_ptr(py, a);
        let saved = if cfg!(Py_3_15) {
            Ok(saved)
        } else {
            saved.get_item(0)
        };
        let count = saved
            .and_then(|state| state.get_item(0))
            .and_then(|it| it.extract());
        let shared = &mut engine.shared[object as usize];
        (shared.available, shared.holder) = (false, Some((me, count.unwrap_or(1))));
    }
    done
});

/// How often the running thread has this `RLock`.
unsafe fn held(lock: Object) -> u32 {
    let Some(engine) = inside() else { return 0 };
    let me = engine.current;
    // SAFETY: the callers'.
    let object = unsafe { number(engine, lock, &R_ACQUIRE, &R_RELEASE) };
    match engine.shared[object as usize].holder {
        Some((owner, count)) if owner == me => count,
        _ => 0,
    }
}

unsafe fn look(lock: Object, reentrant: bool) {
    let Some(engine) = inside() else { return };
    let slots = if reentrant {
        (&R_ACQUIRE, &R_RELEASE)
    } else {
        (&ACQUIRE, &RELEASE)
    };
    // SAFETY: the callers'.
    let object = unsafe { number(engine, lock, slots.0, slots.1) };
    let wish = Operation::on(Kind::Look, access(object, Part::Whole, false));
    step(wish, None, || {
        let name = if reentrant { "RLock" } else { "Lock" };
        Record::here(Some(object), "looks at", name.to_owned(), None)
    });
}

/// Gives back what a run has left taken of the locks that it found free.
pub(super) fn restore(engine: &Engine) {
    for shared in &engine.shared {
        if shared.free_before && !shared.available && shared.holder.is_some() {
            // SAFETY: the GIL is held; only locks have holders.
            unsafe {
                let lock = shared.owner.as_ptr();
                let py = Python::assume_attached();
                let name = shared.owner.bind(py).get_type().name();
                if name.is_ok_and(|name| name == "RLock") {
                    // Its owner may be another OS thread, which alone could release it.
                    let _ = shared.owner.bind(py).call_method0("_at_fork_reinit");
                } else {
                    give(&RELEASE, lock);
                }
            }
        }
    }
}
