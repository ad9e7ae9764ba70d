//! The summary of a trace as JSON: all figures, no slices.

use serde_json::{Value, json};
use ungil_gil::Report;
use ungil_gil::model::{Function, Quantiles, Sampling};

use crate::Error;
use crate::json::pretty;

/// Changes when a reader would have to.
const SCHEMA_VERSION: u32 = 1;

/// The summary as indented JSON with a final newline. Times are seconds, shares are of the duration.
///
/// # Errors
/// [`Error::Json`] when a value has no JSON form; none of ours has.
pub fn trace_json(report: &Report) -> Result<String, Error> {
    pretty(&document(report))
}

fn document(report: &Report) -> Value {
    let share = |nanoseconds| report.share(nanoseconds);
    let threads = report.threads.iter().map(|thread| {
        json!({
            "tid": thread.tid,
            "name": thread.name,
            "held_margin": thread.margins.held,
            "waited_margin": thread.margins.waited,
            "held_s": seconds(thread.counts.held_ns),
            "held_share": share(thread.counts.held_ns),
            "waited_s": seconds(thread.counts.waited_ns),
            "waited_share": share(thread.counts.waited_ns),
            "holds": thread.counts.holds,
            "waits": thread.counts.waits,
            "hold_s": quantiles(thread.holds),
            "wait_s": quantiles(thread.waits),
        })
    });
    let gils = report.gils.iter().map(|gil| {
        json!({
            "number": gil.number,
            "held_s": seconds(gil.held_ns),
            "held_share": share(gil.held_ns),
            "waited_s": seconds(gil.waited_ns),
        })
    });
    let functions = report.functions.iter().map(|of| {
        json!({
            "function": function(of.function.as_ref()),
            "held_s": seconds(of.held_ns),
            "held_share": share(of.held_ns),
            "holds": of.holds,
        })
    });
    let pairs = report.pairs.iter().map(|pair| {
        json!({
            "holder": report.threads[pair.holder].name,
            "holder_tid": report.threads[pair.holder].tid,
            "waiter": report.threads[pair.waiter].name,
            "waiter_tid": report.threads[pair.waiter].tid,
            "waited_s": seconds(pair.waited_ns),
            "waited_share": share(pair.waited_ns),
            "waits": pair.waits,
            "longest_s": seconds(pair.longest_ns),
            "function": function(pair.function.as_ref()),
        })
    });
    json!({
        "schema_version": SCHEMA_VERSION,
        "pid": report.pid,
        "parent_pid": report.parent,
        "sampling": report.sampling().map(sampling),
        "duration_s": seconds(report.duration_ns),
        "held_s": seconds(report.total.held_ns),
        "held_share": share(report.total.held_ns),
        "waited_s": seconds(report.total.waited_ns),
        "waited_share": share(report.total.waited_ns),
        "holds": report.total.holds,
        "waits": report.total.waits,
        "switches_per_second": report.switches_per_second(),
        "hold_s": quantiles(report.holds),
        "wait_s": quantiles(report.waits),
        "gils": gils.collect::<Vec<_>>(),
        "threads": threads.collect::<Vec<_>>(),
        "functions": functions.collect::<Vec<_>>(),
        "pairs": pairs.collect::<Vec<_>>(),
        "losses": {
            "merged": report.losses.merged,
            "unmatched": report.losses.unmatched,
            "children": report.losses.children,
            "resolution_s": seconds(report.losses.resolution_ns),
        },
        "verdict": {
            "rule": report.verdict.rule,
            "sentence": report.verdict.sentence,
        },
        "children": report.children.iter().map(document).collect::<Vec<_>>(),
    })
}

/// How figures that are estimates were come by; the margins are half of 95 % intervals.
fn sampling(sampling: &Sampling) -> Value {
    json!({
        "samples": sampling.samples,
        "per_second": sampling.rate,
        "held_margin": sampling.margins.held,
        "waited_margin": sampling.margins.waited,
        "overhead": sampling.overhead,
        "why": sampling.why,
    })
}

fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e9
}

fn quantiles(of: Quantiles) -> Value {
    json!({ "p50": seconds(of.p50), "p99": seconds(of.p99), "max": seconds(of.max) })
}

fn function(function: Option<&Function>) -> Value {
    function.map_or(
        Value::Null,
        |function| json!({ "name": function.name, "file": function.file, "line": function.line }),
    )
}
