//! Turning the hooks on and off.

use std::ffi::CStr;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

use super::lock::Lock;
use super::{
    CODE_TYPE, COUNT, Careful, EPOCH, EPOCH_CARRY, EPOCH_START, Epoch, Identity, LAYOUT, MODE,
    ORIGINAL_SIGNAL, ORIGINAL_TIMEDWAIT, cond_signal, cond_timedwait, gils, registry, running_code,
};
use crate::error::{Error, Result};
use crate::layout::Layout;
use crate::os::{self, Slots};

const NAMES: [&CStr; 2] = [c"pthread_cond_signal", c"pthread_cond_timedwait"];

/// The interpreter's slots, once they have been found.
static SLOTS: Lock<Option<Slots>> = Lock::new(None);

/// Turns these kinds of notes on, and begins a new epoch. To be called with the GIL held, by a
/// thread that runs Python code.
pub(crate) fn on(modes: u32) -> Result<Epoch> {
    let mut slots = SLOTS.lock();
    if slots.is_none() {
        let layout = checked_layout()?;
        let found = find_slots()?;
        ORIGINAL_SIGNAL.store(found.originals[0], Ordering::Relaxed);
        ORIGINAL_TIMEDWAIT.store(found.originals[1], Ordering::Relaxed);
        LAYOUT.store(std::ptr::from_ref(layout).cast_mut(), Ordering::Release);
        registry::prepare();
        survive_forks();
        *slots = Some(found);
    }
    if let Some(slots) = &*slots {
        slots.patch().map_err(Error::Protected)?;
    }
    let before = MODE.load(Ordering::Relaxed);
    if before == 0 {
        gils::forget_holders();
    }
    Ok(change(before | modes))
}

/// Whether the hooks could be turned on; nothing is changed. To be called as [`on`].
pub(crate) fn check() -> Result<()> {
    let slots = SLOTS.lock();
    if slots.is_none() {
        checked_layout()?;
        return find_slots()?.check_writable().map_err(Error::Protected);
    }
    Ok(())
}

/// Turns these kinds of notes off; with the last one the slots get back what they held.
pub(crate) fn off(modes: u32) -> Result<()> {
    let slots = SLOTS.lock();
    let left = MODE.load(Ordering::Relaxed) & !modes;
    change(left);
    match &*slots {
        Some(slots) if left == 0 => slots.restore().map_err(Error::Protected),
        _ => Ok(()),
    }
}

/// Leads slots to us again that a thread has bound meanwhile.
pub(crate) fn keep() {
    if let Some(slots) = &*SLOTS.lock() {
        // It worked a moment ago; if not, the trace merely ends early.
        let _ = slots.patch();
    }
}

/// Whether these kinds of notes are on.
pub(crate) fn is_on(modes: u32) -> bool {
    MODE.load(Ordering::Relaxed) & modes == modes
}

/// The calling thread holds the GIL of this number since the start of the epoch: the hooks cannot
/// have seen how it took it.
pub(crate) fn starts_holding(gil: u16, epoch: &Epoch) {
    let log = registry::mine();
    log.enter(epoch);
    log.starts_with(gil, epoch);
    if let Some(layout) = super::layout() {
        let entry = gils::entry(gil);
        entry.taken(log, log.tid(), epoch.start, entry.last_holder(layout));
    }
}

fn change(modes: u32) -> Epoch {
    let before = MODE.load(Ordering::Relaxed);
    let number = EPOCH.load(Ordering::Relaxed).wrapping_add(1).max(1);
    let carry = if before == 0 {
        0
    } else {
        number.wrapping_sub(1)
    };
    let start = os::monotonic_ns();
    EPOCH_CARRY.store(carry, Ordering::Relaxed);
    EPOCH_START.store(start, Ordering::Relaxed);
    // Release, twice: a hook that sees the mode sees the epoch, and with it when that began.
    EPOCH.store(number, Ordering::Release);
    MODE.store(modes, Ordering::Release);
    Epoch {
        number,
        start,
        carry,
    }
}

fn find_slots() -> Result<Slots> {
    let inside = os::symbol(c"PyEval_SaveThread")
        .ok_or_else(|| Error::UnknownLayout("PyEval_SaveThread", "everywhere".to_owned()))?;
    let ours = [
        cond_signal as *const () as usize,
        cond_timedwait as *const () as usize,
    ];
    Slots::find(inside, &NAMES, &ours)
        .map_err(|at| Error::NoSlots(NAMES[at].to_str().unwrap_or_default()))
}

/// The layout of the running interpreter, if it is as its version says.
fn checked_layout() -> Result<&'static Layout> {
    let hex = os::symbol(c"Py_Version").map_or(0, |address| {
        // SAFETY: since 3.11 `Py_Version` is a constant `unsigned long`.
        unsafe { *(address as *const libc::c_ulong) }
    });
    let (major, minor) = ((hex >> 24) as u8, (hex >> 16) as u8);
    let version = format!("{major}.{minor}");
    if is_free_threaded() {
        return Err(Error::FreeThreaded);
    }
    let layout = Layout::of(major, minor).ok_or_else(|| Error::UnknownVersion(version.clone()))?;
    let unknown = |what| Error::UnknownLayout(what, version.clone());

    let code_type = os::symbol(c"PyCode_Type").ok_or_else(|| unknown("PyCode_Type"))?;
    let get = os::symbol(c"PyThreadState_Get").ok_or_else(|| unknown("PyThreadState_Get"))?;
    // SAFETY: that is its signature, in every version.
    let get: unsafe extern "C" fn() -> usize = unsafe { std::mem::transmute(get) };
    // SAFETY: the caller holds the GIL.
    let thread_state = unsafe { get() };

    let mut bytes = [0; 8];
    os::read_memory(thread_state + layout.thread.native_thread_id, &mut bytes)
        .map_err(Error::NoReading)?;
    if u64::from_ne_bytes(bytes) != u64::from(os::gettid()) {
        return Err(unknown("the native thread of a thread state"));
    }
    running_code(thread_state, code_type, layout, &Careful)
        .and_then(|code| Identity::of(code, layout, &Careful))
        .and_then(|identity| identity.names(layout, &Careful))
        .ok_or_else(|| unknown("the running function"))?;
    CODE_TYPE.store(code_type, Ordering::Relaxed);
    Ok(layout)
}

/// Since 3.13 the runtime begins with a table for debuggers, whose third word tells.
fn is_free_threaded() -> bool {
    let mut table = [[0; 8]; 3];
    let read = os::symbol(c"_PyRuntime")
        .is_some_and(|runtime| os::read_memory(runtime, table.as_flattened_mut()).is_ok());
    read && table[0] == *b"xdebugpy" && u64::from_ne_bytes(table[2]) != 0
}

fn survive_forks() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the three functions live as long as this library, which is never unloaded.
        unsafe {
            libc::pthread_atfork(
                Some(before_fork),
                Some(after_in_parent),
                Some(after_in_child),
            )
        };
    });
}

unsafe extern "C" fn before_fork() {
    SLOTS.seize();
    registry::before_fork();
}

unsafe extern "C" fn after_in_parent() {
    registry::after_fork_in_parent();
    SLOTS.release();
}

/// When the process was forked off, nanoseconds; 0: it was not, or before the hooks were there.
static FORKED: AtomicU64 = AtomicU64::new(0);

pub(crate) fn forked_at() -> u64 {
    FORKED.load(Ordering::Relaxed)
}

/// The child is not traced, but its counters count, from nothing.
unsafe extern "C" fn after_in_child() {
    registry::after_fork_in_child();
    SLOTS.release();
    gils::forget_holders();
    EPOCH_CARRY.store(0, Ordering::Relaxed);
    let now = os::monotonic_ns();
    FORKED.store(now, Ordering::Relaxed);
    EPOCH_START.store(now, Ordering::Relaxed);
    EPOCH.fetch_add(1, Ordering::Release);
    MODE.fetch_and(COUNT, Ordering::Release);
}
