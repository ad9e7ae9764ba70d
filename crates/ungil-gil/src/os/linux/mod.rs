//! Linux: the dynamic linker's tables, memory, threads, clocks.
#![allow(unsafe_code)]

mod elf;
mod image;
mod maps;
mod memory;
mod process;
mod slots;
mod threads;

pub(crate) use image::Image;
pub(crate) use maps::{Mapping, parse as parse_maps};
pub(crate) use memory::{
    read as read_memory, read_of as read_memory_of, write_of as write_memory_of,
};
pub(crate) use process::{Task, exists, thread_cpu_ns};
pub(crate) use slots::Slots;
pub(crate) use threads::{gettid, monotonic_ns, protect_from_signals, thread_name};

use std::ffi::CStr;

/// The address of a symbol that the program exports, as its other parts see it.
pub(crate) fn symbol(name: &CStr) -> Option<usize> {
    // SAFETY: the name is a C string; dlsym looks it up and has no other precondition.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!found.is_null()).then_some(found as usize)
}
