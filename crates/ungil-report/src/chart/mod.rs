//! Pictures of a comparison, as SVG: the same for the page, for files, and for raster images.
//!
//! ```text
//!  WorkloadComparison -> speedup, time           curves over the number of workers: curve, frame
//!                        memory, latency, gil    a row per cell: rows
//!                        timeline                a row per thread
//!                           each a Chart: elements with classes, and what they say in words
//!  Chart -> the page (page variables colour it)
//!        -> picture   panels side by side in one file, with a style sheet of its own -> png
//! ```
//!
//! Elements have classes and no colours; `chart.css` says what classes look like, `colours.css` and the
//! frame of pages name the colours of both themes.

mod curve;
mod frame;
mod gil;
mod latency;
mod memory;
mod picture;
mod png;
mod rows;
mod scale;
mod speedup;
mod style;
mod svg;
mod time;
mod timeline;

use ungil_measure::comparison::WorkloadComparison;

pub use picture::svg;
pub use png::png;
pub(crate) use style::{COLOURS, RULES};

/// Width of a picture, pixels at its natural size.
const WIDTH: f64 = 460.0;

/// A picture of one workload.
pub(crate) struct Chart {
    /// What it is called in ids and options.
    pub(crate) name: &'static str,
    /// Its heading.
    pub(crate) title: String,
    /// What the lines and areas are, a sentence or two.
    pub(crate) caption: String,
    /// What it shows, for those who do not see it.
    pub(crate) words: String,
    /// Natural size.
    pub(crate) width: f64,
    pub(crate) height: f64,
    /// The elements inside.
    pub(crate) elements: String,
}

/// All pictures that there are figures for.
pub(crate) fn charts(work: &WorkloadComparison, usable_cpus: usize) -> Vec<Chart> {
    [
        speedup::chart(work, usable_cpus),
        time::chart(work),
        memory::chart(work),
        latency::chart(work),
        gil::chart(work),
        timeline::chart(work),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The class of a kind: its colour.
fn class(kind: &str) -> &'static str {
    let known = [
        "serial",
        "thread",
        "process",
        "interpreter",
        "native",
        "dask",
        "ray",
    ];
    known
        .into_iter()
        .find(|known| *known == kind)
        .unwrap_or("other")
}
