//! Where `CPython` keeps what the tracer reads: one file per version, chosen once.
//!
//! Only reading happens with these offsets, but for [`Attach`]. [`Layout::of`] names a layout; whether
//! the interpreter really has it is checked before anything is read without a net.

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
    pub(crate) gils: Gils,
    pub(crate) attach: Option<Attach>,
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

/// How to come from `_PyRuntime` to the GILs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gils {
    /// There is one, inside of `_PyRuntime`.
    One(usize),
    /// `_PyRuntime.interpreters.head`, then for each interpreter `ceval.gil` and `next`.
    Interpreters(Interpreters),
    /// Where these three stand in `_Py_DebugOffsets`, with which `_PyRuntime` begins.
    Table(Interpreters),
}

/// The list of interpreters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interpreters {
    pub(crate) head: usize,
    pub(crate) next: usize,
    pub(crate) gil: usize,
}

/// Where `_Py_DebugOffsets` tells what PEP 768 needs to have the main thread run a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attach {
    /// `interp->threads.main`.
    pub(crate) main_thread: usize,
    /// `tstate->eval_breaker`, followed by the table's other entries on this, in their order.
    pub(crate) eval_breaker: usize,
}

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
