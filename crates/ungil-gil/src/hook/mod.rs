//! The two functions that stand in the interpreter's import slots, and what they write down.
//!
//! ```text
//!  pthread_cond_signal(gil.cond)         the calling thread drops the GIL   \  hold its mutex
//!  pthread_cond_signal(gil.switch_cond)  it has taken it                     > while they run
//!  pthread_cond_timedwait(gil.cond)      it waits for it                    /
//!       -> gils       is this a GIL's?       -> log    the thread's state, counters, ring
//!       -> frame      which code ran?        -> functions  its number
//! ```
//!
//! Rules for what runs in here: nothing that may call Python or take a lock that a thread keeps
//! while it waits for the GIL; no panic; errno stays. `README.md` argues all of it.
#![allow(unsafe_code)]

mod frame;
pub(crate) mod functions;
pub(crate) mod gils;
mod lock;
mod log;
pub(crate) mod registry;
mod ring;
pub(crate) mod switch;

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};

pub(crate) use frame::{Careful, Identity, Read, running_code};
pub(crate) use functions::Functions;
pub(crate) use log::{Epoch, Log};

use crate::layout::Layout;
use crate::model::NO_FUNCTION;
use crate::os;
use frame::Direct;
use gils::Signal;

/// Counters are kept.
pub(crate) const COUNT: u32 = 1;
/// Every hold and wait is recorded.
pub(crate) const RECORD: u32 = 2;

static MODE: AtomicU32 = AtomicU32::new(0);
static EPOCH: AtomicU32 = AtomicU32::new(0);
static EPOCH_START: AtomicU64 = AtomicU64::new(0);
static EPOCH_CARRY: AtomicU32 = AtomicU32::new(0);
static LAYOUT: AtomicPtr<Layout> = AtomicPtr::new(std::ptr::null_mut());
static CODE_TYPE: AtomicUsize = AtomicUsize::new(0);
static ORIGINAL_SIGNAL: AtomicUsize = AtomicUsize::new(0);
static ORIGINAL_TIMEDWAIT: AtomicUsize = AtomicUsize::new(0);

type CondSignal = unsafe extern "C" fn(*mut c_void) -> c_int;
type CondTimedwait = unsafe extern "C" fn(*mut c_void, *mut c_void, *const libc::timespec) -> c_int;

pub(super) unsafe extern "C" fn cond_signal(cond: *mut c_void) -> c_int {
    if MODE.load(Ordering::Acquire) != 0 {
        on_signal(cond as usize);
    }
    let original = ORIGINAL_SIGNAL.load(Ordering::Relaxed);
    // SAFETY: `switch` stores the function that the slot led to before it leads the slot here.
    let original: CondSignal = unsafe { std::mem::transmute(original) };
    // SAFETY: the arguments are those that the caller gave for this very function.
    unsafe { original(cond) }
}

pub(super) unsafe extern "C" fn cond_timedwait(
    cond: *mut c_void,
    mutex: *mut c_void,
    until: *const libc::timespec,
) -> c_int {
    if MODE.load(Ordering::Acquire) != 0 {
        on_wait(cond as usize);
    }
    let original = ORIGINAL_TIMEDWAIT.load(Ordering::Relaxed);
    // SAFETY: as in `cond_signal`.
    let original: CondTimedwait = unsafe { std::mem::transmute(original) };
    // SAFETY: as in `cond_signal`.
    unsafe { original(cond, mutex, until) }
}

/// The period that events belong to now.
pub(crate) fn epoch() -> Epoch {
    Epoch {
        number: EPOCH.load(Ordering::Acquire),
        start: EPOCH_START.load(Ordering::Relaxed),
        carry: EPOCH_CARRY.load(Ordering::Relaxed),
    }
}

fn layout() -> Option<&'static Layout> {
    // SAFETY: only addresses of `'static` layouts are stored there.
    unsafe { LAYOUT.load(Ordering::Acquire).as_ref() }
}

#[inline]
fn on_signal(cond: usize) {
    let now = os::monotonic_ns();
    let Some(layout) = layout() else { return };
    let Some((gil, signal)) = gils::signal(cond, layout).or_else(|| first_sight(cond, layout))
    else {
        return;
    };
    let log = registry::mine();
    let epoch = epoch();
    log.enter(&epoch);
    let record = MODE.load(Ordering::Relaxed) & RECORD != 0;
    let entry = gils::entry(gil);
    match signal {
        Signal::Taken => {
            log.take(gil, now, record);
            entry.taken(log, log.tid(), now, entry.last_holder(layout));
        }
        Signal::Dropped => {
            let function = record.then(|| function_of(entry.last_holder(layout), log, layout));
            log.drop_gil(gil, now, &epoch, function);
            entry.dropped();
        }
    }
}

#[cold]
fn first_sight(cond: usize, layout: &Layout) -> Option<(u16, Signal)> {
    // SAFETY: has no precondition but that the thread has an errno.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above: the address is the calling thread's own.
    let before = unsafe { *errno };
    let found = gils::discover(cond, layout);
    // SAFETY: as above.
    unsafe { *errno = before };
    found
}

/// The function that the calling thread, which is dropping its GIL, was running.
#[inline]
fn function_of(thread_state: usize, log: &Log, layout: &Layout) -> u32 {
    // SAFETY: the calling thread is inside of its drop, with the GIL's mutex; `switch` has checked
    // the layout.
    let memory = unsafe { Direct::new() };
    let code_type = CODE_TYPE.load(Ordering::Relaxed);
    running_code(thread_state, code_type, layout, &memory)
        .and_then(|code| Identity::of(code, layout, &memory))
        .map_or(NO_FUNCTION, |identity| {
            log.cache().number(identity, layout, &memory)
        })
}

#[inline]
fn on_wait(cond: usize) {
    let Some(layout) = layout() else { return };
    // A GIL not met before is met when it is taken or dropped.
    let Some(gil) = gils::at(cond.wrapping_sub(layout.gil.cond)) else {
        return;
    };
    let now = os::monotonic_ns();
    let log = registry::mine();
    log.enter(&epoch());
    let holder = gils::entry(gil).holder_tid.load(Ordering::Relaxed);
    let record = MODE.load(Ordering::Relaxed) & RECORD != 0;
    log.wait(gil, holder, now, record);
}

/// The function that a thread is in the middle of, seen from another thread. `None` where it cannot
/// be read just now.
pub(crate) fn sample(thread_state: usize) -> Option<u32> {
    let layout = layout()?;
    let code_type = CODE_TYPE.load(Ordering::Relaxed);
    let code = running_code(thread_state, code_type, layout, &Careful)?;
    let identity = Identity::of(code, layout, &Careful)?;
    Some(functions::number(identity, layout, &Careful))
}

/// The main interpreter's GIL, once it has been met.
pub(crate) fn main_gil() -> Option<u16> {
    gils::is_met(0).then_some(0)
}

/// When this process was forked off one that had its hooks on; 0 if it was not.
pub(crate) fn forked_at() -> u64 {
    switch::forked_at()
}
