//! Which Python function runs: from a thread state to a code object.

use crate::layout::{Layout, OB_TYPE, Top};
use crate::os;

/// Frames that are looked at: above a function lie at most the markers of an entry from C.
const DEPTH: usize = 4;

/// How memory is read: straight away where it is known to be there, or through the kernel.
pub(crate) trait Read {
    /// A word, if it is there.
    fn word(&self, address: usize) -> Option<usize>;

    /// A byte, if it is there.
    fn byte(&self, address: usize) -> Option<u8>;

    /// A run of bytes, if it is there.
    fn bytes(&self, address: usize, length: usize) -> Option<Vec<u8>>;
}

/// Reads what the caller knows to be there.
pub(crate) struct Direct(());

impl Direct {
    /// # Safety
    /// The calling thread dropped the GIL and has its mutex still, so that its own frames, code
    /// objects and their texts stay as they are; and the layout has been checked on this interpreter.
    pub(crate) unsafe fn new() -> Self {
        Self(())
    }
}

impl Read for Direct {
    #[inline]
    fn word(&self, address: usize) -> Option<usize> {
        // SAFETY: `new`; addresses come from structures of the interpreter, and null ends the way.
        // Some words begin in the middle of one: a line's number and its neighbour.
        (address > 4096).then(|| unsafe { (address as *const usize).read_unaligned() })
    }

    #[inline]
    fn byte(&self, address: usize) -> Option<u8> {
        // SAFETY: as above.
        (address > 4096).then(|| unsafe { *(address as *const u8) })
    }

    fn bytes(&self, address: usize, length: usize) -> Option<Vec<u8>> {
        // SAFETY: as above; the length is that of the text object there.
        (address > 4096)
            .then(|| unsafe { std::slice::from_raw_parts(address as *const u8, length) }.to_vec())
    }
}

/// Reads memory that may change or go at any moment.
pub(crate) struct Careful;

impl Read for Careful {
    fn word(&self, address: usize) -> Option<usize> {
        let mut bytes = [0; size_of::<usize>()];
        os::read_memory(address, &mut bytes).ok()?;
        Some(usize::from_ne_bytes(bytes))
    }

    fn byte(&self, address: usize) -> Option<u8> {
        let mut byte = [0];
        os::read_memory(address, &mut byte).ok()?;
        Some(byte[0])
    }

    fn bytes(&self, address: usize, length: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; length];
        os::read_memory(address, &mut bytes).ok()?;
        Some(bytes)
    }
}

/// The code object of the innermost Python frame of a thread.
#[inline]
pub(crate) fn running_code(
    thread_state: usize,
    code_type: usize,
    layout: &Layout,
    memory: &impl Read,
) -> Option<usize> {
    if thread_state == 0 {
        return None;
    }
    let mut frame = match layout.thread.top {
        Top::CFrame {
            cframe,
            current_frame,
        } => memory.word(memory.word(thread_state + cframe)? + current_frame)?,
        Top::Direct(current_frame) => memory.word(thread_state + current_frame)?,
    };
    for _ in 0..DEPTH {
        if frame == 0 {
            return None;
        }
        let is_marker = match layout.frame.markers_from {
            Some(first) => memory.byte(frame + layout.frame.owner)? >= first,
            None => false,
        };
        if !is_marker {
            let code = memory.word(frame + layout.frame.code)? & layout.frame.pointer_bits;
            if code != 0 && memory.word(code + OB_TYPE)? == code_type {
                return Some(code);
            }
        }
        frame = memory.word(frame + layout.frame.previous)?;
    }
    None
}

/// What tells a code object from another one that later came to lie at its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    pub(crate) code: usize,
    name: usize,
    line: u32,
}

impl Identity {
    pub(crate) const NONE: Self = Self {
        code: 0,
        name: 0,
        line: 0,
    };

    #[inline]
    pub(crate) fn of(code: usize, layout: &Layout, memory: &impl Read) -> Option<Self> {
        Some(Self {
            code,
            name: memory.word(code + layout.code.qualname)?,
            // The word also holds its neighbour; the line is its lower half on the machines we run on.
            line: memory.word(code + layout.code.first_line)? as u32,
        })
    }

    pub(crate) fn line(&self) -> u32 {
        self.line
    }

    /// Copies the names out.
    pub(crate) fn names(&self, layout: &Layout, memory: &impl Read) -> Option<(String, String)> {
        let file = memory.word(self.code + layout.code.filename)?;
        Some((
            text(self.name, layout, memory)?,
            text(file, layout, memory)?,
        ))
    }
}

/// Longest name that is copied whole, in characters.
const LONGEST: usize = 4096;

/// The text of a compact `str`.
fn text(address: usize, layout: &Layout, memory: &impl Read) -> Option<String> {
    const COMPACT: u32 = 1 << 5;
    const ASCII: u32 = 1 << 6;
    let length = memory.word(address + layout.text.length)?.min(LONGEST);
    let state = memory.word(address + layout.text.state)? as u32;
    let width = (state >> 2 & 7) as usize;
    if state & COMPACT == 0 || !matches!(width, 1 | 2 | 4) {
        return None;
    }
    let start = if state & ASCII == 0 {
        layout.text.wide
    } else {
        layout.text.ascii
    };
    let bytes = memory.bytes(address + start, length * width)?;
    let characters = bytes.chunks_exact(width).map(|character| {
        let number = character
            .iter()
            .rev()
            .fold(0, |number, byte| number << 8 | u32::from(*byte));
        char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER)
    });
    Some(characters.collect())
}
