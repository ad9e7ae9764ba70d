//! A call of machine code: the GIL is released for what can take long, and Ctrl-C is asked for.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use ungil_native::runtime::{Context, LARGEST_RESULT, TRACE};

use super::specialisation::Specialisation;
use crate::waiting::without_gil;

/// Rounds of loops between two looks at the clock: about a millisecond.
const FUEL: i64 = 1 << 20;
/// Time between two looks for signals and for exceptions set from other threads.
const PATIENCE: Duration = Duration::from_millis(50);
/// Stack that is left to what machine code calls.
const MARGIN: usize = 128 << 10;

/// What `poll` needs to know of a call.
struct Host {
    looked: Option<Instant>,
    raised: Option<PyErr>,
}

/// How a call ended.
pub(super) enum Outcome {
    Returned([u64; LARGEST_RESULT]),
    /// The context tells where.
    Failed(Box<Context>),
    /// A signal's handler, or another thread, has raised; the context tells where.
    Interrupted(PyErr, Box<Context>),
}

pub(super) fn run(py: Python<'_>, code: &Specialisation, words: &[u64]) -> Outcome {
    let mut host = Host {
        looked: None,
        raised: None,
    };
    let mut context = Context {
        fuel: FUEL,
        stack_limit: if code.recursive { stack_limit() } else { 0 },
        a: 0,
        b: 0,
        x: 0.0,
        y: 0.0,
        depth: 0,
        host: (&raw mut host).cast::<c_void>(),
        trace: [const { MaybeUninit::uninit() }; TRACE],
    };
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
pub(super) extern "C" fn poll(context: *mut Context) -> i32 {
    // SAFETY: machine code passes on what `run` has given to it, which lives as long as the call.
    let (context, host) = unsafe {
        let context = &mut *context;
        (&mut context.fuel, &mut *context.host.cast::<Host>())
    };
    *context = FUEL;
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

thread_local! {
    static STACK_LIMIT: Cell<usize> = const { Cell::new(0) };
}

/// The address that the stack of this thread must not grow below.
fn stack_limit() -> usize {
    STACK_LIMIT.with(|known| {
        if known.get() == 0 {
            known.set(find_stack_limit());
        }
        known.get()
    })
}

fn find_stack_limit() -> usize {
    let mut address = std::ptr::null_mut();
    let mut size = 0;
    // SAFETY: the attributes are initialised by the first call, read, and destroyed.
    let found = unsafe {
        let mut attributes = std::mem::zeroed::<libc::pthread_attr_t>();
        if libc::pthread_getattr_np(libc::pthread_self(), &raw mut attributes) != 0 {
            false
        } else {
            let result =
                libc::pthread_attr_getstack(&raw const attributes, &raw mut address, &raw mut size);
            libc::pthread_attr_destroy(&raw mut attributes);
            result == 0
        }
    };
    if found {
        // A quarter is kept where a thread has little.
        return address as usize + MARGIN.min(size / 4);
    }
    // Not known: what is surely there.
    let local = 0_u8;
    (&raw const local as usize).saturating_sub(64 << 10)
}
