//! `CPython` 3.14.

use super::v3_12::{CODE, TEXT};
use super::{Frame, GIL, Layout, Thread, Top};

pub(super) const LAYOUT: Layout = Layout {
    gil: GIL,
    thread: Thread {
        native_thread_id: 160,
        top: Top::Direct(72),
    },
    frame: FRAME,
    code: CODE,
    text: TEXT,
};

/// The same in 3.15.
pub(super) const FRAME: Frame = Frame {
    code: 0,
    previous: 8,
    owner: 74,
    markers_from: Some(3),
    // The lowest two tell what kind of reference it is.
    pointer_bits: !3,
};
