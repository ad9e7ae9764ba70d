//! Adds records up, in bounded memory.

use std::collections::HashMap;

use super::counts::Counts;
use super::histogram::Histogram;
use super::record::{Kind, MERGED, NO_FUNCTION, Record};
use super::report::{
    Function, FunctionShare, GilShare, Losses, Margins, Method, Pair, Report, Thread, Timeline,
};
use super::verdict;

/// Functions and pairs that a report tells.
const TOLD: usize = 20;
/// Samples that are kept inside of one hold; after that every second one goes.
const SAMPLES: usize = 512;

/// Slices are made no coarser than this, nanoseconds: about 13 days.
const COARSEST: u64 = 1 << 50;

/// A trace in the making.
pub struct Builder {
    start: u64,
    /// Slices that are kept before they are made coarser.
    limit: usize,
    slices: usize,
    resolution: u64,
    threads: Vec<Row>,
    by_serial: HashMap<u64, usize>,
    /// The latest thread with this kernel number.
    by_tid: HashMap<u32, usize>,
    functions: HashMap<(usize, u32), Held>,
    pairs: HashMap<(usize, usize), Waited>,
    gils: Vec<GilShare>,
}

#[derive(Default)]
struct Row {
    tid: u32,
    /// Python's.
    name: Option<String>,
    kernel_name: Option<String>,
    counts: Counts,
    margins: Margins,
    holds: Histogram,
    waits: Histogram,
    timeline: Timeline,
    /// The stretches so far of a wait that goes on.
    waiting: u64,
    samples: Samples,
}

/// Functions seen inside of a hold that goes on.
#[derive(Default)]
struct Samples {
    since: u64,
    seen: Vec<(u64, u32)>,
}

#[derive(Default)]
struct Held {
    ns: u64,
    holds: u64,
}

#[derive(Default)]
struct Waited {
    ns: u64,
    waits: u64,
    longest: u64,
}

impl Builder {
    /// An empty one, of a trace that begins at `start`; keeps up to `limit` slices.
    pub fn new(start: u64, limit: usize) -> Self {
        Self {
            start,
            limit: limit.max(16),
            slices: 0,
            resolution: 0,
            threads: Vec::new(),
            by_serial: HashMap::new(),
            by_tid: HashMap::new(),
            functions: HashMap::new(),
            pairs: HashMap::new(),
            gils: Vec::new(),
        }
    }

    /// The thread with this serial number, new or known, by position.
    pub fn thread(&mut self, serial: u64, tid: u32) -> usize {
        if let Some(&row) = self.by_serial.get(&serial) {
            return row;
        }
        let row = self.threads.len();
        self.threads.push(Row {
            tid,
            ..Row::default()
        });
        self.by_serial.insert(serial, row);
        self.by_tid.insert(tid, row);
        row
    }

    /// Whether a thread has a name, if only the kernel's.
    pub fn is_named(&self, thread: usize) -> bool {
        self.threads[thread].kernel_name.is_some()
    }

    /// The kernel's name of a thread, for want of a better one.
    pub fn kernel_name(&mut self, thread: usize, name: String) {
        self.threads[thread].kernel_name = Some(name);
    }

    /// Names threads that have not told theirs, by the kernel's numbers.
    pub fn name_others(&mut self, name: impl Fn(u32) -> Option<String>) {
        for row in &mut self.threads {
            row.name = row.name.take().or_else(|| name(row.tid));
        }
    }

    /// The sums of a thread, and its name if there is a better one.
    pub fn describe(&mut self, thread: usize, name: Option<String>, counts: Counts) {
        let row = &mut self.threads[thread];
        row.counts = counts;
        if name.is_some() {
            row.name = name;
        }
    }

    /// Names threads anew, by the kernel's numbers.
    pub fn name_better(&mut self, name: impl Fn(u32) -> Option<String>) {
        for row in &mut self.threads {
            row.name = name(row.tid).or(row.name.take());
        }
    }

    /// How far off the sums of a thread may be.
    pub fn margins(&mut self, thread: usize, margins: Margins) {
        self.threads[thread].margins = margins;
    }

    /// The function that a thread was running at a time inside of the hold that began at `since`.
    pub fn sample(&mut self, thread: usize, since: u64, time: u64, function: u32) {
        let samples = &mut self.threads[thread].samples;
        if samples.since != since {
            samples.since = since;
            samples.seen.clear();
        }
        if samples.seen.len() >= SAMPLES {
            let mut keep = false;
            samples.seen.retain(|_| {
                keep = !keep;
                keep
            });
        }
        samples.seen.push((time, function));
    }

    /// Adds a record of a thread. Records of one thread come in the order of time.
    pub fn add(&mut self, thread: usize, record: Record) {
        let mut record = record;
        if record.end <= self.start {
            return; // of an earlier trace, written down too late
        }
        if record.start < self.start {
            record.start = self.start;
            record.busy = record.busy.min(record.end - record.start);
        }
        match record.kind {
            Kind::Held => self.held(thread, record),
            Kind::Waiting | Kind::Waited => self.waited(thread, record),
        }
        if self.slices > self.limit {
            self.coarsen();
            // To half, so that there is room for a while; more threads than that stay as they are.
            while self.slices > self.limit / 2 && self.resolution < COARSEST {
                self.resolution = (self.resolution * 4).max(1_000);
                self.coarsen();
            }
        }
    }

    fn gil(&mut self, number: u16) -> &mut GilShare {
        while self.gils.len() <= usize::from(number) {
            self.gils.push(GilShare {
                number: self.gils.len() as u16,
                held_ns: 0,
                waited_ns: 0,
            });
        }
        &mut self.gils[usize::from(number)]
    }

    fn held(&mut self, thread: usize, record: Record) {
        self.gil(record.gil).held_ns += record.busy;
        let row = &mut self.threads[thread];
        let each = record.busy / u64::from(record.count.max(1));
        row.holds.add(each, record.count.into());
        let samples = std::mem::take(&mut row.samples);
        let seen = if samples.since == record.start && record.count == 1 {
            samples.seen
        } else {
            Vec::new()
        };
        for piece in pieces(record, &seen) {
            let held = self.functions.entry((thread, piece.subject)).or_default();
            held.ns += piece.busy;
            held.holds += u64::from(piece.count);
            self.threads[thread].timeline.held.push(piece);
            self.slices += 1;
        }
    }

    fn waited(&mut self, thread: usize, record: Record) {
        self.gil(record.gil).waited_ns += record.busy;
        let row = &mut self.threads[thread];
        row.waiting += record.busy;
        if record.kind == Kind::Waited {
            let whole = std::mem::take(&mut row.waiting);
            row.waits
                .add(whole / u64::from(record.count.max(1)), record.count.into());
        }
        row.timeline.waited.push(record);
        self.slices += 1;
        let holder = self.by_tid.get(&record.subject).copied();
        if let Some(holder) = holder.filter(|holder| *holder != thread) {
            let pair = self.pairs.entry((holder, thread)).or_default();
            pair.ns += record.busy;
            pair.waits += u64::from(record.count);
            pair.longest = pair
                .longest
                .max(record.busy / u64::from(record.count.max(1)));
        }
    }

    fn coarsen(&mut self) {
        self.slices = 0;
        for row in &mut self.threads {
            row.timeline.held.coarsen(self.resolution);
            row.timeline.waited.coarsen(self.resolution);
            self.slices += row.timeline.held.slices().len() + row.timeline.waited.slices().len();
        }
    }

    /// The report of a trace that ended at `end`, of the process `pid`; `names` are the functions by
    /// number.
    pub fn finish(self, pid: u32, end: u64, names: Vec<Option<Function>>) -> Report {
        let mut total = Counts::default();
        let (mut holds, mut waits) = (Histogram::default(), Histogram::default());
        for row in &self.threads {
            total.add(&row.counts);
            holds.merge(&row.holds);
            waits.merge(&row.waits);
        }
        let function = |number: u32| names.get(number as usize).cloned().flatten();
        let functions = self.shares(&function);
        let order = self.order();
        let position: HashMap<usize, usize> = order
            .iter()
            .enumerate()
            .map(|(at, &row)| (row, at))
            .collect();
        let pairs = self.told_pairs(&position, &function);
        let mut rows: Vec<Option<Row>> = self.threads.into_iter().map(Some).collect();
        let (mut threads, mut timelines) = (Vec::new(), Vec::new());
        for row in order.iter().filter_map(|&at| rows[at].take()) {
            threads.push(Thread {
                tid: row.tid,
                name: row
                    .name
                    .or(row.kernel_name)
                    .filter(|name| !name.is_empty())
                    .unwrap_or_else(|| format!("thread {}", row.tid)),
                counts: row.counts,
                margins: row.margins,
                holds: row.holds.quantiles(),
                waits: row.waits.quantiles(),
            });
            timelines.push(row.timeline);
        }
        let mut report = Report {
            pid,
            parent: 0,
            method: Method::Exact,
            start_ns: self.start,
            duration_ns: end.saturating_sub(self.start),
            total,
            holds: holds.quantiles(),
            waits: waits.quantiles(),
            gils: self.gils,
            threads,
            timelines,
            functions,
            pairs,
            names,
            losses: Losses {
                merged: total.merged,
                unmatched: total.unmatched,
                children: 0,
                resolution_ns: self.resolution,
            },
            verdict: verdict::Verdict::default(),
            children: Vec::new(),
        };
        report.verdict = verdict::decide(&report);
        report
    }

    /// Rows with something to tell, longest holder first.
    fn order(&self) -> Vec<usize> {
        let used = |row: &usize| self.threads[*row].counts != Counts::ZERO;
        let mut order: Vec<usize> = (0..self.threads.len()).filter(used).collect();
        order.sort_by_key(|&row| std::cmp::Reverse(self.threads[row].counts.held_ns));
        order
    }

    fn shares(&self, function: &impl Fn(u32) -> Option<Function>) -> Vec<FunctionShare> {
        let mut by_number: HashMap<Option<Function>, Held> = HashMap::new();
        for (&(_, number), held) in &self.functions {
            let sum = by_number.entry(function(number)).or_default();
            sum.ns += held.ns;
            sum.holds += held.holds;
        }
        let share = |(function, held): (Option<Function>, Held)| FunctionShare {
            function,
            held_ns: held.ns,
            holds: held.holds,
        };
        let mut shares: Vec<FunctionShare> = by_number.into_iter().map(share).collect();
        shares.sort_by_key(|share| std::cmp::Reverse(share.held_ns));
        shares.truncate(TOLD);
        shares
    }

    fn told_pairs(
        &self,
        position: &HashMap<usize, usize>,
        function: &impl Fn(u32) -> Option<Function>,
    ) -> Vec<Pair> {
        let mostly = |holder: usize| {
            let of_holder = self.functions.iter().filter(|((row, number), _)| {
                *row == holder && *number != NO_FUNCTION && *number != MERGED
            });
            of_holder
                .max_by_key(|(_, held)| held.ns)
                .and_then(|((_, number), _)| function(*number))
        };
        let mut longest: Vec<_> = self.pairs.iter().collect();
        longest.sort_by_key(|(_, waited)| std::cmp::Reverse(waited.ns));
        longest.truncate(TOLD);
        let pair = |(&(holder, waiter), waited): (&(usize, usize), &Waited)| {
            Some(Pair {
                holder: *position.get(&holder)?,
                waiter: *position.get(&waiter)?,
                waited_ns: waited.ns,
                waits: waited.waits,
                longest_ns: waited.longest,
                function: mostly(holder),
            })
        };
        longest.into_iter().filter_map(pair).collect()
    }
}

/// A hold, cut where the samples saw another function. A sample stands for the time up to it, the
/// function at the end for the rest; the hold is counted once, with its end.
fn pieces(hold: Record, seen: &[(u64, u32)]) -> Vec<Record> {
    let mut pieces: Vec<Record> = Vec::with_capacity(1);
    let mut start = hold.start;
    let inside = seen
        .iter()
        .filter(|(time, _)| (hold.start + 1..hold.end).contains(time));
    for (end, function) in inside.copied().chain([(hold.end, hold.subject)]) {
        match pieces.last_mut() {
            Some(last) if last.subject == function => {
                last.end = end;
                last.busy = end - last.start;
            }
            _ => pieces.push(Record {
                count: 0,
                ..Record::new(Kind::Held, hold.gil, function, start, end)
            }),
        }
        start = end;
    }
    if let [only] = pieces.as_mut_slice() {
        only.busy = hold.busy;
    }
    if let Some(last) = pieces.last_mut() {
        last.count = hold.count;
    }
    pieces
}

#[cfg(test)]
mod tests;
