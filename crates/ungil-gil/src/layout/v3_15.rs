//! `CPython` 3.15.

use super::v3_12::{CODE, TEXT};
use super::v3_14::{FRAME, TABLE};
use super::{Attach, GIL, Layout, Thread, Top};

pub(super) const LAYOUT: Layout = Layout {
    gil: GIL,
    thread: Thread {
        native_thread_id: 184,
        top: Top::Direct(72),
    },
    frame: FRAME,
    code: CODE,
    text: TEXT,
    gils: TABLE,
    attach: Some(Attach {
        main_thread: 80,
        eval_breaker: 840,
    }),
};
