//! Another process and its threads, from `/proc`.

use std::fs::{self, File};
use std::mem::MaybeUninit;
use std::os::unix::fs::FileExt;

/// Whether there is a process, or a thread, of this number.
pub(crate) fn exists(pid: u32) -> bool {
    fs::exists(format!("/proc/{pid}")).unwrap_or(false)
}

/// CPU time of the calling thread, nanoseconds.
pub(crate) fn thread_cpu_ns() -> u64 {
    let mut time = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: the clock exists on every Linux and the call then fills the structure.
    let time = unsafe {
        libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, time.as_mut_ptr());
        time.assume_init()
    };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// A thread of a process.
pub(crate) struct Task {
    /// Its number as we see it.
    pub(crate) tid: u32,
    /// Its number as the process itself sees it: another one where that runs in a container.
    pub(crate) inner_tid: u32,
    /// The kernel's name of it.
    pub(crate) name: String,
    syscall: Option<File>,
}

impl Task {
    /// The numbers of the threads that a process has now; empty if there is no process any more.
    pub(crate) fn numbers(pid: u32) -> Vec<u32> {
        let Ok(entries) = fs::read_dir(format!("/proc/{pid}/task")) else {
            return Vec::new();
        };
        let name = |entry: fs::DirEntry| entry.file_name().to_str()?.parse().ok();
        entries.flatten().filter_map(name).collect()
    }

    /// One of them; `None` if it has just ended.
    pub(crate) fn open(pid: u32, tid: u32) -> Option<Self> {
        let folder = format!("/proc/{pid}/task/{tid}");
        let status = fs::read_to_string(format!("{folder}/status")).ok()?;
        let inner = status
            .lines()
            .find_map(|line| line.strip_prefix("NSpid:"))
            .and_then(|numbers| numbers.split_whitespace().next_back()?.parse().ok());
        let name = fs::read(format!("{folder}/comm")).ok()?;
        Some(Self {
            tid,
            inner_tid: inner.unwrap_or(tid),
            name: String::from_utf8_lossy(&name).trim_end().to_owned(),
            syscall: File::open(format!("{folder}/syscall")).ok(),
        })
    }

    /// The address of the futex that the thread sleeps on at this moment, if it does on one.
    pub(crate) fn futex(&self) -> Option<usize> {
        let mut text = [0; 192];
        let length = self.syscall.as_ref()?.read_at(&mut text, 0).ok()?;
        let mut words = std::str::from_utf8(&text[..length]).ok()?.split(' ');
        if words.next()?.parse() != Ok(libc::SYS_futex) {
            return None; // another call, or `running`
        }
        usize::from_str_radix(words.next()?.strip_prefix("0x")?, 16).ok()
    }
}
