//! `CPython` 3.12.

use super::{Code, Frame, GIL, Gils, Interpreters, Layout, Text, Thread, Top};

pub(super) const LAYOUT: Layout = Layout {
    gil: GIL,
    thread: Thread {
        native_thread_id: 144,
        top: Top::CFrame {
            cframe: 56,
            current_frame: 0,
        },
    },
    frame: Frame {
        code: 0,
        previous: 8,
        owner: 70,
        markers_from: Some(3),
        pointer_bits: usize::MAX,
    },
    code: CODE,
    text: TEXT,
    gils: Gils::Interpreters(Interpreters {
        head: 40,
        next: 0,
        gil: 384,
    }),
    attach: None,
};

/// The same in 3.13.
pub(super) const CODE: Code = Code {
    first_line: 68,
    filename: 112,
    qualname: 128,
};

/// The same in 3.13.
pub(super) const TEXT: Text = Text {
    length: 16,
    state: 32,
    ascii: 40,
    wide: 56,
};
