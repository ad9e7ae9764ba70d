//! A trace of the GIL for other programs.

mod format;
mod json;
mod page;
mod perfetto;
mod prometheus;

pub use format::TraceFormat;
pub use json::trace_json;
pub use prometheus::prometheus;
