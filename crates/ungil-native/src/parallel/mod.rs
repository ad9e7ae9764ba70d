//! Parallel loops at run time: `ungil_prange`, which machine code calls.
//!
//! ```text
//! share    a range of units that its owner takes from and others steal from
//! job      one loop: shares, parts of reductions, the failure of the lowest iteration
//! overlap  arrays that share memory
//! pool     the threads, and the loops that they help with
//! ```
//!
//! The calling thread begins at once, with all of the loop in its share; threads of the pool that wake up
//! steal halves of what is left. A loop that is done before they are awake has cost a call.
#![allow(unsafe_code)]

mod job;
mod overlap;
mod pool;
mod share;

use crate::runtime::{Context, Hooks};
use job::Job;
pub(crate) use overlap::ArrayWord;

/// More threads than this are as good as this.
const MOST_THREADS: usize = 256;
/// Parts of an ordered loop: as many whatever the number of threads.
const ORDERED_UNITS: u64 = 128;
/// Units fit into half a word.
const MOST_UNITS: u64 = 1 << 31;

/// A loop, as `emit/parallel.rs` writes it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loop {
    /// Does rounds: context, frame, part of the reductions, first value, number of rounds.
    body: unsafe extern "C" fn(*mut Context, *const u64, *mut u64, i64, i64) -> i32,
    /// Puts the second part of the reductions into the first; not there without reductions.
    combine: Option<unsafe extern "C" fn(*mut Context, *mut u64, *const u64) -> i32>,
    frame: *const u64,
    /// What a part of the reductions begins with.
    identities: *const u64,
    /// Values of the reductions before the loop, and then after it.
    totals: *mut u64,
    reductions: usize,
    start: i64,
    step: i64,
    rounds: u64,
    /// How many threads; 0: as many as there are cores.
    threads: i64,
    /// Words of the frame.
    words: usize,
    /// The arrays in it.
    arrays: *const ArrayWord,
    array_count: usize,
}

impl Loop {
    /// The loop's variable in a round.
    fn value(&self, round: u64) -> i64 {
        // Within the range, whatever overflows on the way.
        let distance = self.step.wrapping_mul(round.cast_signed());
        self.start.wrapping_add(distance)
    }

    /// Whether iterations may use each other's elements, as arrays share memory.
    ///
    /// # Safety
    /// All that the loop points to is alive.
    unsafe fn overlaps(&self) -> bool {
        if self.array_count < 2 {
            return false;
        }
        // SAFETY: as many as machine code has told.
        let (arrays, frame) = unsafe {
            (
                std::slice::from_raw_parts(self.arrays, self.array_count),
                std::slice::from_raw_parts(self.frame, self.words),
            )
        };
        overlap::any(arrays, frame)
    }

    /// Rounds `from..to`, reduced into `partial`.
    ///
    /// # Safety
    /// All that the loop points to is alive, and `partial` has room for the reductions.
    unsafe fn run(&self, context: *mut Context, partial: *mut u64, from: u64, to: u64) -> bool {
        let (first, rounds) = (self.value(from), (to - from).cast_signed());
        // SAFETY: a function of this signature, as machine code has told.
        unsafe { (self.body)(context, self.frame, partial, first, rounds) == 0 }
    }
}

/// How the rounds are divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Units {
    count: u64,
    rounds: u64,
}

impl Units {
    fn new(rounds: u64, most: u64) -> Self {
        Self {
            count: rounds.min(most),
            rounds,
        }
    }

    /// The first round of a unit.
    fn first(self, unit: u64) -> u64 {
        let (each, more) = (self.rounds / self.count, self.rounds % self.count);
        unit * each + unit.min(more)
    }
}

/// How a loop has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
enum End {
    Done = 0,
    /// The context tells what failed and where.
    Failed = 1,
    /// The caller was told to stop while it waited for the others.
    Interrupted = 2,
    /// This is the child of a process that was forked in the loop.
    Forked = 3,
}

/// Runs a loop; not zero if it has not come to its end, and then what of [`End`] has happened.
///
/// # Safety
/// Called by machine code: a context that [`Context::new`] made, and a loop that is alive with all it points to.
pub(crate) unsafe extern "C" fn prange(
    context: *mut Context,
    told: *const Loop,
    ordered: i32,
) -> i32 {
    // SAFETY: as the caller promises; both are not used otherwise until this returns.
    let (outer, told) = unsafe { (&mut *context, *told) };
    if told.rounds == 0 {
        return End::Done as i32;
    }
    let wanted = match usize::try_from(told.threads) {
        _ if outer.nested != 0 => 1,
        // SAFETY: as the caller promises.
        _ if unsafe { told.overlaps() } => 1,
        Ok(0) | Err(_) => (outer.hooks.threads)(),
        Ok(threads) => threads,
    };
    let threads = wanted.clamp(1, MOST_THREADS.min(told.rounds.min(1 << 16) as usize));
    let by_unit = ordered != 0 && told.reductions > 0;
    if threads == 1 && !by_unit {
        // As a plain loop does it, in its order.
        // SAFETY: as the caller promises; the totals are as many as the reductions.
        let good = unsafe { told.run(context, told.totals, 0, told.rounds) };
        return i32::from(!good);
    }
    let most = if by_unit { ORDERED_UNITS } else { MOST_UNITS };
    let job = Job::new(told, Units::new(told.rounds, most), threads, by_unit);
    let end = if threads == 1 {
        job.work(0, Some(context));
        End::Done
    } else {
        pool::run(&job, context)
    };
    if end == End::Forked {
        // Threads of the parent have parts of it that will never be done.
        std::mem::forget(job);
        return end as i32;
    }
    job.finish(outer, end) as i32
}

/// The hooks of contexts inside of parallel loops.
static INSIDE: Hooks = Hooks {
    poll: job::poll,
    threads: || 1,
    // Programs with parallel loops leave nothing for later.
    deferred: |_| None,
};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    proptest! {
        #[test]
        fn units_cover_all_rounds_once(rounds in 1_u64..u64::MAX, most in 1_u64..1 << 31, at in any::<prop::sample::Index>()) {
            let units = Units::new(rounds, most);
            prop_assert_eq!((units.first(0), units.first(units.count)), (0, rounds));
            let unit = at.index(units.count as usize) as u64;
            prop_assert!(units.first(unit) < units.first(unit + 1));
        }
    }

    /// The thread that is to fork, until it has.
    static FORKS: AtomicU64 = AtomicU64::new(0);

    /// Adds up its variable. Where the frame says so, the thread that has called the loop forks first, and
    /// the others wait for that.
    unsafe extern "C" fn body(
        _: *mut Context,
        frame: *const u64,
        partial: *mut u64,
        first: i64,
        rounds: i64,
    ) -> i32 {
        // SAFETY: a frame and a part of one word each.
        unsafe {
            while *frame == 1 && FORKS.load(Ordering::Acquire) != 0 {
                if FORKS.load(Ordering::Acquire) == libc::pthread_self() {
                    libc::fork();
                    FORKS.store(0, Ordering::Release);
                }
                std::thread::yield_now();
            }
            *partial += (first..first + rounds).sum::<i64>().cast_unsigned();
        }
        0
    }

    unsafe extern "C" fn combine(_: *mut Context, into: *mut u64, partial: *const u64) -> i32 {
        // SAFETY: one word each.
        unsafe { *into += *partial };
        0
    }

    extern "C" fn go_on(_: *mut Context) -> i32 {
        0
    }

    static HOOKS: Hooks = Hooks {
        poll: go_on,
        threads: || 3,
        deferred: |_| None,
    };

    /// How a loop over 0..1000 ends, and the sum.
    fn summed(forks: bool, ordered: bool) -> (i32, u64) {
        let (frame, zero, mut total) = (u64::from(forks), 0, 7);
        let told = Loop {
            body,
            combine: Some(combine),
            frame: &raw const frame,
            identities: &raw const zero,
            totals: &raw mut total,
            reductions: 1,
            start: 0,
            step: 1,
            rounds: 1000,
            threads: 0,
            words: 1,
            arrays: std::ptr::null(),
            array_count: 0,
        };
        let mut context = Context::new(&HOOKS);
        // SAFETY: all lives until the call returns.
        let end = unsafe { prange(&raw mut context, &raw const told, i32::from(ordered)) };
        (end, total)
    }

    #[test]
    fn every_round_is_done_once() {
        for ordered in [false, true] {
            assert_eq!(summed(false, ordered), (0, 7 + 499_500));
        }
    }

    #[test]
    fn the_child_of_a_fork_in_the_loop_is_told() {
        let process = std::process::id();
        // SAFETY: has no preconditions.
        FORKS.store(unsafe { libc::pthread_self() }, Ordering::Release);
        let (end, total) = summed(true, false);
        if std::process::id() != process {
            // SAFETY: ends the child, without what the test's process does at its end.
            unsafe { libc::_exit(end) };
        }
        assert_eq!((end, total), (0, 7 + 499_500));
        let mut status = 0;
        // SAFETY: waits for the only child.
        unsafe { libc::wait(&raw mut status) };
        assert_eq!(libc::WEXITSTATUS(status), End::Forked as i32);
    }
}
