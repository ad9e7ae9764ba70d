//! The file that a pickler writes into: large pieces stay where they are until they are copied,
//! once, into shared memory.
//!
//! A pickler with a file hands bytes, bytearrays and the like of 64 KiB and more to `write` as
//! they are (PEP 574 and pickle's framing), and everything else in frames of about that size.

use std::sync::{Mutex, PoisonError};

use pyo3::buffer::PyUntypedBuffer;
use pyo3::prelude::*;

use crate::once::name;

/// From this size on a piece is not copied together with its neighbours.
const LARGE: usize = 32 << 10;
/// Pickle's frames are smaller than this: a longer piece is the contents of one object.
const LONGEST_FRAME: usize = 256 << 10;

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

/// A pickle: the stream, in pieces, and the buffers beside it (PEP 574).
pub(super) struct Pickle<'py> {
    parts: Gathered,
    /// Long strings are pieces too, and only the pickler's memo keeps them.
    _pickler: Bound<'py, PyAny>,
}

#[pymethods]
impl Gather {
    fn write(&self, data: &Bound<'_, PyAny>) -> PyResult<()> {
        let piece = PyUntypedBuffer::get(data)?;
        let mut parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if piece.len_bytes() < LARGE {
            let Gathered { small, .. } = &mut *parts;
            small.extend_from_slice(bytes_of(&piece));
        } else {
            let at = parts.small.len();
            parts.large.push((at, piece));
        }
        Ok(())
    }

    /// Forgets everything, for another pickler's try.
    fn reset(&self) {
        let mut parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let forgotten = std::mem::take(&mut *parts);
        drop(parts);
        drop(forgotten);
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
    /// What has been written, by a pickler that is done.
    pub(super) fn finish<'py>(gather: &Bound<'py, Self>, pickler: Bound<'py, PyAny>) -> Pickle<'py> {
        let mut parts = gather.get().0.lock().unwrap_or_else(PoisonError::into_inner);
        Pickle {
            parts: std::mem::take(&mut *parts),
            _pickler: pickler,
        }
    }
}

impl Pickle<'_> {
    /// Appends the stream's small pieces to a head; [`Pickle::pieces`] has the large ones.
    pub(super) fn put(&mut self, head: &mut Vec<u8>) {
        for (at, _) in &mut self.parts.large {
            *at += head.len();
        }
        head.append(&mut self.parts.small);
    }

    /// The head that [`Pickle::put`] has written into, with the large pieces in their places.
    pub(super) fn pieces<'a>(&'a self, head: &'a [u8]) -> Vec<&'a [u8]> {
        let mut pieces = Vec::with_capacity(2 * self.parts.large.len() + 1);
        let mut from = 0;
        for (at, piece) in &self.parts.large {
            pieces.push(&head[from..*at]);
            pieces.push(bytes_of(piece));
            from = *at;
        }
        pieces.push(&head[from..]);
        pieces
    }

    /// The buffers' bytes, where the objects have them.
    pub(super) fn buffers(&self) -> Vec<&[u8]> {
        self.parts.buffers.iter().map(bytes_of).collect()
    }

    /// The whole pickle in one piece, if it has nothing beside it; before [`Pickle::put`].
    pub(super) fn whole(&self) -> Option<Vec<u8>> {
        let alone = self.parts.buffers.is_empty();
        alone.then(|| self.pieces(&self.parts.small).concat())
    }

    /// Whether the pickle may refer to something in the main module; before [`Pickle::put`].
    pub(super) fn mentions_main(&self) -> bool {
        let frames = self.parts.large.iter().map(|(_, piece)| bytes_of(piece));
        mentions_main(&self.parts.small)
            || frames
                .filter(|piece| piece.len() < LONGEST_FRAME)
                .any(mentions_main)
    }
}

/// Whether a pickle may refer to something in the main module.
pub(super) fn mentions_main(pickle: &[u8]) -> bool {
    memchr::memmem::find(pickle, b"__main__").is_some()
}

/// The bytes of a buffer, which stay where they are while it lives.
fn bytes_of(buffer: &PyUntypedBuffer) -> &[u8] {
    let len = buffer.len_bytes();
    if len == 0 {
        return &[];
    }
    // SAFETY: contiguous (it comes from `PickleBuffer.raw()` or from a pickler), and exported to
    // us. A pickler's piece of a string is kept by the pickler's memo, see `Pickle`.
    unsafe { std::slice::from_raw_parts(buffer.buf_ptr().cast(), len) }
}
