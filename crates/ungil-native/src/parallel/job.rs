//! One parallel loop that several threads work on.

use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::share::Share;
use super::{End, INSIDE, Loop, Units};
use crate::runtime::{Context, stack};

/// A loop while it runs. It lives on the caller's stack; helpers have left before that ends.
pub(super) struct Job {
    told: Loop,
    units: Units,
    /// Whether every unit has a part of the reductions of its own; else every thread has.
    by_unit: bool,
    shares: Box<[Share]>,
    /// Parts of the reductions: of units, or of threads.
    partials: Box<[AtomicU64]>,
    /// The lowest unit that has failed: those above it need not be done any more.
    failed: AtomicU64,
    /// Whether the caller was told to stop.
    stopped: AtomicBool,
    failure: Mutex<Option<(u64, Box<Context>)>>,
}

// SAFETY: what the loop points to is only read, but for the parts of the reductions, of which each thread
// writes to those of its own seat or its own units.
unsafe impl Sync for Job {}

/// A thread that works on a loop, as its context's host.
struct Seat<'a> {
    job: &'a Job,
    /// The caller's context, on its thread: it is the one to ask whether to go on.
    outer: Option<*mut Context>,
    /// The first unit of those that are being done.
    unit: u64,
    /// Whether they were left because they need not be done.
    left: bool,
}

impl Job {
    pub(super) fn new(told: Loop, units: Units, threads: usize, by_unit: bool) -> Self {
        let shares: Box<[Share]> = (0..threads).map(|_| Share::default()).collect();
        shares[0].put((0, units.count as u32));
        let parts = if by_unit {
            units.count as usize
        } else {
            threads
        };
        let partials = (0..parts * told.reductions)
            .map(|at| {
                // SAFETY: as many as there are reductions, alive as the loop is.
                let word = unsafe { *told.identities.add(at % told.reductions) };
                AtomicU64::new(word)
            })
            .collect();
        Self {
            told,
            units,
            by_unit,
            shares,
            partials,
            failed: AtomicU64::new(u64::MAX),
            stopped: AtomicBool::new(false),
            failure: Mutex::new(None),
        }
    }

    /// How many threads can work on it.
    pub(super) fn seats(&self) -> usize {
        self.shares.len()
    }

    /// Whether there is something left that nobody has begun.
    pub(super) fn has_work(&self) -> bool {
        self.shares.iter().any(|share| share.len() > 0)
    }

    /// Has all threads leave soon.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether a unit need not be done any more.
    fn is_pointless(&self, unit: u64) -> bool {
        unit > self.failed.load(Ordering::Relaxed) || self.stopped.load(Ordering::Relaxed)
    }

    /// Takes part until there is nothing left to begin.
    pub(super) fn work(&self, seat: usize, outer: Option<*mut Context>) {
        let mut context = Context::new(&INSIDE);
        context.nested = 1;
        context.stack_limit = match outer {
            // SAFETY: the caller's context, which it does not use while it is in the loop.
            Some(outer) => unsafe { (*outer).stack_limit },
            None => stack::limit(),
        };
        let mut host = Seat {
            job: self,
            outer,
            unit: 0,
            left: false,
        };
        context.host = (&raw mut host).cast::<c_void>();
        loop {
            while let Some((from, to)) = self.shares[seat].take(self.by_unit) {
                host.unit = u64::from(from);
                host.left = self.is_pointless(host.unit);
                if host.left {
                    // What follows in the share is above it as well.
                    self.shares[seat].put((0, 0));
                    continue;
                }
                let part = if self.by_unit { from as usize } else { seat };
                let partial = self.partials[part * self.told.reductions..].as_ptr();
                // SAFETY: nobody else writes to this part; the loop is alive as its job is.
                let good = unsafe {
                    self.told.run(
                        &raw mut context,
                        partial.cast_mut().cast::<u64>(),
                        self.units.first(u64::from(from)),
                        self.units.first(u64::from(to)),
                    )
                };
                if !good && !host.left {
                    self.fail(host.unit, &context);
                }
            }
            let richest = self.shares.iter().max_by_key(|share| share.len());
            match richest.and_then(Share::steal) {
                Some(stolen) => self.shares[seat].put(stolen),
                None => return,
            }
        }
    }

    fn fail(&self, unit: u64, context: &Context) {
        self.failed.fetch_min(unit, Ordering::Relaxed);
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        if failure.as_ref().is_none_or(|(lowest, _)| unit < *lowest) {
            *failure = Some((unit, Box::new(context.clone())));
        }
    }

    /// After all threads have left: tells of the failure, or puts the reductions together.
    pub(super) fn finish(self, outer: &mut Context, end: End) -> End {
        let failure = self.failure.into_inner();
        if let Some((_, context)) = failure.unwrap_or_else(PoisonError::into_inner) {
            outer.take_failure(&context);
            return End::Failed;
        }
        let Some(combine) = self.told.combine.filter(|_| end == End::Done) else {
            return end;
        };
        for part in self.partials.chunks_exact(self.told.reductions) {
            // SAFETY: a function of this signature; as many words as there are reductions.
            let code = unsafe { combine(outer, self.told.totals, part.as_ptr().cast::<u64>()) };
            if code != 0 {
                return End::Failed;
            }
        }
        End::Done
    }
}

/// Asked by the loop's body now and then: whether to leave it.
pub(super) extern "C" fn poll(context: *mut Context) -> i32 {
    // SAFETY: contexts with these hooks have a seat as their host, alive as they are.
    let seat = unsafe { &mut *(*context).host.cast::<Seat<'_>>() };
    let job = seat.job;
    seat.left = job.is_pointless(seat.unit);
    if seat.left {
        return 1;
    }
    let Some(outer) = seat.outer else { return 0 };
    // SAFETY: the caller's context, which it does not use while it is in the loop, on its own thread.
    let stop = unsafe { ((*outer).hooks.poll)(outer) };
    if stop != 0 {
        job.stop();
    }
    stop
}
