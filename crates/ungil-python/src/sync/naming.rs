//! Threads and tasks by the names that their owner gave them.

use pyo3::prelude::*;
use ungil_sync::identity::Owner;
use ungil_sync::thread;

/// "thread 'Name' (tid 12, process 12)": Python's name for a thread of this process, the kernel's
/// for another's.
pub(crate) fn name(py: Python<'_>, owner: Owner) -> String {
    let tid = owner.tid();
    match thread::describe(owner) {
        None => format!("a thread that has ended (tid {tid})"),
        Some(found) if found.pid == std::process::id() => {
            let name = python_name(py, tid).unwrap_or(found.name);
            format!("thread '{name}' (tid {tid}, process {})", found.pid)
        }
        Some(found) => format!("thread '{}' (tid {tid}, process {})", found.name, found.pid),
    }
}

fn python_name(py: Python<'_>, tid: u32) -> Option<String> {
    let threads = py
        .import("threading")
        .ok()?
        .call_method0("enumerate")
        .ok()?;
    threads.try_iter().ok()?.flatten().find_map(|thread| {
        let native: u32 = thread.getattr("native_id").ok()?.extract().ok()?;
        (native == tid).then(|| thread.getattr("name").ok()?.extract().ok())?
    })
}

/// "task 'Name' of thread ...".
pub(crate) fn task_name(task: &Bound<'_, PyAny>, owner: Owner) -> String {
    let name = task
        .call_method0("get_name")
        .and_then(|name| name.extract::<String>());
    let name = name.unwrap_or_else(|_| "?".to_owned());
    format!("task '{name}' of {}", self::name(task.py(), owner))
}
