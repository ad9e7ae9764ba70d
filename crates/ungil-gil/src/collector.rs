//! The thread that empties the rings, and looks into long holds.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::hook::{self, Epoch, gils, registry, switch};
use crate::model::Builder;
use crate::os;

/// How often the rings are emptied.
const TICK: Duration = Duration::from_millis(5);
/// How often a hold that goes on is looked into, nanoseconds.
const SAMPLE_EVERY: u64 = 10_000_000;
/// A hold is looked into from this age on, nanoseconds.
const LONG: u64 = 5_000_000;

/// What collector and tracer share.
pub(crate) struct Collection {
    pub(crate) epoch: Epoch,
    builder: Mutex<Builder>,
    stop: AtomicBool,
    wake: Condvar,
    asleep: Mutex<()>,
}

impl Collection {
    pub(crate) fn new(epoch: Epoch, builder: Builder) -> Arc<Self> {
        Arc::new(Self {
            epoch,
            builder: Mutex::new(builder),
            stop: AtomicBool::new(false),
            wake: Condvar::new(),
            asleep: Mutex::new(()),
        })
    }

    /// Starts the thread. It takes no signals and never runs Python code.
    pub(crate) fn spawn(self: &Arc<Self>) -> Result<JoinHandle<()>> {
        self.stop.store(false, Ordering::Release);
        let collection = Arc::clone(self);
        let _blocked = os::protect_from_signals();
        std::thread::Builder::new()
            .name("ungil-trace".to_owned())
            .stack_size(256 * 1024)
            .spawn(move || collection.run())
            .map_err(Error::NoThread)
    }

    /// Tells the thread to end.
    pub(crate) fn stop(&self) {
        let _asleep = self.asleep.lock().unwrap_or_else(PoisonError::into_inner);
        self.stop.store(true, Ordering::Release);
        self.wake.notify_all();
    }

    fn run(&self) {
        let mut last_sample = HashMap::new();
        loop {
            {
                let asleep = self.asleep.lock().unwrap_or_else(PoisonError::into_inner);
                if self.stop.load(Ordering::Acquire) {
                    return;
                }
                drop(self.wake.wait_timeout(asleep, TICK));
            }
            switch::keep();
            self.empty_rings();
            self.look_into_long_holds(&mut last_sample);
        }
    }

    /// Takes what the threads have written.
    pub(crate) fn empty_rings(&self) {
        let mut builder = self.builder();
        for (log, dead) in registry::logs() {
            let thread = builder.thread(log.serial(), log.tid());
            while let Some(record) = log.pop() {
                builder.add(thread, record);
            }
            if dead {
                let counts = log.counts_of(&self.epoch, os::monotonic_ns());
                builder.describe(thread, log.name(), counts);
                registry::recycle(log);
            } else if !builder.is_named(thread) {
                let name = os::thread_name(log.tid()).unwrap_or_default();
                builder.kernel_name(thread, name);
            }
        }
    }

    fn look_into_long_holds(&self, last: &mut HashMap<u16, u64>) {
        for hold in gils::holding() {
            let now = os::monotonic_ns();
            let seen = last.entry(hold.gil).or_default();
            if now.saturating_sub(hold.since) < LONG || now.saturating_sub(*seen) < SAMPLE_EVERY {
                continue;
            }
            *seen = now;
            if let Some(function) = hook::sample(hold.thread_state) {
                let mut builder = self.builder();
                let thread = builder.thread(hold.log.serial(), hold.log.tid());
                builder.sample(thread, hold.since, now, function);
            }
        }
    }

    pub(crate) fn builder(&self) -> std::sync::MutexGuard<'_, Builder> {
        self.builder.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
