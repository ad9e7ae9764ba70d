//! `CPython` 3.11.

use super::{Code, Frame, GIL, Gils, Layout, Text, Thread, Top};

pub(super) const LAYOUT: Layout = Layout {
    gil: GIL,
    thread: Thread {
        native_thread_id: 160,
        top: Top::CFrame {
            cframe: 56,
            current_frame: 8,
        },
    },
    frame: Frame {
        code: 32,
        previous: 48,
        owner: 69,
        markers_from: None,
        pointer_bits: usize::MAX,
    },
    code: Code {
        first_line: 72,
        filename: 112,
        qualname: 128,
    },
    text: Text {
        length: 16,
        state: 32,
        ascii: 48,
        wide: 72,
    },
    gils: Gils::One(360),
    attach: None,
};
