//! What the engine asks of the operating system: the one place that knows the platform.
//!
//! Linux only so far. Another platform is another file here with the same names.

#[cfg(not(target_os = "linux"))]
compile_error!("ungil-pool has no `os` module for this platform yet: Linux only so far");

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::*;

mod signals;
pub use signals::{Held, SignalMask};
