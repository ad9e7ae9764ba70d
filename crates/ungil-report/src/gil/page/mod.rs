//! The timeline of a trace as one HTML page: the verdict and tables, which need no script, and a
//! zoomable picture, which does.
//!
//! ```text
//!  Report -> tables   verdict, sums, threads, functions, who made whom wait
//!         -> slices   every hold and wait, some seven bytes each, for script/
//!  script/  decode -> Track (what a stretch of time was spent on, by sums) -> raster -> canvas
//! ```

mod family;
mod sampled;
mod slices;
mod tables;

use std::io::{self, Write};

use ungil_gil::Report;

use crate::page::Page;

/// The style sheets, after the frame's.
const STYLES: &[&str] = &[include_str!("style/timeline.css")];
/// The parts of the script, in their order.
const SCRIPTS: &[&str] = &[
    include_str!("script/words.js"),
    include_str!("script/track.js"),
    include_str!("script/decode.js"),
    include_str!("script/theme.js"),
    include_str!("script/raster.js"),
    include_str!("script/view.js"),
    include_str!("script/slice.js"),
    include_str!("script/layout.js"),
    include_str!("script/axis.js"),
    include_str!("script/paint.js"),
    include_str!("script/marks.js"),
    include_str!("script/tell.js"),
    include_str!("script/range.js"),
    include_str!("script/rows.js"),
    include_str!("script/keys.js"),
    include_str!("script/pointer.js"),
    include_str!("script/timeline.js"),
];

/// What the page is without scripts, and where they work.
const TIMELINE: &str = include_str!("timeline.html");
const READING: &str = include_str!("reading.html");

/// Writes the page. `program` is what was traced, for the heading.
///
/// # Errors
/// Those of the writer.
pub(super) fn page(report: &Report, program: Option<&str>, out: &mut dyn Write) -> io::Result<()> {
    let title = match program {
        Some(program) => format!("The GIL in {program}"),
        None => format!("The GIL in process {}", report.pid),
    };
    let page = Page {
        title: &title,
        styles: STYLES,
        scripts: SCRIPTS,
    };
    page.write(out, |out| {
        tables::heading(report, &title, out)?;
        out.write_all(TIMELINE.as_bytes())?;
        tables::tables(report, 0, out)?;
        tables::children(report, out)?;
        out.write_all(READING.as_bytes())?;
        slices::write(&family::together(report), &family::gil_names(report), out)
    })
}
