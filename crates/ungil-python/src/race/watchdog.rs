//! Notices a thread of a model that blocks outside of what is followed: on a pipe, a socket, a lock of a C extension.
//!
//! A timer looks, from time to time, at what the OS thread that explores has done. Where it made no step and used
//! no processor between several looks, the running thread waits for something that no other thread of the model
//! can give it, since all of them are fibers of this OS thread. The timer's signal ends a system call with
//! `EINTR`, and its handler in Python raises. A fiber in a call that nothing interrupts is left there; one that has the
//! GIL meanwhile is told on the standard error. Where threads of the model are OS threads, the hub looks at them.

use std::cell::{Cell, RefCell};
use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use pyo3::exceptions::{PyOSError, PyRuntimeError};
use pyo3::ffi;
use pyo3::prelude::*;

use super::engine::{self, End, inside};
use super::record::{self, Place};
use super::{code, os_thread};

/// Ignored where nobody handles it, so that one that comes late does nothing.
pub(super) const SIGNAL: c_int = libc::SIGURG;
/// Looks without progress until the call is interrupted, and until that has not helped.
const PATIENCE: u32 = 4;
const LAST: u32 = 2 * PATIENCE;
/// Less of the processor than this part of the time between two looks is none.
const IDLE_PART: u64 = 100;

/// Steps, and turns of loops, of all runs.
static PROGRESS: AtomicU64 = AtomicU64::new(0);
static SEEN: AtomicU64 = AtomicU64::new(0);
static USED_NS: AtomicU64 = AtomicU64::new(0);
static IDLE_NS: AtomicU64 = AtomicU64::new(0);
static IDLE_LOOKS: AtomicU32 = AtomicU32::new(0);
/// Whether Python calls handlers on this thread: the main one.
static CAN_RAISE: AtomicBool = AtomicBool::new(false);
/// Whether the hub of threads of the system waits for the GIL.
static WANTS_GIL: AtomicBool = AtomicBool::new(false);
/// The instruction that was followed last.
static CODE: AtomicPtr<ffi::PyObject> = AtomicPtr::new(ptr::null_mut());
static OFFSET: AtomicUsize = AtomicUsize::new(0);

/// A timer for the signals of one OS thread, kept from one exploration to the next.
struct Timer {
    id: libc::timer_t,
    /// A forked process does not have it.
    process: u32,
}

impl Timer {
    fn new() -> std::io::Result<Self> {
        // SAFETY: a zeroed structure of the C library is an empty one; the call copies it.
        unsafe {
            let mut event: libc::sigevent = std::mem::zeroed();
            event.sigev_notify = libc::SIGEV_THREAD_ID;
            event.sigev_signo = SIGNAL;
            event.sigev_notify_thread_id = libc::gettid();
            let mut id: libc::timer_t = ptr::null_mut();
            if libc::timer_create(libc::CLOCK_MONOTONIC, &raw mut event, &raw mut id) != 0 {
                return Err(std::io::Error::last_os_error());
            }
            let process = std::process::id();
            Ok(Self { id, process })
        }
    }

    /// Lets it send signals at this interval, or none.
    fn set(&self, interval: Duration) {
        let every = libc::timespec {
            tv_sec: interval.as_secs().try_into().unwrap_or(libc::time_t::MAX),
            tv_nsec: interval.subsec_nanos().into(),
        };
        let time = libc::itimerspec {
            it_interval: every,
            it_value: every,
        };
        // SAFETY: the timer is this process's; the call copies what it is given.
        unsafe { libc::timer_settime(self.id, 0, &raw const time, ptr::null_mut()) };
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if self.process == std::process::id() {
            // SAFETY: made by `new` in this process.
            unsafe { libc::timer_delete(self.id) };
        }
    }
}

thread_local! {
    static TIMER: RefCell<Option<Timer>> = const { RefCell::new(None) };
    /// What the signal did before, while this looks.
    static BEFORE: Cell<Option<libc::sigaction>> = const { Cell::new(None) };
}

/// Whether a call that blocks raises when its thread gets the signal, and is taken for the main one.
pub(super) fn can_raise() -> bool {
    CAN_RAISE.load(Ordering::Relaxed)
}

/// The hub waits for the GIL, which a thread that blocks may have.
pub(super) fn wants_gil(wants: bool) {
    WANTS_GIL.store(wants, Ordering::Relaxed);
}

/// Something was done.
#[inline]
pub(super) fn progress() {
    // Only one thread adds.
    PROGRESS.store(PROGRESS.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

/// This instruction of the code under test is the last one that was followed.
#[inline]
pub(super) fn here(code: *mut ffi::PyObject, offset: usize) {
    CODE.store(code, Ordering::Relaxed);
    OFFSET.store(offset, Ordering::Relaxed);
}

fn used_ns() -> u64 {
    let mut time = MaybeUninit::<libc::timespec>::zeroed();
    // SAFETY: fills what it is given; may be called in a signal's handler.
    let time = unsafe {
        libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, time.as_mut_ptr());
        time.assume_init()
    };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

extern "C" fn on_signal(_: c_int) {
    if os_thread::is_carrier() {
        return; // only its call is to end
    }
    // SAFETY: only what may be called in a signal's handler, and `errno` is left as it was. The GIL may not be
    // held, but it is this OS thread that runs the model, in the middle of one of its calls.
    unsafe {
        let errno = *libc::__errno_location();
        let (progress, used) = (PROGRESS.load(Ordering::Relaxed), used_ns());
        let moved = progress != SEEN.swap(progress, Ordering::Relaxed);
        let before = USED_NS.swap(used, Ordering::Relaxed);
        let runs = inside().is_some();
        // Another thread may have used more before. Who waits for the GIL asks again and again, which is work.
        let waits = WANTS_GIL.load(Ordering::Relaxed);
        let worked =
            runs && !waits && used.saturating_sub(before) > IDLE_NS.load(Ordering::Relaxed);
        if moved || worked || !(runs || waits) {
            IDLE_LOOKS.store(0, Ordering::Relaxed);
        } else {
            let looks = IDLE_LOOKS.fetch_add(1, Ordering::Relaxed) + 1;
            if runs && looks >= PATIENCE && can_raise() {
                ffi::PyErr_SetInterruptEx(SIGNAL);
            }
            if looks >= LAST && runs {
                leave();
            }
            if looks == LAST {
                tell();
            }
        }
        *libc::__errno_location() = errno;
    }
}

/// Leaves the running thread where it blocks, where nothing has ended its call; returns where it has the GIL.
fn leave() {
    if let Some(engine) = inside() {
        let carrier = &raw const *engine.carriers[engine.current];
        let looks = IDLE_LOOKS.swap(0, Ordering::Relaxed);
        // SAFETY: in a box until the run's end; the thread is in C, far from whatever borrows the engine.
        unsafe { (*carrier).leave() };
        IDLE_LOOKS.store(looks, Ordering::Relaxed);
    }
}

/// Lets the signal come again, after its handler was left for good.
pub(super) fn unblock_signal() {
    // SAFETY: a set of its own.
    unsafe {
        let mut signals = MaybeUninit::<libc::sigset_t>::zeroed();
        libc::sigemptyset(signals.as_mut_ptr());
        libc::sigaddset(signals.as_mut_ptr(), SIGNAL);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, signals.as_ptr(), ptr::null_mut());
    }
}

/// Says on the standard error where it blocks, without memory of the heap.
unsafe fn tell() {
    // SAFETY: as `on_signal`; the code object is kept alive by what has been learnt of it.
    unsafe {
        let code = CODE.load(Ordering::Relaxed);
        let Some(file) = code::file(code) else { return };
        let offset = c_int::try_from(OFFSET.load(Ordering::Relaxed)).unwrap_or(0);
        let line = ffi::PyCode_Addr2Line(code.cast(), offset);
        let mut digits = [0u8; 12];
        let (mut at, mut rest) = (digits.len(), line.unsigned_abs());
        while rest > 0 || at == digits.len() {
            at -= 1;
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        let parts: [&[u8]; 5] = [
            b"\nungil.race: a thread of the model blocks in a call that cannot be interrupted, made at or after ",
            file.to_bytes(),
            b":",
            &digits[at..],
            b"; the exploration waits for it. End this process from outside.\n",
        ];
        for part in parts {
            libc::write(2, part.as_ptr().cast(), part.len());
        }
    }
}

/// Begins to look. `patience` is for how many seconds a thread may block; `can_raise` that `on_blocked` is Python's
/// handler of the signal, and that this is the main thread.
#[pyfunction]
pub(super) fn watch(patience: f64, can_raise: bool) -> PyResult<()> {
    let interval = Duration::from_secs_f64(patience / f64::from(PATIENCE));
    IDLE_NS.store(
        u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX) / IDLE_PART,
        Ordering::Relaxed,
    );
    CAN_RAISE.store(can_raise, Ordering::Relaxed);
    IDLE_LOOKS.store(0, Ordering::Relaxed);
    TIMER
        .with_borrow_mut(|kept| {
            let timer = match kept.take() {
                Some(timer) if timer.process == std::process::id() => timer,
                _ => Timer::new()?,
            };
            // SAFETY: a zeroed structure of the C library is an empty one; the call copies it.
            unsafe {
                let mut action: libc::sigaction = std::mem::zeroed();
                action.sa_sigaction = on_signal as *const () as usize;
                // No SA_RESTART: the call is to come back. A fiber's stack has room for the handler.
                let mut before: libc::sigaction = std::mem::zeroed();
                libc::sigaction(SIGNAL, &raw const action, &raw mut before);
                BEFORE.set(Some(before));
            }
            timer.set(interval);
            *kept = Some(timer);
            Ok(())
        })
        .map_err(|error: std::io::Error| PyOSError::new_err(error))
}

/// Looks no longer.
#[pyfunction]
pub(super) fn unwatch() {
    TIMER.with_borrow(|kept| kept.iter().for_each(|timer| timer.set(Duration::ZERO)));
    if let Some(before) = BEFORE.take() {
        // SAFETY: found by `watch`.
        unsafe { libc::sigaction(SIGNAL, &raw const before, ptr::null_mut()) };
    }
}

/// Python's handler of the signal: ends the run with a message that names the thread and its line.
#[pyfunction]
pub(super) fn on_blocked(py: Python<'_>, _signal: c_int, frame: Bound<'_, PyAny>) -> PyResult<()> {
    if os_thread::is_ended_outside()
        && let Some(error) = engine::abandonment(py)
    {
        return Err(error?);
    }
    let Some(engine) = inside() else {
        return Ok(());
    };
    if IDLE_LOOKS.load(Ordering::Relaxed) < PATIENCE {
        return Ok(());
    }
    if is_debugged(frame) {
        IDLE_LOOKS.store(0, Ordering::Relaxed);
        return Ok(());
    }
    let (name, ended) = (
        engine.threads[engine.current].name.clone(),
        engine.ending.is_some(),
    );
    if !ended {
        let place = record::place(py);
        if let Some(engine) = inside() {
            let message = message(&name, place.as_ref());
            engine.interrupt = Some(PyRuntimeError::new_err(message));
            engine.ending = Some(End::Interrupted);
            engine.blocked = Some((name, place));
        }
    }
    if let Some(engine) = inside() {
        engine.threads[engine.current].unwinds = true;
    }
    match engine::abandonment(py) {
        Some(error) => Err(error?),
        None => Ok(()),
    }
}

/// What is told of a thread that blocks, and that the others wait for.
pub(super) fn message(name: &str, place: Option<&Place>) -> String {
    let (file, line) = place.map_or(("", 0), |(file, line, _)| (file, *line));
    format!(
        "{name} blocks at {file}:{line}, on something that ungil.race does not follow (a pipe, a socket, a process, a lock of \
         a C extension), and the other threads of the model cannot run meanwhile. Leave it out of the model, or put \
         a queue of threads in its place; where it only takes long, set max_blocked=."
    )
}

/// Whether somebody looks at this thread with a debugger, and so keeps it waiting.
fn is_debugged(frame: Bound<'_, PyAny>) -> bool {
    let mut next = Some(frame);
    while let Some(frame) = next {
        let file = frame
            .getattr("f_code")
            .and_then(|code| code.getattr("co_filename"))
            .and_then(|file| file.extract::<String>());
        if file.is_ok_and(|file| file.ends_with("/bdb.py") || file.ends_with("/pdb.py")) {
            return true;
        }
        next = frame.getattr("f_back").ok().filter(|back| !back.is_none());
    }
    false
}
