//! Carries a thread of the model: an OS thread of its own, which waits for its turn whenever it is not the one to run.
//!
//! Slower than a fiber, but it may block in C: the hub looks, while it waits, whether the thread sleeps in the kernel and not
//! for the GIL, takes its turn away then, and lets others go on. When such a call returns, the thread comes to
//! something that is followed sooner or later, and waits there until it is its turn again.

use std::cell::{Cell, OnceCell, RefCell};
use std::io;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use pyo3::ffi;
use pyo3::prelude::*;
use ungil_race::ThreadId;

use super::baton::{Baton, Stand};
use super::carrier::{Carrier, Doing, Pause};
use super::engine::{self, HUB, inside};
use super::fiber::STACK_BYTES;
use super::kernel::Kernel;
use super::record::{self, Place};
use super::{hub, outside, watchdog};

/// How often the hub looks at a thread that runs.
const LOOK: Duration = Duration::from_millis(1);
/// Who sleeps for so long without using the processor does not wait for the GIL: that is asked for again
/// after each switch interval, which is shorter while models run on OS threads.
const SLEEPS: Duration = Duration::from_millis(3);
/// Code that is not followed, and that a signal has not ended, gets an exception after so long.
const LETS_BE: Duration = Duration::from_millis(200);

/// What the hub and the thread share.
struct Seat {
    thread: ThreadId,
    baton: Baton,
    /// The kernel's number of the OS thread.
    number: AtomicI32,
    /// Its thread state, while it has one.
    state: AtomicPtr<ffi::PyThreadState>,
    /// Whether its call was ended by an exception, so that it unwinds already.
    unwinds: AtomicBool,
}

thread_local! {
    /// Of an OS thread that carries a thread of a model. It has no destructor: signals' handlers look at it.
    static SEAT: Cell<*const Seat> = const { Cell::new(ptr::null()) };
}

/// The seat of the calling thread.
fn own_seat() -> Option<&'static Seat> {
    // SAFETY: kept alive by `run` until it has cleared this.
    unsafe { SEAT.get().as_ref() }
}

/// Whether the caller is an OS thread that carries a thread of a model.
pub(super) fn is_carrier() -> bool {
    own_seat().is_some()
}

/// The number of the thread of a model that the caller carries.
pub(super) fn own_number() -> Option<ThreadId> {
    own_seat().map(|seat| seat.thread)
}

/// Whether the caller's call is ended by force. It unwinds then.
pub(super) fn is_ended_outside() -> bool {
    own_seat().is_some_and(|seat| {
        let outside = seat.baton.stand() == Stand::Outside;
        if outside {
            seat.unwinds.store(true, Ordering::Relaxed);
        }
        outside
    })
}

/// A call that blocked outside has returned: waits for a turn; `false` where the caller carries no thread of this run.
/// With the GIL.
#[cold]
pub(super) fn come_back() -> bool {
    let Some(seat) = own_seat() else { return false };
    if !seat.baton.change(Stand::Outside, Stand::Back) || !seat.wait_for_turn() {
        return false;
    }
    if let Some(engine) = inside() {
        outside::returns(engine, seat.thread);
        engine.threads[seat.thread].unwinds |= seat.unwinds.swap(false, Ordering::Relaxed);
    }
    true
}

impl Seat {
    /// Waits without the GIL; `false` where no turn comes any more.
    fn wait_for_turn(&self) -> bool {
        // SAFETY: the caller has the GIL, and gets it back.
        let turn = unsafe {
            let state = ffi::PyEval_SaveThread();
            let turn = self.baton.turn();
            ffi::PyEval_RestoreThread(state);
            turn
        };
        if turn {
            engine::hold(true);
        }
        turn
    }
}

/// All that the OS thread does.
fn run(seat: &Seat) {
    // SAFETY: always succeeds.
    seat.number
        .store(unsafe { libc::gettid() }, Ordering::Release);
    if !seat.baton.turn() {
        return;
    }
    SEAT.set(seat);
    Python::attach(|_| {
        // SAFETY: attached.
        seat.state
            .store(unsafe { ffi::PyThreadState_Get() }, Ordering::Release);
        engine::hold(true);
        hub::run_body(seat.thread);
        if let Some(engine) = inside() {
            engine.current = HUB;
            engine::hold(false);
        }
        // What goes with the thread state is no part of the model.
        SEAT.set(ptr::null());
        seat.state.store(ptr::null_mut(), Ordering::Release);
    });
}

pub(super) struct OsThread {
    seat: Arc<Seat>,
    handle: RefCell<Option<JoinHandle<()>>>,
    kernel: OnceCell<Option<Kernel>>,
}

impl OsThread {
    pub(super) fn new(thread: ThreadId) -> Self {
        Self {
            seat: Arc::new(Seat {
                thread,
                baton: Baton::new(),
                number: AtomicI32::new(0),
                state: AtomicPtr::new(ptr::null_mut()),
                unwinds: AtomicBool::new(false),
            }),
            handle: RefCell::new(None),
            kernel: OnceCell::new(),
        }
    }

    fn start(&self) -> io::Result<JoinHandle<()>> {
        let seat = Arc::clone(&self.seat);
        Builder::new()
            .name(format!("race-{}", seat.thread))
            .stack_size(STACK_BYTES)
            .spawn(move || {
                run(&seat);
                seat.baton.change(Stand::Runs, Stand::Ended);
            })
    }

    /// What the system says of the thread, which runs by now.
    fn kernel(&self) -> Option<&Kernel> {
        let number = self.seat.number.load(Ordering::Acquire);
        let thread = self.os_thread()?;
        if number == 0 {
            return None;
        }
        let kernel = self.kernel.get_or_init(|| Kernel::of(thread, number));
        kernel.as_ref()
    }

    fn asleep(&self) -> Option<u64> {
        self.kernel()?.asleep()
    }

    /// With the GIL: whether the thread is where it was when it had used so much of the processor, in a call that blocks.
    fn leaves(&self, used: u64) -> bool {
        self.asleep() == Some(used)
            && !engine::is_aside()
            && self.seat.baton.change(Stand::Runs, Stand::Outside)
    }
}

impl Carrier for OsThread {
    fn resume(&self) -> io::Result<Pause> {
        if self.handle.borrow().is_none() {
            self.handle.replace(Some(self.start()?));
        }
        let baton = &self.seat.baton;
        engine::hold(false);
        baton.set(Stand::Runs);
        // SAFETY: the hub has the GIL, and gets it back.
        let mut hub = unsafe { ffi::PyEval_SaveThread() };
        let mut asleep: Option<(u64, Instant)> = None;
        let (mut signals, mut forced) = (outside::Signals::begin(), false);
        let pause = loop {
            match baton.pause(LOOK) {
                Stand::Ended => break Pause::Ended,
                Stand::Runs => {}
                _ => break Pause::GaveWay,
            }
            asleep = match (self.asleep(), asleep) {
                (Some(used), Some((before, since))) if used == before => Some((before, since)),
                (Some(used), _) => Some((used, Instant::now())),
                (None, _) => None,
            };
            let long = asleep.filter(|(_, since)| since.elapsed() >= SLEEPS);
            if long.is_none() && !signals.are_due() {
                continue;
            }
            watchdog::wants_gil(long.is_some());
            // SAFETY: saved above.
            unsafe { ffi::PyEval_RestoreThread(hub) };
            watchdog::wants_gil(false);
            if long.is_some_and(|(used, _)| self.leaves(used)) {
                engine::hold(false);
                return Ok(Pause::Outside);
            }
            asleep = None;
            signals.look();
            if !forced
                && signals.since_ending() > LETS_BE
                && let Some(thread) = self.os_thread()
            {
                forced = true;
                engine::raise_in(self.seat.thread, thread);
            }
            // SAFETY: as above.
            hub = unsafe { ffi::PyEval_SaveThread() };
        };
        // SAFETY: as above.
        unsafe { ffi::PyEval_RestoreThread(hub) };
        engine::hold(false);
        Ok(pause)
    }

    fn give_way(&self) {
        // Still with the GIL: the hub comes to itself once this thread has let go of it.
        self.seat.baton.set(Stand::Waits);
        if !self.seat.wait_for_turn() {
            // SAFETY: the caller has the GIL. Its run is over, and it must not go on: it stays here.
            unsafe { ffi::PyEval_SaveThread() };
            loop {
                std::thread::park();
            }
        }
    }

    fn is_underway(&self) -> bool {
        self.handle.borrow().is_some()
            && !matches!(self.seat.baton.stand(), Stand::Ended | Stand::Left)
    }

    fn doing(&self) -> Doing {
        let sleeps = self.kernel().is_some_and(Kernel::stays_asleep);
        // It sleeps as well where it waits for its turn.
        match (self.is_back(), sleeps) {
            (true, _) => Doing::Back,
            (false, true) => Doing::Blocks,
            (false, false) => Doing::Works,
        }
    }

    fn is_back(&self) -> bool {
        self.seat.baton.stand() == Stand::Back
    }

    fn place(&self, py: Python<'_>) -> Option<Place> {
        let state = self.seat.state.load(Ordering::Acquire);
        // SAFETY: the thread's own state, which lives while the thread does; the GIL is held, so it does not run.
        unsafe { record::place_of(py, state) }
    }

    fn os_thread(&self) -> Option<libc::pthread_t> {
        use std::os::unix::thread::JoinHandleExt;
        self.handle
            .borrow()
            .as_ref()
            .map(JoinHandleExt::as_pthread_t)
    }

    fn abandon(&self) {
        self.seat.baton.set(Stand::Left);
    }

    fn release(&self) {
        if let Some(handle) = self.handle.take()
            && self.seat.baton.stand() == Stand::Ended
        {
            // What it still does is to end.
            let _ = handle.join();
        }
    }
}
