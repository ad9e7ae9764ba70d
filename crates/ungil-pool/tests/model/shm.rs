//! The crate's own modules.

#[path = "../../src/shm/bell.rs"]
pub(crate) mod bell;
#[path = "../../src/shm/done.rs"]
pub(crate) mod done;
#[path = "../../src/shm/idle.rs"]
pub(crate) mod idle;
#[path = "../../src/shm/ring.rs"]
pub(crate) mod ring;
#[path = "../../src/shm/state.rs"]
pub(crate) mod state;
