//! `CPython` 3.13.

use super::v3_12::{CODE, TEXT};
use super::{Frame, GIL, Gils, Interpreters, Layout, Thread, Top};

pub(super) const LAYOUT: Layout = Layout {
    gil: GIL,
    thread: Thread {
        native_thread_id: 160,
        top: Top::Direct(72),
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
    gils: Gils::Table(Interpreters {
        head: 40,
        next: 64,
        gil: 112,
    }),
    attach: None,
};
