//! Shows a [`Comparison`](ungil_measure::Comparison): on a terminal, as JSON, CSV, Markdown, HTML;
//! a pool's [`PoolStats`](ungil_measure::pool_stats::PoolStats); a [trace](ungil_gil::Report) of the GIL;
//! what a machine can do, a [`Diagnosis`](ungil_measure::doctor::Diagnosis).
//!
//! ```text
//!  Comparison -> columns    which figures a table has, and how each is written
//!                  -> terminal/  tables that fit the width, prose, colour if told
//!                  -> markdown   GitHub tables, for a file or an issue
//!                  -> html       a fragment for notebooks
//!             -> chart/     pictures, as SVG    -> compare_page/  one offline page with everything
//!             -> csv        one row per cell, plain numbers
//!             -> json       everything, raw samples included; docs/schema/compare-1.schema.json
//!  PoolStats  -> pool       tables for a terminal
//!  Diagnosis  -> terminal/doctor, doctor (JSON)
//!  Explanation (byte code)   -> explain/: terminal, JSON, page
//!  RaceFinding -> race/: page
//!  Report (a GIL trace) -> terminal/gil, gil/json, gil/perfetto, gil/page;  meter -> gil/prometheus
//! ```
//!
//! `page/` is the frame of offline HTML pages, whatever they tell.
//!
//! It does not know where the text goes: whether there is a terminal, how wide it is and whether
//! colour is wanted (`NO_COLOR`) is for the caller to find out. Every function is pure; text that
//! comes from the user (names of workloads, reasons of failures) is escaped for its target.
#![forbid(unsafe_code)]
#![allow(clippy::format_push_string)] // reports are small: reading the templates matters more

mod change;
mod chart;
mod columns;
mod compare_page;
mod csv;
mod doctor;
mod error;
mod explain;
mod format;
mod gil;
mod html;
mod json;
mod lecture;
mod markdown;
mod page;
mod phrases;
mod race;
mod terminal;

pub use chart::{png, svg};
pub use compare_page::compare_page;
pub use csv::csv;
pub use doctor::doctor_json;
pub use error::Error;
pub use explain::{
    Explanation, Instruction, Line, Native, NativeLine, explanation, explanation_json,
    explanation_page,
};
pub use format::{Format, PICTURES, picture};
pub use gil::{TraceFormat, prometheus, trace_json};
pub use html::html;
pub use json::{json, read_json};
pub use markdown::markdown;
pub use race::{RaceFinding, RaceStep, race_page};
pub use terminal::{
    ColorChoice, Dashboard, LiveCell, TerminalOptions, doctor, pool, terminal, trace_terminal,
};
