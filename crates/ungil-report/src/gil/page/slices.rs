//! Every hold and every wait, for the page's script.
//!
//! Names are JSON. Slices are numbers of seven bits per byte, least first, the top bit set on all but
//! the last byte of a number, the whole in base64; `script/decode.js` reads:
//!
//! ```text
//!  holds    how many, then each in the order of their starts, over all threads:
//!           start since the one before, length, thread, function * 4 + gil? * 2 + merged? [gil] [merged]
//!  waits    for each thread how many, then each:
//!           start since the end of the one before, length, (holder + 1) * 2 + merged?     [merged]
//!  merged   how many were merged, and their time; both are left out where it was a single one
//! ```
//!
//! Times are nanoseconds since the trace began. A `gil` is told where it differs from the one before.

use std::collections::HashMap;
use std::io::{self, Write};

use base64::engine::general_purpose::STANDARD;
use base64::write::EncoderWriter;
use serde_json::{Value, json};
use ungil_gil::Report;
use ungil_gil::model::{MERGED, NO_FUNCTION, Record};

use crate::page::script_json;

/// Writes the two data blocks; rows of GILs have these names.
///
/// # Errors
/// Those of the writer.
pub(super) fn write(report: &Report, gil_names: &[String], out: &mut dyn Write) -> io::Result<()> {
    let functions = Functions::of(report);
    let about = script_json(&about(report, gil_names, &functions))?;
    write!(
        out,
        "<script type=\"application/json\" id=\"trace-about\">{about}</script>\n\
         <script type=\"text/plain\" id=\"trace-slices\">"
    )?;
    let mut encoder = EncoderWriter::new(out, &STANDARD);
    Slices {
        report,
        functions: &functions,
        out: &mut encoder,
    }
    .write()?;
    encoder.finish()?.write_all(b"</script>\n")
}

fn about(report: &Report, gil_names: &[String], functions: &Functions) -> Value {
    let threads = report.threads.iter().map(|thread| {
        json!([
            thread.name,
            thread.tid,
            thread.counts.held_ns,
            thread.counts.waited_ns
        ])
    });
    let mut files: Vec<&str> = Vec::new();
    let mut by_name: HashMap<&str, usize> = HashMap::new();
    let mut told = Vec::new();
    for function in functions
        .used
        .iter()
        .map(|&at| report.names[at as usize].as_ref())
    {
        told.push(function.map_or(Value::Null, |function| {
            let file = *by_name.entry(&function.file).or_insert_with(|| {
                files.push(&function.file);
                files.len() - 1
            });
            json!([function.name, file, function.line])
        }));
    }
    json!({
        "duration": report.duration_ns,
        "threads": threads.collect::<Vec<_>>(),
        "gils": gil_names,
        "functions": told,
        "files": files,
    })
}

/// The functions that slices name, numbered anew from 2 on: 0 is none, 1 several.
struct Functions {
    used: Vec<u32>,
    number: HashMap<u32, u64>,
}

impl Functions {
    fn of(report: &Report) -> Self {
        let mut functions = Self {
            used: Vec::new(),
            number: HashMap::new(),
        };
        for timeline in &report.timelines {
            for hold in timeline.held.slices() {
                let named = (hold.subject as usize) < report.names.len();
                if named && hold.subject != NO_FUNCTION && hold.subject != MERGED {
                    functions.number.entry(hold.subject).or_insert_with(|| {
                        functions.used.push(hold.subject);
                        functions.used.len() as u64 + 1
                    });
                }
            }
        }
        functions
    }

    fn number(&self, subject: u32) -> u64 {
        let known = self.number.get(&subject).copied();
        known.unwrap_or(u64::from(subject == MERGED))
    }
}

struct Slices<'a, W: Write> {
    report: &'a Report,
    functions: &'a Functions,
    out: &'a mut W,
}

impl<W: Write> Slices<'_, W> {
    fn write(&mut self) -> io::Result<()> {
        self.holds()?;
        let holders = Holders::of(self.report);
        for timeline in &self.report.timelines {
            let waits = timeline.waited.slices();
            self.number(waits.len() as u64)?;
            let mut before = self.report.start_ns;
            for wait in waits {
                let holder = holders.find(wait).map_or(0, |position| position as u64 + 1);
                let start = wait.start.max(before);
                self.number(start - before)?;
                before = wait.end.max(start);
                self.number(before - start)?;
                self.number(holder << 1 | u64::from(wait.count != 1))?;
                self.merged(wait)?;
            }
        }
        Ok(())
    }

    fn holds(&mut self) -> io::Result<()> {
        let mut holds: Vec<(u64, &Record)> = (0..)
            .zip(&self.report.timelines)
            .flat_map(|(thread, timeline)| {
                let of_thread = timeline.held.slices().iter();
                of_thread.map(move |hold| (thread, hold))
            })
            .collect();
        holds.sort_by_key(|(_, hold)| hold.start);
        self.number(holds.len() as u64)?;
        let (mut before, mut gil) = (self.report.start_ns, 0);
        for (thread, hold) in holds {
            let start = hold.start.max(before);
            self.number(start - before)?;
            before = start;
            self.number(hold.end.saturating_sub(start))?;
            self.number(thread)?;
            let elsewhere = hold.gil != gil;
            self.number(
                self.functions.number(hold.subject) << 2
                    | u64::from(elsewhere) << 1
                    | u64::from(hold.count != 1),
            )?;
            if elsewhere {
                gil = hold.gil;
                self.number(gil.into())?;
            }
            self.merged(hold)?;
        }
        Ok(())
    }

    fn merged(&mut self, slice: &Record) -> io::Result<()> {
        if slice.count == 1 {
            return Ok(());
        }
        self.number(slice.count.into())?;
        self.number(slice.busy)
    }

    fn number(&mut self, mut number: u64) -> io::Result<()> {
        let (mut bytes, mut length) = ([0_u8; 10], 0);
        loop {
            bytes[length] = (number & 0x7f) as u8;
            number >>= 7;
            if number == 0 {
                break;
            }
            bytes[length] |= 0x80;
            length += 1;
        }
        self.out.write_all(&bytes[..=length])
    }
}

/// Threads by the kernel's number, which several may have had one after the other.
struct Holders<'a> {
    report: &'a Report,
    by_tid: HashMap<u32, Vec<usize>>,
}

impl<'a> Holders<'a> {
    fn of(report: &'a Report) -> Self {
        let mut by_tid: HashMap<u32, Vec<usize>> = HashMap::new();
        for (position, thread) in report.threads.iter().enumerate() {
            by_tid.entry(thread.tid).or_default().push(position);
        }
        Self { report, by_tid }
    }

    /// For whom a wait was, by position.
    fn find(&self, wait: &Record) -> Option<usize> {
        match self.by_tid.get(&wait.subject)?.as_slice() {
            [only] => Some(*only),
            several => several
                .iter()
                .copied()
                .find(|&position| self.held_during(position, wait)),
        }
    }

    fn held_during(&self, position: usize, wait: &Record) -> bool {
        let holds = self.report.timelines[position].held.slices();
        let after = holds.partition_point(|hold| hold.end <= wait.start);
        holds.get(after).is_some_and(|hold| hold.start < wait.end)
    }
}

#[cfg(test)]
mod tests;
