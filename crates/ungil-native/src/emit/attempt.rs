//! `try`: where something fails in its block, the way does not lead to the function's end but to the handlers, which
//! look at the site that the context names first.

use super::builder::Builder;
use crate::exceptions;
use crate::ir::{Handler, Try};

/// What the context tells of an error, from its details to its sites, in bytes.
const FAILURE: std::ops::Range<usize> = 16..64 + 4 * crate::runtime::TRACE;

impl Builder<'_> {
    pub(super) fn attempt(&mut self, inner: &Try) {
        let [raised, after] = [(); 2].map(|()| self.label());
        self.handlers.push(raised.clone());
        self.statements(&inner.body);
        self.handlers.pop();
        self.statements(&inner.orelse);
        self.jump(&after);
        self.start(&raised);
        let kept = self.alloca(&format!("[{} x i8]", FAILURE.len()));
        self.copy_failure(&kept, true);
        let place = self.let_("getelementptr inbounds i8, ptr %context, i64 64".to_owned());
        let site = self.let_(format!("load i32, ptr {place}"));
        for handler in &inner.handlers {
            let (own, next) = (self.label(), self.label());
            let cases = self.cases(handler, &own);
            match cases {
                None => self.jump(&own),
                Some(cases) => self.push(format!("switch i32 {site}, label %{next} [{cases}]")),
            }
            self.start(&own);
            self.handled.push(kept.clone());
            self.statements(&handler.body);
            self.handled.pop();
            self.jump(&after);
            self.start(&next);
        }
        self.return_failed();
        self.start(&after);
    }

    /// The sites that a handler is for; nothing if it is for all.
    fn cases(&self, handler: &Handler, label: &str) -> Option<String> {
        let classes = handler.classes.as_ref()?;
        let sites = self.program.sites.iter().enumerate();
        let cases = sites.filter_map(|(number, site)| {
            let raised = &site.error.as_ref()?.exception;
            let takes = classes.iter().any(|class| exceptions::is_a(raised, class));
            takes.then(|| format!(" i32 {number}, label %{label}"))
        });
        Some(cases.collect())
    }

    /// Copies what the context tells of an error, out of it or back.
    fn copy_failure(&mut self, kept: &str, out: bool) {
        let place = self.let_(format!(
            "getelementptr inbounds i8, ptr %context, i64 {}",
            FAILURE.start
        ));
        let (to, from) = if out {
            (kept, place.as_str())
        } else {
            (place.as_str(), kept)
        };
        self.push(format!(
            "call void @llvm.memmove.p0.p0.i64(ptr {to}, ptr {from}, i64 {}, i1 false)",
            FAILURE.len()
        ));
    }

    pub(super) fn raise_again(&mut self) {
        let kept = self.handled.last().cloned().unwrap_or_default();
        self.copy_failure(&kept, false);
        self.return_failed();
        let unreachable = self.label();
        self.start(&unreachable);
    }

    /// A block whose errors are not for the innermost handlers.
    pub(super) fn outside(&mut self, levels: usize, block: &[crate::ir::Stmt]) {
        let inner = self.handlers.split_off(self.handlers.len() - levels);
        self.statements(block);
        self.handlers.extend(inner);
    }
}
