//! A process and those that it started, on one timeline.

use std::borrow::Cow;

use ungil_gil::Report;
use ungil_gil::model::{Kind, MERGED, Record, Timeline, Track};

/// The processes that it started, directly or not, in the order of the tables.
pub(super) fn descendants(report: &Report) -> Vec<&Report> {
    let mut all = Vec::new();
    for child in &report.children {
        all.push(child);
        all.extend(descendants(child));
    }
    all
}

/// What a timeline of all of them shows, as if it were one process: the threads, functions and GILs
/// of the first, then of the others.
pub(super) fn together(report: &Report) -> Cow<'_, Report> {
    let others = descendants(report);
    if others.is_empty() {
        return Cow::Borrowed(report);
    }
    let mut whole = report.clone();
    let mut end = report.start_ns + report.duration_ns;
    for other in others {
        let (functions, gils) = (whole.names.len() as u32, whole.gils.len() as u16);
        let moved = |track: &Track| {
            let mut moved = Track::default();
            for slice in track.slices() {
                moved.push(renumbered(*slice, functions, gils));
            }
            moved
        };
        whole.threads.extend(other.threads.iter().map(|thread| {
            let mut thread = thread.clone();
            thread.name = format!("{}, {}", other.pid, thread.name);
            thread
        }));
        let timelines = other.timelines.iter().map(|timeline| Timeline {
            held: moved(&timeline.held),
            waited: moved(&timeline.waited),
        });
        whole.timelines.extend(timelines);
        whole.names.extend(other.names.iter().cloned());
        whole.gils.extend(other.gils.iter().copied());
        end = end.max(other.start_ns + other.duration_ns);
    }
    whole.duration_ns = end - whole.start_ns;
    Cow::Owned(whole)
}

fn renumbered(mut slice: Record, functions: u32, gils: u16) -> Record {
    slice.gil += gils;
    if slice.kind == Kind::Held && slice.subject > MERGED {
        slice.subject += functions;
    }
    slice
}

/// Names of the rows of GILs, in the order of [`together`].
pub(super) fn gil_names(report: &Report) -> Vec<String> {
    let mut names = Vec::new();
    for (at, process) in [report].into_iter().chain(descendants(report)).enumerate() {
        let whose = if at == 0 {
            String::new()
        } else {
            format!(" of {}", process.pid)
        };
        names.extend(process.gils.iter().map(|gil| match gil.number {
            0 => format!("GIL holder{whose}"),
            number => format!("GIL holder{whose}, own {number}"),
        }));
    }
    names
}
