//! The GILs of the process: the main interpreter's and those that interpreters have of their own.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use super::log::Log;
use crate::layout::Layout;
use crate::os;

/// GILs that are told apart; what happens on further ones is not seen.
pub(crate) const MOST: usize = 256;

/// One GIL, as the hooks know it. Everything but the address changes under the GIL's own mutex.
pub(crate) struct Entry {
    /// Address of its structure.
    address: AtomicUsize,
    /// The [`Log`] of the thread that holds it; 0 while nobody does.
    holder: AtomicUsize,
    /// The kernel's number of that thread.
    pub(crate) holder_tid: AtomicU32,
    /// When it took it.
    since: AtomicU64,
    /// Its thread state.
    thread_state: AtomicUsize,
}

#[allow(clippy::declare_interior_mutable_const)] // only to fill the table
const FREE: Entry = Entry {
    address: AtomicUsize::new(0),
    holder: AtomicUsize::new(0),
    holder_tid: AtomicU32::new(0),
    since: AtomicU64::new(0),
    thread_state: AtomicUsize::new(0),
};

static TABLE: [Entry; MOST] = [FREE; MOST];

/// What a condition variable is to a GIL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// It was taken.
    Taken,
    /// It was dropped.
    Dropped,
}

/// A hold in progress.
pub(crate) struct Holding {
    pub(crate) gil: u16,
    pub(crate) log: &'static Log,
    pub(crate) since: u64,
    pub(crate) thread_state: usize,
}

/// The entry of a GIL.
pub(crate) fn entry(gil: u16) -> &'static Entry {
    &TABLE[usize::from(gil) % MOST]
}

/// Whether there is a GIL of this number.
pub(crate) fn is_met(gil: u16) -> bool {
    entry(gil).address.load(Ordering::Acquire) != 0
}

/// The GIL at an address.
#[inline]
pub(crate) fn at(address: usize) -> Option<u16> {
    for (number, entry) in TABLE.iter().enumerate() {
        match entry.address.load(Ordering::Acquire) {
            0 => return None,
            known if known == address => return Some(number as u16),
            _ => {}
        }
    }
    None
}

/// Whose condition variable this is, and which.
#[inline]
pub(crate) fn signal(cond: usize, layout: &Layout) -> Option<(u16, Signal)> {
    let (dropped, taken) = (
        cond.wrapping_sub(layout.gil.cond),
        cond.wrapping_sub(layout.gil.switch_cond),
    );
    for (number, entry) in TABLE.iter().enumerate() {
        match entry.address.load(Ordering::Acquire) {
            0 => return None,
            known if known == dropped => return Some((number as u16, Signal::Dropped)),
            known if known == taken => return Some((number as u16, Signal::Taken)),
            _ => {}
        }
    }
    None
}

/// Looks whether a condition variable that the calling thread is about to signal is that of a GIL
/// not met before, and remembers it then.
///
/// Sure enough to be believed: at the right distances lie a lock word that fits and a thread state
/// whose native thread is the calling one. Memory is read through the kernel, so that whatever else
/// the address may be, nothing happens.
pub(crate) fn discover(cond: usize, layout: &Layout) -> Option<(u16, Signal)> {
    let word = |address: usize| {
        let mut bytes = [0; 8];
        os::read_memory(address, &mut bytes).ok()?;
        Some(u64::from_ne_bytes(bytes))
    };
    let is_gil = |address: usize, locked: u32| {
        let holder = word(address.wrapping_add(layout.gil.last_holder))? as usize;
        let lock = word(address.wrapping_add(layout.gil.locked))? as u32;
        let tid = word(holder.wrapping_add(layout.thread.native_thread_id))?;
        Some(lock == locked && tid == u64::from(os::gettid()))
    };
    let dropped = cond.wrapping_sub(layout.gil.cond);
    if is_gil(dropped, 0) == Some(true) {
        return remember(dropped).map(|gil| (gil, Signal::Dropped));
    }
    let taken = cond.wrapping_sub(layout.gil.switch_cond);
    if is_gil(taken, 1) == Some(true) {
        return remember(taken).map(|gil| (gil, Signal::Taken));
    }
    None
}

fn remember(address: usize) -> Option<u16> {
    let free = |entry: &Entry| {
        entry
            .address
            .compare_exchange(0, address, Ordering::AcqRel, Ordering::Acquire)
            .map_or_else(|known| known == address, |_| true)
    };
    TABLE.iter().position(free).map(|number| number as u16)
}

impl Entry {
    /// The calling thread, which has this log, took it.
    #[inline]
    pub(crate) fn taken(&self, log: &'static Log, tid: u32, now: u64, thread_state: usize) {
        self.thread_state.store(thread_state, Ordering::Relaxed);
        self.holder_tid.store(tid, Ordering::Relaxed);
        self.since.store(now, Ordering::Relaxed);
        self.holder
            .store(std::ptr::from_ref(log) as usize, Ordering::Release);
    }

    /// Its holder dropped it.
    #[inline]
    pub(crate) fn dropped(&self) {
        self.holder.store(0, Ordering::Relaxed);
        self.holder_tid.store(0, Ordering::Relaxed);
    }

    /// The last holder's thread state, as `CPython` has it.
    #[inline]
    pub(crate) fn last_holder(&self, layout: &Layout) -> usize {
        let address = self.address.load(Ordering::Relaxed) + layout.gil.last_holder;
        // SAFETY: only called by a thread that is inside of this GIL's take or drop, so that the
        // structure is there; CPython reads and writes the word atomically, too.
        unsafe { AtomicUsize::from_ptr(address as *mut usize) }.load(Ordering::Relaxed)
    }
}

/// The holds in progress, for somebody who looks from outside: each may be over already.
pub(crate) fn holding() -> impl Iterator<Item = Holding> {
    let met = TABLE
        .iter()
        .take_while(|entry| entry.address.load(Ordering::Acquire) != 0);
    met.enumerate().filter_map(|(number, entry)| {
        let log = entry.holder.load(Ordering::Acquire) as *const Log;
        // SAFETY: logs are never freed, and nothing but a log or 0 is stored there.
        let log = unsafe { log.as_ref() }?;
        Some(Holding {
            gil: number as u16,
            log,
            since: entry.since.load(Ordering::Relaxed),
            thread_state: entry.thread_state.load(Ordering::Relaxed),
        })
    })
}

/// Nobody is known to hold anything: after a pause of the hooks, or in the child of a fork.
pub(crate) fn forget_holders() {
    for entry in &TABLE {
        entry.dropped();
    }
}
