//! What becomes of a task whose worker dies, and of its pool.

use std::collections::TryReserveError;
use std::sync::atomic::{AtomicU32, Ordering};

/// What the death of a worker means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CrashPolicy {
    /// The task it was running fails; the worker is replaced; nothing else is lost.
    #[default]
    Isolate,
    /// The task it was running is run again, up to this many times; then as `Isolate`. A task
    /// is then run at least once: one that died late has had its effects, and has them again.
    Retry(u32),
    /// Every unfinished task fails, the workers are killed, and no more tasks are taken.
    Break,
}

/// The payload of a task that is run again when its worker dies, kept as a copy: the slot and the
/// buffers that a worker has had in its hands may have been written to.
#[derive(Debug)]
pub struct Kept {
    pub(super) head: Box<[u8]>,
    pub(super) buffers: Vec<Box<[u8]>>,
    /// Runs begun, as far as the pool's books know.
    runs: AtomicU32,
}

impl Kept {
    /// An error where there is no memory for the copy.
    pub(super) fn new(head: &[&[u8]], buffers: &[&[u8]]) -> Result<Self, TryReserveError> {
        Ok(Self {
            head: copy(head)?,
            buffers: buffers
                .iter()
                .map(|&buffer| copy(&[buffer]))
                .collect::<Result<_, _>>()?,
            runs: AtomicU32::new(1),
        })
    }

    /// How often the task was run.
    pub(super) fn runs(&self) -> u32 {
        self.runs.load(Ordering::Relaxed)
    }

    /// Books one more run. Called with the pool's books open.
    pub(super) fn run_again(&self) {
        self.runs.fetch_add(1, Ordering::Relaxed);
    }
}

fn copy(pieces: &[&[u8]]) -> Result<Box<[u8]>, TryReserveError> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(pieces.iter().map(|piece| piece.len()).sum())?;
    for piece in pieces {
        copy.extend_from_slice(piece);
    }
    Ok(copy.into())
}
