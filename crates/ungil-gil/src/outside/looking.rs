//! A thread that looks at its own process, where the exact way is barred.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::sampler::{SampleOptions, Sampler, Status};
use super::target::Target;
use crate::error::{Error, Result};
use crate::model::Report;
use crate::os;

/// How often the thread asks whether it is to end.
const STEP: Duration = Duration::from_millis(5);

/// A sampled trace of this process that is on.
pub struct Looking {
    pid: u32,
    why: String,
    /// What threads have told, by the kernel's numbers.
    names: HashMap<u32, String>,
    stop: Arc<AtomicBool>,
    at_rest: Option<Sampler>,
    thread: Option<JoinHandle<Sampler>>,
}

impl Looking {
    /// Begins; `why` says why it is not exact.
    pub fn start(options: SampleOptions, why: String) -> Result<Self> {
        let pid = std::process::id();
        let mut looking = Self {
            pid,
            why,
            names: HashMap::new(),
            stop: Arc::default(),
            at_rest: Some(Sampler::new(Target::open(pid)?, options)),
            thread: None,
        };
        looking.resume()?;
        Ok(looking)
    }

    /// Names the calling thread, which may be gone by the end.
    pub fn name_thread(&mut self, name: &str) {
        self.names.insert(os::gettid(), name.to_owned());
    }

    /// Ends the thread, for a moment in which there must be no such thread.
    pub fn pause(&mut self) {
        let Some(thread) = self.thread.take() else {
            return;
        };
        if self.is_ours() {
            self.stop.store(true, Ordering::Release);
            // It cannot have panicked without being told elsewhere.
            self.at_rest = thread.join().ok();
        } else {
            // The thread is the parent's.
            std::mem::forget(thread);
        }
    }

    /// Starts it again.
    pub fn resume(&mut self) -> Result<()> {
        if !self.is_ours() {
            return Ok(());
        }
        let Some(mut sampler) = self.at_rest.take() else {
            return Ok(());
        };
        self.stop.store(false, Ordering::Release);
        let stop = Arc::clone(&self.stop);
        let _blocked = os::protect_from_signals();
        let thread = std::thread::Builder::new()
            .name("ungil-trace".to_owned())
            .stack_size(256 * 1024)
            .spawn(move || {
                while !stop.load(Ordering::Acquire) && sampler.run_for(STEP) == Status::Running {}
                sampler
            })
            .map_err(Error::NoThread)?;
        self.thread = Some(thread);
        Ok(())
    }

    fn is_ours(&self) -> bool {
        self.pid == std::process::id()
    }

    /// Ends the trace. `names` has names of threads, by the kernel's number.
    pub fn stop(mut self, names: HashMap<u32, String>) -> Result<Report> {
        if !self.is_ours() {
            return Err(Error::OtherProcess(self.pid));
        }
        self.pause();
        let sampler = self.at_rest.take().ok_or(Error::Silent)?;
        self.names.extend(names);
        Ok(sampler.finish(&self.names, std::mem::take(&mut self.why)))
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        self.pause();
    }
}
