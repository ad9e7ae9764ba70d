//! Where `CPython` keeps what the tracer reads: one file per version, chosen once.
//!
//! Only reading happens with these offsets. [`Layout::of`] names a layout; whether the running
//! interpreter really has it is checked by the tracer before anything is read without a net.

mod v3_11;
mod v3_12;
mod v3_13;
mod v3_14;
mod v3_15;

/// Offsets in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) gil: Gil,
    pub(crate) thread: Thread,
    pub(crate) frame: Frame,
    pub(crate) code: Code,
    pub(crate) text: Text,
}

/// `struct _gil_runtime_state`; the same in every version so far, in builds with a GIL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gil {
    pub(crate) last_holder: usize,
    pub(crate) locked: usize,
    pub(crate) cond: usize,
    pub(crate) switch_cond: usize,
}

pub(crate) const GIL: Gil = Gil {
    last_holder: 8,
    locked: 16,
    cond: 32,
    switch_cond: 120,
};

/// `PyThreadState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Thread {
    pub(crate) native_thread_id: usize,
    pub(crate) top: Top,
}

/// How to come from a thread state to its innermost frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Top {
    /// By way of a structure on the C stack: `tstate->cframe->current_frame`.
    CFrame { cframe: usize, current_frame: usize },
    /// `tstate->current_frame`.
    Direct(usize),
}

/// `_PyInterpreterFrame`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) code: usize,
    pub(crate) previous: usize,
    pub(crate) owner: usize,
    /// From this owner on, frames only mark an entry from C.
    pub(crate) markers_from: Option<u8>,
    /// Bits of the code pointer that are the pointer.
    pub(crate) pointer_bits: usize,
}

/// `PyCodeObject`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code {
    pub(crate) first_line: usize,
    pub(crate) filename: usize,
    pub(crate) qualname: usize,
}

/// `PyUnicodeObject`, compact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) length: usize,
    pub(crate) state: usize,
    /// Where the characters of an ASCII text begin.
    pub(crate) ascii: usize,
    /// Where those of any other text begin.
    pub(crate) wide: usize,
}

/// `ob_type` of any object, in builds with a GIL.
pub(crate) const OB_TYPE: usize = 8;

impl Layout {
    /// The layout of a version; `None` for one that nobody has looked at yet.
    pub(crate) fn of(major: u8, minor: u8) -> Option<&'static Self> {
        match (major, minor) {
            (3, 11) => Some(&v3_11::LAYOUT),
            (3, 12) => Some(&v3_12::LAYOUT),
            (3, 13) => Some(&v3_13::LAYOUT),
            (3, 14) => Some(&v3_14::LAYOUT),
            (3, 15) => Some(&v3_15::LAYOUT),
            _ => None,
        }
    }
}
