//! Looks at a process again and again, at random times: who holds its GILs, who waits for them.

use std::collections::HashMap;
use std::time::Duration;

use ungil_measure::statistics::SplitMix64;

use super::batches::Batches;
use super::target::{Target, unreadable};
use crate::error::Error;
use crate::hook::{Functions, Read};
use crate::model::{
    Builder, Counts, Kind, Margins, Method, NO_FUNCTION, Quantiles, Record, Report, Sampling,
    decide,
};
use crate::os::{self, Task};

/// How often threads and interpreters are listed anew, nanoseconds.
const LIST_EVERY: u64 = 100_000_000;
/// With more threads than this, one does not look at every one of them each time.
const THREADS_AT_ONCE: usize = 64;
/// Sizes of a condition variable of the C library.
const COND: usize = 48;
/// Rows of [`Batches`]: a thread's two, behind those of all.
const ALL: usize = 0;

/// How to look.
#[derive(Clone, Copy, Debug)]
pub struct SampleOptions {
    /// Looks per second, on average.
    pub rate: f64,
    /// Slices that are kept for the timeline.
    pub slices: usize,
}

impl Default for SampleOptions {
    fn default() -> Self {
        Self {
            rate: 1000.0,
            slices: 1_000_000,
        }
    }
}

/// Whether the process is there still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is.
    Running,
    /// It has ended; what was seen until then can be told.
    Ended,
}

/// A trace in the making, by sampling.
pub struct Sampler {
    target: Target,
    period: f64,
    random: SplitMix64,
    builder: Builder,
    functions: Functions,
    batches: Batches,
    gils: Vec<Gil>,
    threads: HashMap<u32, Thread>,
    rows: Vec<Row>,
    started: u64,
    /// CPU time of looking, nanoseconds, by whichever threads did it.
    cpu: u64,
    last: u64,
    last_wait: u64,
    next: u64,
    listed: u64,
    samples: u64,
    wait_samples: u64,
    switches: u64,
}

struct Gil {
    address: usize,
    switch_number: Option<usize>,
    /// What is seen to go on: the thread's row, and its hold.
    hold: Option<(usize, Record)>,
    holder: u32,
}

struct Thread {
    task: Task,
    row: usize,
    wait: Option<Record>,
}

#[derive(Default)]
struct Row {
    name: Option<String>,
    counts: Counts,
}

impl Sampler {
    /// Begins.
    pub fn new(target: Target, options: SampleOptions) -> Self {
        let now = os::monotonic_ns();
        let mut sampler = Self {
            period: 1e9 / options.rate.clamp(1.0, 100_000.0),
            random: SplitMix64::new(now ^ u64::from(target.pid()) << 32),
            builder: Builder::new(now, options.slices),
            functions: Functions::default(),
            batches: Batches::new(),
            gils: Vec::new(),
            threads: HashMap::new(),
            rows: Vec::new(),
            started: now,
            cpu: 0,
            last: now,
            last_wait: now,
            next: now,
            listed: 0,
            samples: 0,
            wait_samples: 0,
            switches: 0,
            target,
        };
        sampler.list(now);
        sampler
    }

    /// Looks for about as long as this.
    pub fn run_for(&mut self, duration: Duration) -> Status {
        let before = os::thread_cpu_ns();
        let status = self.look_for(duration);
        self.cpu += os::thread_cpu_ns().saturating_sub(before);
        status
    }

    fn look_for(&mut self, duration: Duration) -> Status {
        let end = os::monotonic_ns() + duration.as_nanos() as u64;
        loop {
            let now = os::monotonic_ns();
            if now < self.next {
                let until = self.next.min(end);
                std::thread::sleep(Duration::from_nanos(until.saturating_sub(now)));
            }
            if self.next > end {
                return Status::Running;
            }
            let now = os::monotonic_ns();
            if self.look(now) == Status::Ended {
                return Status::Ended;
            }
            // At random, so that a program that does things at regular times is seen at all of them.
            let pause = self.period * (0.5 + self.random.below(1000) as f64 / 1000.0);
            self.next = (self.next + pause as u64).max(now);
        }
    }

    fn look(&mut self, now: u64) -> Status {
        if now.saturating_sub(self.listed) > LIST_EVERY && self.list(now) == Status::Ended {
            return Status::Ended;
        }
        let passed = now.saturating_sub(self.last);
        let mut held = 0;
        let mut is_locked = false;
        for at in 0..self.gils.len() {
            let holder = match self.holder(at) {
                Ok(holder) => holder,
                Err(error) => match unreadable(self.target.pid(), &error) {
                    Error::HasEnded(_) | Error::NoProcess(_) => return Status::Ended,
                    // The interpreter has gone, or the process runs another program now.
                    _ if self.target.still_there() => {
                        self.listed = 0;
                        None
                    }
                    _ => return Status::Ended,
                },
            };
            is_locked |= holder.is_some();
            held += u64::from(holder.is_some());
            self.note_hold(at, holder, now);
        }
        self.batches.add(ALL, held * passed);
        let every = 1 + self.threads.len() / THREADS_AT_ONCE;
        if self.samples.is_multiple_of(every as u64) {
            self.look_at_waits(now, is_locked);
        }
        self.batches.pass(passed);
        self.samples += 1;
        self.last = now;
        Status::Running
    }

    /// The thread state that holds a GIL.
    fn holder(&mut self, at: usize) -> std::io::Result<Option<usize>> {
        let layout = &self.target.layout.gil;
        let gil = &mut self.gils[at];
        let mut words = [[0; size_of::<usize>()]; 3];
        let memory = self.target.memory();
        // Side by side: who held it last, whether that still does, how often that has changed.
        memory.fill(gil.address + layout.last_holder, words.as_flattened_mut())?;
        let [holder, locked, number] = words.map(usize::from_ne_bytes);
        if let Some(before) = gil.switch_number.replace(number) {
            self.switches += number.wrapping_sub(before).min(1 << 32) as u64;
        }
        Ok((locked as u32 == 1 && holder != 0).then_some(holder))
    }

    fn note_hold(&mut self, at: usize, holder: Option<usize>, now: u64) {
        let (last, passed) = (self.last, now.saturating_sub(self.last));
        let tid = holder.and_then(|state| {
            let native = state + self.target.layout.thread.native_thread_id;
            self.target.memory().word(native)
        });
        let (Some(state), Some(tid)) = (holder, tid) else {
            return self.end_hold(at);
        };
        let tid = tid as u32;
        let row = self.row_of(tid, now);
        let function = self.function(state);
        self.batches.add(2 + 2 * row, passed);
        self.rows[row].counts.held_ns += passed;
        let gil = &mut self.gils[at];
        gil.holder = self.threads.get(&tid).map_or(tid, |thread| thread.task.tid);
        match &mut gil.hold {
            Some((same, hold)) if *same == row && hold.subject == function => {
                hold.end = now;
                hold.busy = now - hold.start;
            }
            _ => {
                self.end_hold(at);
                let hold = Record::new(Kind::Held, at as u16, function, last, now);
                self.gils[at].hold = Some((row, hold));
            }
        }
    }

    fn end_hold(&mut self, at: usize) {
        self.gils[at].holder = 0;
        if let Some((row, hold)) = self.gils[at].hold.take() {
            self.builder.add(row, hold);
        }
    }

    fn function(&mut self, thread_state: usize) -> u32 {
        let target = &self.target;
        target
            .running(thread_state)
            .map_or(NO_FUNCTION, |identity| {
                let memory = target.memory();
                self.functions.number(identity, target.layout, &memory)
            })
    }

    fn look_at_waits(&mut self, now: u64, is_locked: bool) {
        let (last, passed) = (self.last_wait, now.saturating_sub(self.last_wait));
        self.last_wait = now;
        self.wait_samples += 1;
        let layout = self.target.layout.gil;
        for thread in self.threads.values_mut() {
            let futex = if is_locked { thread.task.futex() } else { None };
            let waits_for = futex.and_then(|futex| {
                self.gils.iter().position(|gil| {
                    let cond = gil.address + layout.cond;
                    (cond..cond + COND).contains(&futex)
                })
            });
            let Some(gil) = waits_for else {
                if let Some(wait) = thread.wait.take() {
                    self.builder.add(thread.row, wait);
                }
                continue;
            };
            let holder = self.gils[gil].holder;
            self.batches.add(ALL + 1, passed);
            self.batches.add(3 + 2 * thread.row, passed);
            self.rows[thread.row].counts.waited_ns += passed;
            match &mut thread.wait {
                Some(wait) if wait.subject == holder => {
                    wait.end = now;
                    wait.busy = now - wait.start;
                }
                wait => {
                    let new = Record::new(Kind::Waited, gil as u16, holder, last, now);
                    if let Some(before) = wait.replace(new) {
                        self.builder.add(thread.row, before);
                    }
                }
            }
        }
    }

    /// The row of the thread that the process knows by this number.
    fn row_of(&mut self, tid: u32, now: u64) -> usize {
        if !self.threads.contains_key(&tid) {
            self.list(now);
        }
        if let Some(thread) = self.threads.get(&tid) {
            return thread.row;
        }
        // It ended between two looks.
        self.new_row(tid, None)
    }

    fn new_row(&mut self, tid: u32, name: Option<String>) -> usize {
        let row = self.builder.thread(self.rows.len() as u64, tid);
        self.rows.push(Row {
            name,
            ..Row::default()
        });
        row
    }

    /// Which threads and which GILs are there?
    fn list(&mut self, now: u64) -> Status {
        self.listed = now;
        let pid = self.target.pid();
        let tids = Task::numbers(pid);
        if tids.is_empty() {
            return Status::Ended;
        }
        let gone = |thread: &Thread| !tids.contains(&thread.task.tid);
        for (_, thread) in self.threads.extract_if(|_, thread| gone(thread)) {
            if let Some(wait) = thread.wait {
                self.builder.add(thread.row, wait);
            }
        }
        let known: Vec<u32> = self.threads.values().map(|t| t.task.tid).collect();
        for tid in tids.into_iter().filter(|tid| !known.contains(tid)) {
            if let Some(task) = Task::open(pid, tid) {
                let row = self.new_row(tid, self.name_of(&task));
                let thread = Thread {
                    task,
                    row,
                    wait: None,
                };
                self.threads.insert(thread.task.inner_tid, thread);
            }
        }
        self.list_gils();
        Status::Running
    }

    fn list_gils(&mut self) {
        let addresses = self.target.gils();
        // Numbers stay: the place of one that has gone is not given to another.
        for address in &addresses {
            if !self.gils.iter().any(|gil| gil.address == *address) {
                self.gils.push(Gil {
                    address: *address,
                    switch_number: None,
                    hold: None,
                    holder: 0,
                });
            }
        }
        for at in 0..self.gils.len() {
            if !addresses.contains(&self.gils[at].address) {
                self.end_hold(at);
            }
        }
    }

    /// The kernel's name, where that is the thread's own.
    fn name_of(&self, task: &Task) -> Option<String> {
        if task.tid == self.target.pid() {
            return Some("MainThread".to_owned());
        }
        let of_process = self
            .threads
            .values()
            .find(|thread| thread.task.tid == self.target.pid());
        let is_own = of_process.is_none_or(|main| main.task.name != task.name);
        (is_own && !task.name.is_empty()).then(|| task.name.clone())
    }

    /// What was seen; `names` are better names of threads, by the kernel's numbers, and `why` says
    /// why one has looked from outside.
    pub fn finish(mut self, names: &HashMap<u32, String>, why: String) -> Report {
        let end = self.last;
        for at in 0..self.gils.len() {
            self.end_hold(at);
        }
        for thread in self.threads.values_mut() {
            if let Some(wait) = thread.wait.take() {
                self.builder.add(thread.row, wait);
            }
        }
        for (at, row) in self.rows.into_iter().enumerate() {
            self.builder.describe(at, row.name, row.counts);
            let margins = Margins {
                held: self.batches.margin(2 + 2 * at, self.samples),
                waited: self.batches.margin(3 + 2 * at, self.wait_samples),
            };
            self.builder.margins(at, margins);
        }
        self.builder.name_better(|tid| names.get(&tid).cloned());
        let passed = end.saturating_sub(self.started).max(1) as f64;
        let sampling = Sampling {
            samples: self.samples,
            rate: self.samples as f64 / passed * 1e9,
            margins: Margins {
                held: self.batches.margin(ALL, self.samples),
                waited: self.batches.margin(ALL + 1, self.wait_samples),
            },
            overhead: self.cpu as f64 / passed,
            why,
        };
        let pid = self.target.pid();
        let mut report = self.builder.finish(pid, end, self.functions.all());
        report.total.holds = self.switches;
        // What looks tell about single holds and waits is not what they are.
        (report.holds, report.waits) = (Quantiles::default(), Quantiles::default());
        for thread in &mut report.threads {
            (thread.holds, thread.waits) = (Quantiles::default(), Quantiles::default());
        }
        for pair in &mut report.pairs {
            (pair.waits, pair.longest_ns) = (0, 0);
        }
        report.method = Method::Sampled(sampling);
        report.verdict = decide(&report);
        report
    }
}
