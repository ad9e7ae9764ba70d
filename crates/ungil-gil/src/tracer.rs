//! A trace, from its beginning to its report.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread::JoinHandle;

use crate::collector::Collection;
use crate::error::{Error, Result};
use crate::hook::{self, functions, registry, switch};
use crate::model::{Builder, Report};
use crate::os;

/// How to trace.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Slices that are kept for the timeline; with more of them, short ones are merged. The sums
    /// do not depend on it. One takes 40 bytes.
    pub slices: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { slices: 1_000_000 }
    }
}

/// A trace of this process that is on.
pub struct Tracer {
    pid: u32,
    collection: Arc<Collection>,
    thread: Option<JoinHandle<()>>,
}

impl Tracer {
    /// Begins. To be called with the GIL held; [`Tracer::check`] comes next, after the caller has
    /// released the GIL once.
    pub fn start(options: Options) -> Result<Self> {
        if switch::is_on(hook::RECORD) {
            return Err(Error::AlreadyTracing);
        }
        functions::clear();
        registry::set_collected(true);
        let started = switch::on(hook::RECORD).inspect_err(|_| registry::set_collected(false));
        let epoch = started?;
        if let Some(gil) = hook::main_gil() {
            switch::starts_holding(gil, &epoch);
        }
        let mut tracer = Self {
            pid: std::process::id(),
            collection: Collection::new(epoch, Builder::new(epoch.start, options.slices)),
            thread: None,
        };
        tracer.resume()?;
        Ok(tracer)
    }

    /// Whether a release of the GIL has been seen; else the trace is ended.
    pub fn check(self) -> Result<Self> {
        let seen = registry::mine().counts_of(&self.collection.epoch, 0).holds > 0;
        if seen {
            return Ok(self);
        }
        drop(self);
        Err(Error::Silent)
    }

    /// Ends the collecting thread, for a moment in which there must be no such thread.
    pub fn pause(&mut self) {
        if let Some(thread) = self.thread.take() {
            if self.is_ours() {
                self.collection.stop();
                // It cannot have panicked without being told elsewhere.
                let _ = thread.join();
            } else {
                // The thread is the parent's.
                std::mem::forget(thread);
            }
        }
    }

    /// Starts it again.
    pub fn resume(&mut self) -> Result<()> {
        if self.thread.is_none() && self.is_ours() {
            self.thread = Some(self.collection.spawn()?);
        }
        Ok(())
    }

    fn is_ours(&self) -> bool {
        self.pid == std::process::id()
    }

    /// Ends the trace. `names` has names of threads that are there, by the kernel's number.
    pub fn stop<S: std::hash::BuildHasher>(
        mut self,
        names: &HashMap<u32, String, S>,
    ) -> Result<Report> {
        if !self.is_ours() {
            return Err(Error::OtherProcess(self.pid));
        }
        self.pause();
        let now = os::monotonic_ns();
        let epoch = self.collection.epoch;
        self.collection.empty_rings();
        let mut builder = self.collection.builder();
        for (log, _) in registry::logs() {
            let thread = builder.thread(log.serial(), log.tid());
            let counts = log.counts_of(&epoch, now);
            if counts == crate::model::Counts::ZERO {
                continue;
            }
            if let Some(doing) = log.doing(&epoch, now) {
                builder.add(thread, doing);
            }
            builder.describe(thread, log.name(), counts);
        }
        builder.name_others(|tid| names.get(&tid).cloned());
        let whole = std::mem::replace(&mut *builder, Builder::new(0, 0));
        drop(builder);
        let mut report = whole.finish(self.pid, now, functions::all());
        report.parent = std::os::unix::process::parent_id();
        end_recording()?;
        Ok(report)
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        self.pause();
        if self.is_ours() {
            // What cannot be taken back keeps passing calls on.
            let _ = end_recording();
        }
    }
}

fn end_recording() -> Result<()> {
    if !switch::is_on(hook::RECORD) {
        return Ok(());
    }
    let off = switch::off(hook::RECORD);
    registry::set_collected(false);
    off
}

/// Whether the GIL of this process can be traced, as far as can be told without doing it; the error
/// is why not. To be called with the GIL held, by a thread that runs Python code.
pub fn check() -> Result<()> {
    switch::check()
}

/// Names the calling thread in the traces to come.
pub fn name_thread(name: &str) {
    if switch::is_on(hook::RECORD) {
        registry::mine().set_name(name);
    }
}
