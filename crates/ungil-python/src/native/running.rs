//! A call of machine code: the GIL is released for what can take long, and Ctrl-C is asked for.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use ungil_native::runtime::{Context, Deferred, Hooks, LARGEST_RESULT, stack};

use super::specialisation::Specialisation;
use crate::waiting::without_gil;

/// Time between two looks for signals and for exceptions set from other threads.
const PATIENCE: Duration = Duration::from_millis(50);

/// What machine code asks of Python.
static HOOKS: Hooks = Hooks {
    poll,
    threads: super::threads::number,
    deferred,
};

/// What the hooks need to know of a call.
struct Host {
    code: *const Specialisation,
    looked: Option<Instant>,
    raised: Option<PyErr>,
}

/// How a call ended.
pub(super) enum Outcome {
    Returned([u64; LARGEST_RESULT]),
    /// The context tells where.
    Failed(Box<Context>),
    /// A signal's handler, another thread, or the compiler has raised; the context tells where.
    Interrupted(PyErr, Box<Context>),
}

pub(super) fn run(py: Python<'_>, code: &Specialisation, words: &[u64]) -> Outcome {
    let mut host = Host {
        code,
        looked: None,
        raised: None,
    };
    let mut context = Context::new(&HOOKS);
    context.host = (&raw mut host).cast::<c_void>();
    if code.recursive {
        context.stack_limit = stack::limit();
    }
    let mut result = [0_u64; LARGEST_RESULT];
    let entry = code.entry();
    let (words, place, context_address) = (
        words.as_ptr() as usize,
        &raw mut result as usize,
        &raw mut context as usize,
    );
    // SAFETY: machine code of this signature; the words are as many as its types have, the pointers in
    // them are of buffers that the caller holds, and everything lives until it returns.
    let call = move || unsafe {
        entry(
            words as *const u64,
            place as *mut u64,
            context_address as *mut Context,
        )
    };
    let failed = if code.long {
        without_gil(py, call)
    } else {
        call()
    };
    if failed == 0 {
        return Outcome::Returned(result);
    }
    match host.raised {
        Some(error) => Outcome::Interrupted(error, Box::new(context)),
        None => Outcome::Failed(Box::new(context)),
    }
}

/// Called by loops now and then, without the GIL.
extern "C" fn poll(context: *mut Context) -> i32 {
    // SAFETY: machine code passes on what `run` has given to it, which lives as long as the call.
    let host = unsafe { &mut *(*context).host.cast::<Host>() };
    let now = Instant::now();
    let looked = *host.looked.get_or_insert(now);
    if now.duration_since(looked) < PATIENCE {
        return 0;
    }
    let result = Python::attach(|py| {
        py.check_signals()?;
        // A Python function takes exceptions that other threads have set for this one.
        py.import("ungil._native.errors")?
            .call_method0("checkpoint")
            .map(|_| ())
    });
    host.looked = Some(Instant::now());
    match result {
        Ok(()) => 0,
        Err(error) => {
            host.raised = Some(error);
            1
        }
    }
}

/// Called by loops whose text is in the other module, without the GIL.
fn deferred(context: *mut Context) -> Option<Deferred> {
    // SAFETY: as for `poll`; the caller of `run` holds the code.
    let (raised, code) = unsafe {
        let host = &mut *(*context).host.cast::<Host>();
        (&mut host.raised, &*host.code)
    };
    match Python::attach(|py| code.deferred(py)) {
        Ok(entry) => Some(entry),
        Err(error) => {
            *raised = Some(error);
            None
        }
    }
}
