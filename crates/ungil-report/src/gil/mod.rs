//! A trace of the GIL for other programs.

mod json;
mod perfetto;
mod prometheus;

pub use json::trace_json;
pub use perfetto::perfetto;
pub use prometheus::prometheus;
