//! Typed memory with a lock before it: what `Value` and `Array` share.

use crate::handle::Handle;
use crate::mutex::Mutex;
use crate::word::{Cell64, Ordering};

/// The lock and the type of the elements that lie behind it.
#[derive(Debug)]
#[repr(C)]
pub struct RawCells {
    /// The lock that users take with `get_lock()`.
    pub lock: Mutex,
    format: Cell64,
}

impl RawCells {
    /// Elements of this format (a character of Python's `struct`).
    #[must_use]
    pub fn new(format: u8) -> Self {
        Self {
            lock: Mutex::new(false),
            format: Cell64::new(u64::from(format)),
        }
    }

    /// The format character.
    pub fn format(&self) -> u8 {
        self.format.load(Ordering::Relaxed) as u8
    }
}

impl Handle<RawCells> {
    /// The elements' memory: 8-byte aligned, `extra()` bytes.
    pub fn elements(&self) -> std::ptr::NonNull<u8> {
        self.extra_memory()
    }
}
