//! What only the operating system knows. One folder per system; so far Linux.

pub mod linux;
