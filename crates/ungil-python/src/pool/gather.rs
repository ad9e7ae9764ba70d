//! The file that a pickler writes into: large pieces stay where they are until they are copied,
//! once, into shared memory.
//!
//! A pickler with a file hands bytes, bytearrays and the like of 64 KiB and more to `write` as
//! they are (PEP 574 and pickle's framing), and everything else in frames of about that size.

use std::sync::{Mutex, PoisonError};

use pyo3::buffer::PyUntypedBuffer;
use pyo3::prelude::*;

use super::codec;
use super::payload::{Payload, Piece, bytes_of};
use crate::once::name;

/// From this size on a piece is not copied together with its neighbours.
const LARGE: usize = 32 << 10;

/// Collects what a pickler writes.
#[pyclass(frozen, module = "ungil._ungil")]
#[derive(Default)]
pub(crate) struct Gather(Mutex<Gathered>);

#[derive(Default)]
struct Gathered {
    small: Vec<u8>,
    /// The large pieces, each with the length of `small` when it came.
    large: Vec<(usize, PyUntypedBuffer)>,
    /// What travels beside the stream.
    buffers: Vec<PyUntypedBuffer>,
}

#[pymethods]
impl Gather {
    fn write(&self, data: &Bound<'_, PyAny>) -> PyResult<()> {
        let piece = PyUntypedBuffer::get(data)?;
        let mut parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if piece.len_bytes() < LARGE {
            codec::append(&mut parts.small, bytes_of(&piece))?;
        } else {
            let at = parts.small.len();
            parts.large.push((at, piece));
        }
        Ok(())
    }

    /// Forgets everything, for another pickler's try.
    fn reset(&self) {
        drop(self.take());
    }

    /// The pickler's `buffer_callback`. Gives None: the buffer goes out of band.
    fn take_buffer(&self, buffer: &Bound<'_, PyAny>) -> PyResult<()> {
        let raw = buffer.call_method0(name!(buffer.py(), "raw"))?;
        let buffer = PyUntypedBuffer::get(&raw)?;
        let mut parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        parts.buffers.push(buffer);
        Ok(())
    }
}

impl Gather {
    /// What has been written, by a pickler that is done; and whether it is short, so that the
    /// pickler's memo is, too, and need not stay.
    pub(super) fn finish<'py>(
        gather: &Bound<'py, Self>,
        pickler: &Bound<'py, PyAny>,
    ) -> (Payload<'py>, bool) {
        let Gathered {
            small,
            large,
            buffers,
        } = gather.get().take();
        let is_short = large.is_empty() && small.len() < LARGE;
        let pieces = large
            .into_iter()
            .map(|(at, piece)| (at, Piece::Buffer(piece)))
            .collect();
        let memo = (!is_short).then(|| pickler.clone());
        (Payload::new(small, pieces, buffers, memo), is_short)
    }

    fn take(&self) -> Gathered {
        let mut parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *parts)
    }
}
