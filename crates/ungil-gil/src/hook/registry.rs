//! All logs: of the threads that are there, of those that have ended, and free ones.

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::lock::Lock;
use super::log::{DEAD, FREE, LIVE, Log};
use crate::model::Counts;
use crate::os;

struct Registry {
    logs: Vec<&'static Log>,
    /// What threads did whose logs have been given to others.
    retired: Counts,
}

static REGISTRY: Lock<Registry> = Lock::new(Registry {
    logs: Vec::new(),
    retired: Counts::ZERO,
});
static SERIAL: AtomicU64 = AtomicU64::new(1);
/// Whether a trace reads the rings; else ended threads' logs are free at once.
static COLLECTED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Without a destructor, so that it can be used to the very end of a thread; see `KEY`.
    static MINE: Cell<Option<&'static Log>> = const { Cell::new(None) };
}

/// The key whose destructor marks a thread's log as left behind.
static KEY: OnceLock<libc::pthread_key_t> = OnceLock::new();

/// Makes the key. To be called before the first hook runs.
pub(super) fn prepare() {
    KEY.get_or_init(|| {
        let mut key = 0;
        // SAFETY: `key` is ours to be filled; the destructor gets what `mine` stored.
        unsafe { libc::pthread_key_create(&raw mut key, Some(leave)) };
        key
    });
}

/// The calling thread's log, made on the first call.
#[inline]
pub(crate) fn mine() -> &'static Log {
    MINE.get().unwrap_or_else(register)
}

#[cold]
fn register() -> &'static Log {
    let mut registry = REGISTRY.lock();
    if !COLLECTED.load(Ordering::Acquire) {
        registry.recycle();
    }
    let free = registry
        .logs
        .iter()
        .find(|log| log.status.load(Ordering::Acquire) == FREE);
    let log = free.copied().unwrap_or_else(|| {
        let log: &'static Log = Box::leak(Box::new(Log::new()));
        registry.logs.push(log);
        log
    });
    log.assign(SERIAL.fetch_add(1, Ordering::Relaxed), os::gettid());
    drop(registry);
    MINE.set(Some(log));
    if let Some(&key) = KEY.get() {
        // SAFETY: the key was made by `prepare` and is never deleted.
        unsafe { libc::pthread_setspecific(key, ptr::from_ref(log).cast()) };
    }
    log
}

/// At the end of a thread. If a later destructor takes the GIL again, it gets another log.
unsafe extern "C" fn leave(log: *mut c_void) {
    // SAFETY: `register` stored a log, and logs are never freed.
    let log = unsafe { &*log.cast::<Log>() };
    MINE.set(None);
    log.flush();
    log.status.store(DEAD, Ordering::Release);
}

impl Registry {
    /// Keeps what ended threads have done, and gives their logs free.
    fn recycle(&mut self) {
        for log in &self.logs {
            if log.status.load(Ordering::Acquire) == DEAD {
                self.retired.add(&log.counts(&super::epoch(), 0));
                log.status.store(FREE, Ordering::Release);
            }
        }
    }
}

/// All logs that are not free, with whether their thread has ended.
pub(crate) fn logs() -> Vec<(&'static Log, bool)> {
    let registry = REGISTRY.lock();
    let with_status = registry
        .logs
        .iter()
        .map(|log| (*log, log.status.load(Ordering::Acquire)));
    with_status
        .filter(|(_, status)| *status != FREE)
        .map(|(log, status)| (log, status == DEAD))
        .collect()
}

/// Gives the log of an ended thread free, when its ring has been read. Only for the collector.
pub(crate) fn recycle(log: &'static Log) {
    let mut registry = REGISTRY.lock();
    registry.retired.add(&log.counts(&super::epoch(), 0));
    log.status.store(FREE, Ordering::Release);
}

/// Whether a trace reads the rings from now on.
pub(crate) fn set_collected(collected: bool) {
    let mut registry = REGISTRY.lock();
    registry.recycle();
    COLLECTED.store(collected, Ordering::Release);
}

/// What all threads have done since the hooks were first on, with what they are just doing.
pub(crate) fn totals(now: u64) -> Counts {
    let epoch = super::epoch();
    let registry = REGISTRY.lock();
    let mut totals = registry.retired;
    for log in &registry.logs {
        if log.status.load(Ordering::Acquire) != FREE {
            totals.add(&log.counts(&epoch, now));
        }
    }
    totals
}

/// Before a fork: everything is whole until [`after_fork_in_parent`] or [`after_fork_in_child`].
pub(super) fn before_fork() {
    REGISTRY.seize();
    super::functions::FUNCTIONS.seize();
}

pub(super) fn after_fork_in_parent() {
    super::functions::FUNCTIONS.release();
    REGISTRY.release();
}

/// Only the calling thread is left, and it begins anew.
pub(super) fn after_fork_in_child() {
    super::functions::FUNCTIONS.release();
    REGISTRY.release();
    COLLECTED.store(false, Ordering::Release);
    let mut registry = REGISTRY.lock();
    registry.retired = Counts::ZERO;
    for log in &registry.logs {
        // Whoever had the lock of the name is not here any more.
        log.release_name();
        log.status.store(FREE, Ordering::Release);
    }
    if let Some(log) = MINE.get() {
        log.assign(SERIAL.fetch_add(1, Ordering::Relaxed), os::gettid());
        log.status.store(LIVE, Ordering::Release);
    }
}
