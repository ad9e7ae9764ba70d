//! What depends on the operating system.

mod linux;

pub(crate) use linux::{
    Slots, gettid, monotonic_ns, protect_from_signals, read_memory, symbol, thread_name,
};
