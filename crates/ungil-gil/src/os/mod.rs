//! What depends on the operating system.

mod linux;

pub(crate) use linux::{
    Image, Mapping, Slots, Task, exists, gettid, monotonic_ns, parse_maps, protect_from_signals,
    read_memory, read_memory_of, symbol, thread_cpu_ns, thread_name, write_memory_of,
};
