//! The threads that help with parallel loops: as many as were ever asked for, asleep between loops.
//!
//! A process has one pool. The child of a fork has none of its threads, and makes a new one.

use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::End;
use super::job::Job;
use crate::runtime::Context;

/// How long the caller waits for the others before it looks whether it is told to stop.
const PATIENCE: Duration = Duration::from_millis(50);
/// Stack of a thread: what a program's first thread has.
const STACK: usize = 8 << 20;

static POOL: AtomicPtr<Pool> = AtomicPtr::new(std::ptr::null_mut());

struct Pool {
    process: u32,
    state: Mutex<State>,
    /// There is something to do.
    work: Condvar,
    /// A thread has left a loop.
    left: Condvar,
}

#[derive(Default)]
struct State {
    threads: usize,
    asleep: usize,
    loops: Vec<Entry>,
}

/// A loop that threads can help with.
struct Entry {
    job: *const Job,
    /// Threads that have come, the caller included, and those of them that are still there without it.
    seats_taken: usize,
    helping: usize,
}

// SAFETY: jobs can be shared between threads; an entry is there no longer than its job.
unsafe impl Send for Entry {}

/// Runs a job on this thread and those of the pool that wake up in time.
pub(super) fn run(job: &Job, context: *mut Context) -> End {
    let pool = Pool::of_this_process();
    pool.announce(job);
    job.work(0, Some(context));
    pool.wait(job, context)
}

impl Pool {
    /// The pool; a new one in the child of a fork, where the old one's lock may be held for ever.
    fn of_this_process() -> &'static Self {
        let process = std::process::id();
        loop {
            let known = POOL.load(Ordering::Acquire);
            // SAFETY: pools are never freed: threads that sleep in them may outlive everything.
            if let Some(pool) = unsafe { known.as_ref() }
                && pool.process == process
            {
                return pool;
            }
            let fresh = Box::into_raw(Box::new(Self {
                process,
                state: Mutex::default(),
                work: Condvar::new(),
                left: Condvar::new(),
            }));
            if POOL
                .compare_exchange(known, fresh, Ordering::AcqRel, Ordering::Acquire)
                .is_err()
            {
                // SAFETY: made above, and nobody has seen it.
                drop(unsafe { Box::from_raw(fresh) });
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn announce(&'static self, job: &Job) {
        let helpers = job.seats() - 1;
        let mut state = self.lock();
        state.loops.push(Entry {
            job,
            seats_taken: 1,
            helping: 0,
        });
        let missing = helpers.saturating_sub(state.threads);
        let woken = helpers.min(state.asleep);
        drop(state);
        for _ in 0..woken {
            self.work.notify_one();
        }
        for _ in 0..missing {
            let spawned = std::thread::Builder::new()
                .name("ungil-prange".to_owned())
                .stack_size(STACK)
                .spawn(|| self.help());
            // Without threads, the loop runs on those that there are.
            if spawned.is_err() {
                return;
            }
            self.lock().threads += 1;
        }
    }

    /// Waits until no thread works on the job any more.
    fn wait(&self, job: &Job, context: *mut Context) -> End {
        let mut end = End::Done;
        loop {
            // In the child of a fork that a signal's handler has made, the lock may be held for ever.
            if std::process::id() != self.process {
                return End::Forked;
            }
            let mut state = self.lock();
            let Some(at) = state.position(job) else {
                return end;
            };
            // Nobody else comes.
            state.loops[at].seats_taken = job.seats();
            if state.loops[at].helping == 0 {
                state.loops.swap_remove(at);
                return end;
            }
            let (state, waited) = self
                .left
                .wait_timeout(state, PATIENCE)
                .unwrap_or_else(PoisonError::into_inner);
            drop(state);
            // SAFETY: the caller's context, on its thread.
            if waited.timed_out() && unsafe { ((*context).hooks.poll)(context) } != 0 {
                job.stop();
                end = End::Interrupted;
            }
        }
    }

    /// What a thread of the pool does, for ever.
    fn help(&self) {
        block_signals();
        let mut state = self.lock();
        loop {
            let open = state.loops.iter_mut().find(|entry| {
                // SAFETY: entries are removed, under this lock, before their jobs end.
                let job = unsafe { &*entry.job };
                entry.seats_taken < job.seats() && job.has_work()
            });
            let Some(entry) = open else {
                state.asleep += 1;
                state = self
                    .work
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                state.asleep -= 1;
                continue;
            };
            let (job, seat) = (entry.job, entry.seats_taken);
            entry.seats_taken += 1;
            entry.helping += 1;
            drop(state);
            // SAFETY: the caller waits until nobody helps any more.
            let job = unsafe { &*job };
            job.work(seat, None);
            state = self.lock();
            if let Some(at) = state.position(job) {
                state.loops[at].helping -= 1;
                if state.loops[at].helping == 0 {
                    self.left.notify_all();
                }
            }
        }
    }
}

impl State {
    fn position(&self, job: *const Job) -> Option<usize> {
        self.loops
            .iter()
            .position(|entry| std::ptr::eq(entry.job, job))
    }
}

/// Signals are for the program's own threads, but for those of a thread's own faults: to block these
/// would hide a crash.
fn block_signals() {
    let faults = [
        libc::SIGSEGV,
        libc::SIGBUS,
        libc::SIGFPE,
        libc::SIGILL,
        libc::SIGTRAP,
        libc::SIGABRT,
        libc::SIGSYS,
    ];
    // SAFETY: a set on the stack that is filled before it is used; every signal named exists.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigfillset(&raw mut set);
        for fault in faults {
            libc::sigdelset(&raw mut set, fault);
        }
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
    }
}
