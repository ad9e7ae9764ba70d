//! The calling thread's [`Owner`], and what `/proc` knows about another's.
#![allow(unsafe_code)]

use crate::identity::Owner;
use std::cell::Cell;

thread_local! {
    static ME: Cell<u64> = const { Cell::new(0) };
}

/// The calling thread. Costs a thread-local read; the first call of a thread asks the kernel.
#[inline]
pub fn me() -> Owner {
    match Owner::from_bits(ME.get()) {
        Some(owner) => owner,
        None => introduce(),
    }
}

#[cold]
fn introduce() -> Owner {
    crate::fork::watch();
    let tid = rustix::thread::gettid()
        .as_raw_nonzero()
        .get()
        .unsigned_abs();
    let owner = Owner::new(tid, tenths_since_boot());
    ME.set(owner.bits());
    owner
}

/// In a forked child the one thread has a new number.
pub(crate) fn forget_me() {
    ME.set(0);
}

fn tenths_since_boot() -> u32 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    (now.tv_sec as u64 * 10 + now.tv_nsec as u64 / 100_000_000) as u32
}

/// Whether this thread has ended: no such number, a zombie, or a number that now belongs to a later
/// thread.
pub fn is_dead(owner: Owner) -> bool {
    if owner == me() {
        return false;
    }
    // SAFETY: signal 0 only asks whether the thread number exists.
    let outcome = unsafe { libc::syscall(libc::SYS_tkill, owner.tid(), 0) };
    if outcome != 0 && std::io::Error::last_os_error().raw_os_error() == Some(libc::ESRCH) {
        return true;
    }
    match std::fs::read_to_string(format!("/proc/{}/stat", owner.tid())) {
        Ok(stat) => is_ended(&stat, owner).unwrap_or(false),
        Err(error) => {
            error.kind() == std::io::ErrorKind::NotFound
                && std::path::Path::new("/proc/self/stat").exists()
        }
    }
}

/// Fields 3 (state) and 22 (start, in clock ticks since boot) of `/proc/<tid>/stat`, see proc(5).
/// The name in field 2 may hold spaces and parentheses; the last `)` ends it.
fn is_ended(stat: &str, owner: Owner) -> Option<bool> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?;
    let started: u64 = fields.nth(18)?.parse().ok()?;
    let tenths = (started * 10 / ticks_per_second()) as u32;
    let later = owner.since().wrapping_sub(tenths).cast_signed() < 0;
    Some(matches!(state, "Z" | "X" | "x") || later)
}

fn ticks_per_second() -> u64 {
    rustix::param::clock_ticks_per_second().max(1)
}

/// A thread as `/proc` describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Its process.
    pub pid: u32,
    /// Its number.
    pub tid: u32,
    /// The name that the kernel keeps for it (at most 15 bytes).
    pub name: String,
}

/// What `/proc` says about a thread; `None` when it has ended.
pub fn describe(owner: Owner) -> Option<Description> {
    if is_dead(owner) {
        return None;
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", owner.tid())).ok()?;
    let field = |key: &str| {
        status
            .lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix(':').map(str::trim))
    };
    Some(Description {
        pid: field("Tgid")?.parse().ok()?,
        tid: owner.tid(),
        name: field("Name")?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_thread_lives_and_a_joined_one_is_dead() {
        let (send, receive) = std::sync::mpsc::channel();
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            send.send(me()).unwrap();
            wait.recv().ok();
        });
        let other = receive.recv().unwrap();
        assert!(!is_dead(other));
        assert_eq!(describe(other).unwrap().pid, std::process::id());
        go.send(()).unwrap();
        thread.join().unwrap();
        // The kernel may need a moment after join: the futex of join is cleared before the number
        // is freed.
        for _ in 0..1000 {
            if is_dead(other) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        panic!("a joined thread never died");
    }

    #[test]
    fn a_number_taken_over_by_a_later_thread_is_not_its_old_owner() {
        let early = Owner::new(me().tid(), 1);
        assert!(
            is_ended(
                &std::fs::read_to_string("/proc/thread-self/stat").unwrap(),
                early
            )
            .unwrap()
        );
        assert!(
            !is_ended(
                &std::fs::read_to_string("/proc/thread-self/stat").unwrap(),
                me()
            )
            .unwrap()
        );
    }

    #[test]
    fn a_zombie_is_dead_whatever_its_name() {
        let stat = "42 (a) Z (b) Z 1 1 1 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 100 0 0";
        assert_eq!(is_ended(stat, Owner::new(42, 50)), Some(true));
        let alive = stat.replace(") Z 1", ") S 1");
        assert_eq!(is_ended(&alive, Owner::new(42, 50)), Some(false));
    }
}
