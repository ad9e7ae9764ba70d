//! How sentences call the kinds of workers. Unknown kinds get their own name.

use crate::comparison::SERIAL;

/// (kind, one worker, several workers)
const NAMES: &[(&str, &str, &str)] = &[
    ("thread", "thread", "threads"),
    ("process", "process", "processes"),
    ("interpreter", "interpreter", "interpreters"),
    ("native", "native thread", "native threads"),
    ("dask", "Dask worker", "Dask workers"),
    ("ray", "Ray worker", "Ray workers"),
];

/// The kind in the plural: `processes`.
pub fn plural(kind: &str) -> String {
    NAMES.iter().find(|(name, ..)| *name == kind).map_or_else(
        || format!("{kind} workers"),
        |(_, _, many)| (*many).to_owned(),
    )
}

/// So many of them: `4 processes`, `1 thread`, `the plain loop`.
pub fn workers(kind: &str, count: usize) -> String {
    if kind == SERIAL {
        return "the plain loop".to_owned();
    }
    if count != 1 {
        return format!("{count} {}", plural(kind));
    }
    NAMES.iter().find(|(name, ..)| *name == kind).map_or_else(
        || format!("1 {kind} worker"),
        |(_, one, _)| format!("1 {one}"),
    )
}
