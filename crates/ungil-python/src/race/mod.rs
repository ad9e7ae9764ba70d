//! `ungil.race`: models run on fibers, under every schedule that a strategy chooses.
//!
//! ```text
//!  session   runs a model once, or until the strategy is done; minimises; tells a run
//!  engine    the state of one run: threads, objects, virtual time; each step
//!  fiber     a C stack and a thread state for each thread     gilstate   and for PyGILState_Ensure
//!  protection  where its C stack ends     arenas    memory for thread states
//!  tracing   the interpreter tells of instructions            code       what they do, decoded once
//!  accesses  from an instruction to what it touches (touch)   calls      and from a call of what is in C
//!  attributes  where they are found
//!  frame, called, containers   what it finds there            free_threaded  what is several steps without GIL
//!  spin      loops
//!  patches   built-in functions replaced in place: locks (conventions), time
//!  primitives  what the Python half of events, semaphores and threads is made of
//!  followers  what Python's half follows only where it is met
//!  record    a step as it is told                             page       a finding for a browser
//!  aside     what a thread does besides: the debugger
//!  watchdog  notices what blocks and is not followed
//! ```

mod accesses;
mod arenas;
mod aside;
mod attributes;
mod called;
mod calls;
mod code;
mod containers;
mod conventions;
mod engine;
mod fiber;
mod followers;
mod frame;
mod free_threaded;
mod gilstate;
mod locks;
mod page;
mod patches;
mod primitives;
mod protection;
mod record;
mod session;
mod spin;
mod time;
mod touch;
mod tracing;
mod watchdog;

use pyo3::prelude::*;

/// The native half of `ungil.race`.
#[pymodule(submodule)]
pub(crate) mod race {
    #[pymodule_export]
    use super::aside::aside;
    #[pymodule_export]
    use super::calls::calls;
    #[pymodule_export]
    use super::page::page;
    #[pymodule_export]
    use super::primitives::{change, fail, knows, look, note, running, spawn, sync_point, wait};
    #[pymodule_export]
    const NO_STEP: usize = super::record::NO_STEP;
    #[pymodule_export]
    use super::session::{Session, begin, end};
    #[pymodule_export]
    use super::tracing::{on_instruction, on_start};
    #[pymodule_export]
    use super::watchdog::{on_blocked, unwatch, watch};
}
