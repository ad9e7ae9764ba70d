//! `ungil.race`: models run under every schedule that a strategy chooses, on fibers or on OS threads.
//!
//! ```text
//!  session   runs a model until the strategy is done; minimises          run    what one run came to; tells it
//!  engine    the state of one run: threads, objects, virtual time        thread one thread of it
//!  decision  who goes on at a step                                       step   how a thread announces one
//!  hub       lets one thread after another go on, whatever carries it    carrier    the trait of what does
//!  fiber     carries one: a C stack and a thread state                   gilstate   and for PyGILState_Ensure
//!  protection  where its C stack ends     arenas    memory for thread states
//!  evaluation  the code under test is met     tracing    the interpreter tells of its instructions
//!  code      what they do, decoded once
//!  os_thread carries one that may block in C                             baton      whose turn it is
//!  outside   those that do so, and come back                             kernel     whether one sleeps
//!  main_thread  ends their calls at the end of a run                     by_turns   what all of them share
//!  accesses  from an instruction to what it touches (touch)   calls      and from a call of what is in C
//!  attributes  where they are found
//!  frame, called, containers   what it finds there            free_threaded  what is several steps without GIL
//!  spin      loops
//!  patches   built-in functions replaced in place: locks (conventions), time
//!  primitives  what the Python half of events, semaphores and threads is made of
//!  replaced  and Python's functions, from 3.12 on         numbers    the order of threads in sets
//!  followers  what Python's half follows only where it is met
//!  record    a step as it is told                             page       a finding for a browser
//!  aside     what a thread does besides: the debugger
//!  watchdog  notices what blocks and is not followed
//! ```

mod accesses;
mod arenas;
mod aside;
mod attributes;
mod baton;
mod by_turns;
mod called;
mod calls;
mod carrier;
mod code;
mod containers;
mod conventions;
mod decision;
mod engine;
mod evaluation;
mod fiber;
mod followers;
mod frame;
mod free_threaded;
mod gilstate;
mod hub;
mod kernel;
mod locks;
mod main_thread;
mod numbers;
mod os_thread;
mod outside;
mod page;
mod patches;
mod primitives;
mod protection;
mod record;
mod replaced;
mod run;
mod session;
mod spin;
mod step;
mod thread;
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
    use super::numbers::number;
    #[pymodule_export]
    use super::page::page;
    #[pymodule_export]
    use super::primitives::{
        change, fail, knows, look, note, running, spawn, sync_point, wait, wait_readable,
    };
    #[pymodule_export]
    const NO_STEP: usize = super::record::NO_STEP;
    #[pymodule_export]
    use super::replaced::replace;
    #[pymodule_export]
    use super::session::{Session, begin, end};
    #[pymodule_export]
    use super::tracing::instructions;
    #[pymodule_export]
    use super::watchdog::{on_blocked, unwatch, watch};
}
