//! `ThreadPoolExecutor`, `ProcessPoolExecutor` and their `Future`.
//!
//! ```text
//! future   ◄── core ◄── notifier          the future, its state, its listeners
//! cancel   ──► core                       a waiting task taken back, a running one stopped
//! process  ──► task ──► codec, pickling   a call as bytes; ungil-pool carries it
//!                       gather, payload, reduction   what is large, uncopied
//! worker   ◄── start                      the other end
//! outcome  ──► shared_buffer, owned       an answer as a value, without a copy or with one
//! thread                                  the thread pool
//! shared                                  what ungil.share needs of both
//! ledger, desk ──► figures                what tasks and threads have done, for `stats()`
//! interpreters                            an interrupt for another interpreter
//! ```

mod call;
mod cancel;
mod codec;
mod core;
mod desk;
mod executor;
mod figures;
mod future;
mod future_wait;
mod gather;
mod interpreters;
mod ledger;
mod listeners;
mod notifier;
mod oom;
mod orphans;
mod outcome;
mod owned;
mod payload;
mod pickling;
mod process;
mod reduction;
mod shared;
mod shared_buffer;
mod start;
mod task;
mod thread;
mod with_block;
mod worker;

pub(crate) use figures::PoolFigures;
pub(crate) use future::FutureBase;
pub(crate) use gather::Gather;
pub(crate) use interpreters::interrupt_interpreter;
pub(crate) use orphans::{kill_orphans, wait_for_orphans};
pub(crate) use process::ProcessPool;
pub(crate) use reduction::reduce;
pub(crate) use shared::{collect_held, hold, set_shared_class};
pub(crate) use shared_buffer::SharedBuffer;
pub(crate) use start::{after_fork_in_child, run_server, run_worker};
pub(crate) use thread::{ThreadPool, ThreadPoolCore, interrupt_thread};
pub(crate) use with_block::WithBlock;
