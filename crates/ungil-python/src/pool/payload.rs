//! What is copied into shared memory with a call or an answer: large pieces, where they belong
//! in its head, and buffers beside it.

use pyo3::buffer::PyUntypedBuffer;
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::codec;

/// Pickle's frames are smaller than this: a longer piece is the contents of one object.
const LONGEST_FRAME: usize = 256 << 10;

/// A large piece, where its object has it.
pub(super) enum Piece<'py> {
    Buffer(PyUntypedBuffer),
    /// Its UTF-8, which has been asked for before, and so is there.
    Text(Bound<'py, PyString>),
}

/// An encoded value: a stream in pieces, and the buffers beside it (PEP 574).
pub(super) struct Payload<'py> {
    small: Vec<u8>,
    /// Each with the number of small bytes before it.
    large: Vec<(usize, Piece<'py>)>,
    buffers: Vec<PyUntypedBuffer>,
    /// The pickler: long strings are pieces too, and only its memo keeps them.
    _memo: Option<Bound<'py, PyAny>>,
}

impl<'py> Payload<'py> {
    pub(super) fn new(
        small: Vec<u8>,
        large: Vec<(usize, Piece<'py>)>,
        buffers: Vec<PyUntypedBuffer>,
        memo: Option<Bound<'py, PyAny>>,
    ) -> Self {
        Self {
            small,
            large,
            buffers,
            _memo: memo,
        }
    }

    /// Large pieces of a head that is written already.
    pub(super) fn of_pieces(large: Vec<(usize, Piece<'py>)>) -> Self {
        Self::new(Vec::new(), large, Vec::new(), None)
    }

    /// Appends the small pieces to a head; [`Payload::pieces`] has the large ones.
    /// `MemoryError` where there is no room for them.
    pub(super) fn put(&mut self, head: &mut Vec<u8>) -> PyResult<()> {
        for (at, _) in &mut self.large {
            *at += head.len();
        }
        codec::append(head, &std::mem::take(&mut self.small))
    }

    /// The head that [`Payload::put`] has written into, with the large pieces in their places.
    pub(super) fn pieces<'a>(&'a self, head: &'a [u8]) -> Vec<&'a [u8]> {
        let mut pieces = Vec::with_capacity(2 * self.large.len() + 1);
        let mut from = 0;
        for (at, piece) in &self.large {
            pieces.push(&head[from..*at]);
            pieces.push(piece.bytes());
            from = *at;
        }
        pieces.push(&head[from..]);
        pieces
    }

    /// The buffers' bytes, where the objects have them.
    pub(super) fn buffers(&self) -> Vec<&[u8]> {
        self.buffers.iter().map(bytes_of).collect()
    }

    /// The stream in one piece, if there is nothing beside it; before [`Payload::put`].
    pub(super) fn whole(&self) -> Option<Vec<u8>> {
        let alone = self.buffers.is_empty();
        alone.then(|| self.pieces(&self.small).concat())
    }

    /// Whether it may refer to something in the main module; before [`Payload::put`].
    pub(super) fn mentions_main(&self) -> bool {
        let frames = self.large.iter().map(|(_, piece)| piece.bytes());
        mentions_main(&self.small)
            || frames
                .filter(|piece| piece.len() < LONGEST_FRAME)
                .any(mentions_main)
    }
}

impl Piece<'_> {
    /// Where its bytes lie.
    pub(super) fn start(&self) -> *const u8 {
        self.bytes().as_ptr()
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Buffer(buffer) => bytes_of(buffer),
            Self::Text(text) => text.to_str().map_or(&[], str::as_bytes),
        }
    }
}

/// Whether a pickle may refer to something in the main module.
pub(super) fn mentions_main(pickle: &[u8]) -> bool {
    memchr::memmem::find(pickle, b"__main__").is_some()
}

/// The bytes of a buffer, which stay where they are while it lives.
pub(super) fn bytes_of(buffer: &PyUntypedBuffer) -> &[u8] {
    let len = buffer.len_bytes();
    if len == 0 {
        return &[];
    }
    // SAFETY: contiguous (it comes from `PickleBuffer.raw()`, a pickler, bytes or a bytearray),
    // and exported to us. A pickler's piece of a string is kept by the pickler's memo.
    unsafe { std::slice::from_raw_parts(buffer.buf_ptr().cast(), len) }
}
