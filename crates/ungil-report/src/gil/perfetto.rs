//! The timeline in the trace event format of Chrome, which Perfetto reads, too.

use std::collections::HashMap;
use std::io::{self, Write};

use serde_json::{Value, json};
use ungil_gil::Report;
use ungil_gil::model::{MERGED, Record, Timeline};

/// Rows of GILs have thread numbers from here on: Linux gives none beyond 4,194,304.
const GIL_ROWS: u32 = 10_000_000;

/// Writes the trace: a row per thread with slices `held` and `waiting`, a row per GIL that shows its
/// holder, arrows from a holder to the thread that had waited for it. Times are microseconds of the
/// machine's monotonic clock, so that traces of several programs fit together.
///
/// # Errors
/// Those of the writer.
pub(super) fn perfetto(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut events = Events { out, first: true };
    events.out.write_all(b"{\"traceEvents\":[\n")?;
    let mut arrow = 0;
    one(report, &mut events, &mut arrow)?;
    let about = json!({
        "tool": "ungil",
        "method": report.sampling().map_or("exact", |_| "sampled"),
        "slices shorter than this may be merged, ns": report.losses.resolution_ns,
        "merged": report.losses.merged,
        "unmatched": report.losses.unmatched,
        "verdict": report.verdict.sentence,
    });
    writeln!(
        events.out,
        "\n],\"displayTimeUnit\":\"ns\",\"otherData\":{about}}}"
    )?;
    events.out.flush()
}

/// A process, then those that it started.
fn one(report: &Report, events: &mut Events<'_>, arrow: &mut u64) -> io::Result<()> {
    rows(report, events)?;
    for (thread, timeline) in report.threads.iter().zip(&report.timelines) {
        for slice in timeline.held.slices() {
            events.write(&held(report, thread.tid, slice))?;
            events.write(&holder(report, thread.tid, &thread.name, slice))?;
        }
        for slice in timeline.waited.slices() {
            events.write(&waiting(report, thread.tid, slice))?;
        }
    }
    arrows(report, events, arrow)?;
    report
        .children
        .iter()
        .try_for_each(|child| one(child, events, arrow))
}

struct Events<'a> {
    out: &'a mut dyn Write,
    first: bool,
}

impl Events<'_> {
    fn write(&mut self, event: &Value) -> io::Result<()> {
        if !self.first {
            self.out.write_all(b",\n")?;
        }
        self.first = false;
        write!(self.out, "{event}")
    }
}

fn rows(report: &Report, events: &mut Events<'_>) -> io::Result<()> {
    let name = |what: &str, tid: u32, name: &str| json!({ "ph": "M", "pid": report.pid, "tid": tid, "name": what, "args": { "name": name } });
    let process = format!("Python {}", report.pid);
    events.write(&name("process_name", report.pid, &process))?;
    for thread in &report.threads {
        events.write(&name("thread_name", thread.tid, &thread.name))?;
    }
    for gil in &report.gils {
        let tid = GIL_ROWS + u32::from(gil.number);
        let title = match gil.number {
            0 => "GIL holder".to_owned(),
            number => format!("GIL holder, interpreter's own {number}"),
        };
        events.write(&name("thread_name", tid, &title))?;
        // Above the threads.
        events.write(&json!({
            "ph": "M", "pid": report.pid, "tid": tid, "name": "thread_sort_index",
            "args": { "sort_index": -1000 + i32::from(gil.number) },
        }))?;
    }
    Ok(())
}

fn slice(report: &Report, tid: u32, name: &str, slice: &Record, about: &Value) -> Value {
    json!({
        "ph": "X", "cat": "gil", "pid": report.pid, "tid": tid, "name": name,
        "ts": micros(slice.start), "dur": micros(slice.end - slice.start), "args": about,
    })
}

fn held(report: &Report, tid: u32, record: &Record) -> Value {
    slice(report, tid, "held", record, &about_hold(report, record))
}

fn about_hold(report: &Report, record: &Record) -> Value {
    let function = report.names.get(record.subject as usize);
    let mut about = match function.and_then(Option::as_ref) {
        Some(function) => json!({
            "function": function.name,
            "place": format!("{}:{}", function.file, function.line),
        }),
        None if record.subject == MERGED => json!({ "function": "several" }),
        None => json!({}),
    };
    if record.count > 1 {
        about["holds"] = record.count.into();
        about["held, µs"] = micros(record.busy).into();
    }
    about
}

fn holder(report: &Report, tid: u32, name: &str, record: &Record) -> Value {
    let row = GIL_ROWS + u32::from(record.gil);
    let mut about = about_hold(report, record);
    about["tid"] = tid.into();
    slice(report, row, name, record, &about)
}

fn waiting(report: &Report, tid: u32, record: &Record) -> Value {
    let holder = report
        .threads
        .iter()
        .find(|thread| thread.tid == record.subject);
    let mut about = match holder {
        Some(thread) => json!({ "for": thread.name, "for tid": thread.tid }),
        None => json!({}),
    };
    if record.count > 1 {
        about["waits"] = record.count.into();
        about["waited, µs"] = micros(record.busy).into();
    }
    slice(report, tid, "waiting", record, &about)
}

/// From the end of the hold that was waited for to the end of the wait.
fn arrows(report: &Report, events: &mut Events<'_>, number: &mut u64) -> io::Result<()> {
    let by_tid: HashMap<u32, &Timeline> = report
        .threads
        .iter()
        .map(|thread| thread.tid)
        .zip(&report.timelines)
        .collect();
    for (thread, timeline) in report.threads.iter().zip(&report.timelines) {
        for wait in timeline
            .waited
            .slices()
            .iter()
            .filter(|wait| wait.count == 1)
        {
            let Some(hold) = by_tid
                .get(&wait.subject)
                .and_then(|holder| last_before(holder.held.slices(), wait))
            else {
                continue;
            };
            *number += 1;
            let mut end = json!({
                "ph": "s", "cat": "gil", "pid": report.pid, "name": "made wait", "id": *number,
                "tid": wait.subject, "ts": micros(inside(hold)),
            });
            events.write(&end)?;
            end["ph"] = "f".into();
            end["bp"] = "e".into();
            end["tid"] = thread.tid.into();
            end["ts"] = micros(inside(wait)).into();
            events.write(&end)?;
        }
    }
    Ok(())
}

/// The last hold that began before the wait was over, if it lasted into the wait.
fn last_before<'a>(holds: &'a [Record], wait: &Record) -> Option<&'a Record> {
    let after = holds.partition_point(|hold| hold.start < wait.end);
    let hold = holds.get(after.checked_sub(1)?)?;
    (hold.end > wait.start && hold.count <= 1).then_some(hold)
}

/// Just before the end, where an arrow belongs to the slice and to no other.
fn inside(slice: &Record) -> u64 {
    slice.end.saturating_sub(1).max(slice.start)
}

fn micros(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e3
}
