//! What sentences and rules know of the kinds of workers. Unknown kinds get their own name.

use crate::comparison::SERIAL;

struct Known {
    kind: &'static str,
    one: &'static str,
    many: &'static str,
    /// A task shorter than this can cost more to hand over than to do, seconds: several round trips.
    short_task_s: f64,
    /// Whether workers may be on other machines, which is what their overhead is for.
    is_distributed: bool,
    /// Whether its workers run other code than the plain loop, which may be faster by any factor.
    is_compiled: bool,
}

impl Known {
    const fn new(
        kind: &'static str,
        one: &'static str,
        many: &'static str,
        short_task_s: f64,
    ) -> Self {
        Self {
            kind,
            one,
            many,
            short_task_s,
            is_distributed: false,
            is_compiled: false,
        }
    }

    const fn compiled(self) -> Self {
        Self {
            is_compiled: true,
            ..self
        }
    }

    const fn distributed(self) -> Self {
        Self {
            is_distributed: true,
            ..self
        }
    }
}

const SHORT_TASK_S: f64 = 500e-6;

const KINDS: &[Known] = &[
    Known::new("thread", "thread", "threads", SHORT_TASK_S),
    Known::new("interpreter", "interpreter", "interpreters", 1.5e-3),
    Known::new("process", "process", "processes", SHORT_TASK_S),
    Known::new("native", "native thread", "native threads", SHORT_TASK_S).compiled(),
    Known::new("dask", "Dask worker", "Dask workers", 10e-3).distributed(),
    Known::new("ray", "Ray worker", "Ray workers", 10e-3).distributed(),
];

fn known(kind: &str) -> Option<&'static Known> {
    KINDS.iter().find(|known| known.kind == kind)
}

/// The kind in the plural: `processes`.
pub fn plural(kind: &str) -> String {
    known(kind).map_or_else(|| format!("{kind} workers"), |known| known.many.to_owned())
}

/// So many of them: `4 processes`, `1 thread`, `the plain loop`.
pub fn workers(kind: &str, count: usize) -> String {
    if kind == SERIAL {
        return "the plain loop".to_owned();
    }
    if count != 1 {
        return format!("{count} {}", plural(kind));
    }
    known(kind).map_or_else(
        || format!("1 {kind} worker"),
        |known| format!("1 {}", known.one),
    )
}

/// A task shorter than this can cost more to hand over to such a worker than to do, seconds.
pub(super) fn short_task_s(kind: &str) -> f64 {
    known(kind).map_or(SHORT_TASK_S, |known| known.short_task_s)
}

/// Whether such workers may be on other machines.
pub(super) fn is_distributed(kind: &str) -> bool {
    known(kind).is_some_and(|known| known.is_distributed)
}

/// Whether such workers run other code than the plain loop.
pub(super) fn is_compiled(kind: &str) -> bool {
    known(kind).is_some_and(|known| known.is_compiled)
}
