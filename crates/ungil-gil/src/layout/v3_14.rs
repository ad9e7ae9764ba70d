//! `CPython` 3.14.

use super::v3_12::{CODE, TEXT};
use super::{Attach, Frame, GIL, Gils, Interpreters, Layout, Thread, Top};

pub(super) const LAYOUT: Layout = Layout {
    gil: GIL,
    thread: Thread {
        native_thread_id: 160,
        top: Top::Direct(72),
    },
    frame: FRAME,
    code: CODE,
    text: TEXT,
    gils: TABLE,
    attach: Some(Attach {
        main_thread: 80,
        eval_breaker: 712,
    }),
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

/// The same in 3.15.
pub(super) const TABLE: Gils = Gils::Table(Interpreters {
    head: 40,
    next: 64,
    gil: 120,
});
