//! `@ungil.native`: functions whose machine code runs with the GIL released.
//!
//! ```text
//! function         the callable: its specialisations, one for each list of argument types
//! direct           calls that the interpreter makes without a tuple of arguments
//! arguments        Python's objects -> words of memory; result back
//! created          arrays that native code has made
//! specialisation   source -> LLVM IR -> machine code, and what it relies on
//! environment      what global names mean; notes them down, so that a change is noticed
//! record           dataclasses: what is known of them, their objects as memory
//! running          the call: GIL released, stack measured, Ctrl-C asked for
//! text             str and bytes
//! threads          how many a parallel loop has
//! failure          the exception, with the lines of the source in its traceback
//! ```

mod arguments;
mod created;
mod direct;
mod environment;
mod failure;
mod function;
mod record;
mod running;
mod specialisation;
mod text;
mod threads;

pub(crate) use created::NativeMemory;
pub(crate) use failure::new_frame;
pub(crate) use function::NativeFunction;
