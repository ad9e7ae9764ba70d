//! The exceptions of `ungil.sync`, and the sentences in them.

use super::naming;
use pyo3::create_exception;
use pyo3::exceptions::{
    PyConnectionError, PyOSError, PyOverflowError, PyRuntimeError, PyValueError,
};
use pyo3::prelude::*;
use ungil_sync::Error;
use ungil_sync::identity::Owner;
use ungil_sync::semaphore::BeyondBound;

create_exception!(
    ungil.sync,
    NotOwner,
    PyRuntimeError,
    "A lock was released by a thread that does not own it. Attributes: owner, thief (sentences; owner is None when free)."
);
create_exception!(
    ungil.sync,
    OverRelease,
    PyValueError,
    "A semaphore was released beyond its bound."
);
create_exception!(
    ungil.sync,
    Deadlock,
    PyRuntimeError,
    "Waiting for this lock would close a circle of waiting threads. Attribute: cycle (a list of sentences)."
);
create_exception!(
    ungil.sync,
    OwnerDied,
    PyRuntimeError,
    "The owner of the lock died holding it. After acquire() raised this, the lock is yours. Attribute: owner (a sentence)."
);

pub(crate) fn not_owner(py: Python<'_>, thief: &str, owner: Option<&str>) -> PyErr {
    let message = match owner {
        Some(owner) => format!("{thief} cannot release this lock: {owner} owns it"),
        None => format!("{thief} cannot release this lock: nobody holds it"),
    };
    let error = NotOwner::new_err(message);
    attach(py, &error, "owner", owner);
    attach(py, &error, "thief", thief);
    error
}

pub(crate) fn over_release(refused: BeyondBound, count: u32) -> PyErr {
    let BeyondBound { permits, bound } = refused;
    OverRelease::new_err(format!(
        "releasing {count} more would give this semaphore {} permits, its bound is {bound}: release what was acquired, \
         or make it with bound=None if releases may come without acquires",
        u64::from(permits) + u64::from(count)
    ))
}

pub(crate) fn owner_died(py: Python<'_>, dead: Owner, kept: bool) -> PyErr {
    let owner = format!("thread {}", dead.tid());
    let rest = if kept {
        "This thread owns the lock now: check what the lock guards, then release() it"
    } else {
        "The lock was released again: to repair what it guards, use acquire() and release() instead of `with`"
    };
    let error = OwnerDied::new_err(format!("{owner} died holding this lock. {rest}"));
    attach(py, &error, "owner", &owner);
    error
}

pub(crate) fn deadlock(py: Python<'_>, cycle: &[(Owner, usize)]) -> PyErr {
    let names: Vec<_> = cycle
        .iter()
        .map(|(thread, _)| naming::name(py, *thread))
        .collect();
    let steps: Vec<_> = (0..names.len())
        .map(|at| {
            let next = &names[(at + 1) % names.len()];
            format!(
                "{} waits for the lock at {:#x}, which {next} owns",
                names[at], cycle[at].1
            )
        })
        .collect();
    let error = Deadlock::new_err(format!(
        "waiting for this lock would never end: {}",
        steps.join("; ")
    ));
    attach(py, &error, "cycle", steps);
    error
}

pub(crate) fn memory(error: Error) -> PyErr {
    let message = error.to_string();
    match error {
        Error::Create { source, .. } => match source.raw_os_error() {
            Some(code) => PyOSError::new_err((code, message)),
            None => PyOSError::new_err(message),
        },
        Error::TooLarge { .. } => PyOverflowError::new_err(message),
        Error::Gone { .. } | Error::Dropped => PyConnectionError::new_err(message),
        Error::Foreign { .. } | Error::BadAddress => PyValueError::new_err(message),
    }
}

/// An attribute is a convenience: failing to set it must not hide the error itself.
fn attach<'py>(py: Python<'py>, error: &PyErr, name: &str, value: impl IntoPyObject<'py>) {
    let _ = error.value(py).setattr(name, value);
}
