//! A comparison as one HTML page: verdicts, pictures, tables, every sample, and the JSON document.
//!
//! ```text
//!  verdicts   what to use, for each workload, on top
//!  change     what differs from an earlier comparison, where one was given
//!  workload   its pictures (chart/), tables, fits, warnings
//!  samples    every run and every task, behind a fold
//!  machine    where it was measured, what was asked for
//!  document   the JSON document, packed, to download
//!  script/    tells what marks of pictures mean, under the pointer and by arrow keys; unpacks the document
//! ```
//!
//! All of it is there without scripts. The page stays below [`LIMIT`] bytes: what is largest goes
//! first, single tasks and then the packed document, and the page says so.

mod change;
mod document;
mod machine;
mod samples;
mod verdicts;
mod workload;

use std::io::{self, Write};

use ungil_measure::Comparison;

use crate::Error;
use crate::chart;
use crate::page::Page;

const STYLES: &[&str] = &[chart::COLOURS, chart::RULES, include_str!("style.css")];
const SCRIPTS: &[&str] = &[
    include_str!("script/marks.js"),
    include_str!("script/download.js"),
];

/// No page is larger, bytes.
const LIMIT: usize = 1_000_000;

/// The page.
///
/// # Errors
/// [`Error::Json`] when a value has no JSON form; none of ours has.
pub fn compare_page(comparison: &Comparison) -> Result<String, Error> {
    let packed = document::packed(comparison)?;
    // From everything to what fits.
    let amounts = [(true, true), (false, true), (false, false)];
    let mut page = Vec::new();
    for (tasks, document) in amounts {
        page.clear();
        write(comparison, tasks, document.then_some(&packed), &mut page)
            .map_err(serde_json::Error::io)?;
        if page.len() < LIMIT {
            break;
        }
    }
    // Made of strings.
    Ok(String::from_utf8_lossy(&page).into_owned())
}

fn write(
    comparison: &Comparison,
    tasks: bool,
    document: Option<&String>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let page = Page {
        title: "Which worker should be used?",
        styles: STYLES,
        scripts: SCRIPTS,
    };
    page.write(out, |out| {
        verdicts::write(comparison, page.title, out)?;
        if let Some(change) = &comparison.change {
            change::write(change, out)?;
        }
        for (at, work) in comparison.workloads.iter().enumerate() {
            workload::write(work, at, comparison.machine.usable_cpus, out)?;
            samples::write(work, tasks, out)?;
            out.write_all(b"</section>\n")?;
        }
        machine::write(comparison, out)?;
        document::write(document, out)
    })
}
