//! A piece of shared memory: a sealed memfd, mapped, known by its random cookie. It has no name in
//! the file system and ends with the last process that maps it.
#![allow(unsafe_code)]

use crate::error::Error;
use rustix::fs::{MemfdFlags, SealFlags};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::ptr::NonNull;

/// Bytes of the page that a segment begins with.
pub(crate) const PREAMBLE: usize = 4096;
const MAGIC: u64 = u64::from_ne_bytes(*b"ungilsy1");

/// The first bytes of a segment; written before anybody else can see it, never changed.
#[repr(C)]
struct Preamble {
    magic: u64,
    cookie: u64,
    bytes: u64,
    /// The creator's process and its descriptor: a second place to look for the memory.
    origin: Origin,
    holds: Holds,
}

/// Where a descriptor of the memory can be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Origin {
    /// A process that has it open.
    pub pid: u32,
    /// The number of the descriptor there.
    pub fd: i32,
}

/// What a segment is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Holds(u32);

impl Holds {
    /// One large object.
    pub(crate) const ONE: Self = Self(0);
    /// Many small objects and a wait table.
    pub(crate) const MANY: Self = Self(1);
}

/// Shared memory in this process.
#[derive(Debug)]
pub(crate) struct Segment {
    memory: NonNull<u8>,
    bytes: usize,
    cookie: u64,
    origin: Origin,
    holds: Holds,
    fd: OwnedFd,
}

// SAFETY: the memory is only reached through atomics, or under a lock in it; see `Block`.
unsafe impl Send for Segment {}
// SAFETY: as above.
unsafe impl Sync for Segment {}

impl Segment {
    /// New zeroed memory of at least `bytes` after the preamble. Pages cost memory once they are
    /// touched.
    pub(crate) fn create(bytes: usize, holds: Holds) -> Result<Self, Error> {
        let failed = |source: io::Error| Error::Create {
            bytes: bytes as u64,
            source,
        };
        let total = (bytes + PREAMBLE).next_multiple_of(4096);
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let fd = rustix::fs::memfd_create("ungil.sync", flags).map_err(|e| failed(e.into()))?;
        rustix::fs::ftruncate(&fd, total as u64).map_err(|e| failed(e.into()))?;
        let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
        rustix::fs::fcntl_add_seals(&fd, seals).map_err(|e| failed(e.into()))?;
        let cookie = random().map_err(failed)?;
        let memory = map(&fd, total).map_err(failed)?;
        let origin = Origin {
            pid: std::process::id(),
            fd: fd.as_raw_fd(),
        };
        let preamble = Preamble {
            magic: MAGIC,
            cookie,
            bytes: total as u64,
            origin,
            holds,
        };
        // SAFETY: fresh, page-aligned memory of more than a page that nobody else has seen.
        unsafe { memory.cast::<Preamble>().write(preamble) };
        Ok(Self {
            memory,
            bytes: total,
            cookie,
            origin,
            holds,
            fd,
        })
    }

    /// Maps another process's memory; refuses what is not sealed and signed as ours.
    pub(crate) fn open(fd: OwnedFd) -> Result<Self, Error> {
        let foreign = || Error::Foreign { fd: fd.as_raw_fd() };
        let seals = rustix::fs::fcntl_get_seals(&fd).map_err(|_| foreign())?;
        let size = rustix::fs::fstat(&fd).map_err(|_| foreign())?.st_size;
        let bytes = usize::try_from(size).map_err(|_| foreign())?;
        if !seals.contains(SealFlags::SHRINK | SealFlags::GROW) || bytes < PREAMBLE {
            return Err(foreign());
        }
        let memory = map(&fd, bytes).map_err(|source| Error::Create {
            bytes: bytes as u64,
            source,
        })?;
        // SAFETY: at least a page, which cannot shrink, and whose preamble never changes.
        let preamble = unsafe { memory.cast::<Preamble>().read() };
        let Preamble {
            cookie,
            origin,
            holds,
            ..
        } = preamble;
        let segment = Self {
            memory,
            bytes,
            cookie,
            origin,
            holds,
            fd,
        };
        if preamble.magic != MAGIC || preamble.bytes != bytes as u64 {
            return Err(Error::Foreign {
                fd: segment.fd.as_raw_fd(),
            });
        }
        Ok(segment)
    }

    /// What tells this memory from any other.
    pub(crate) fn cookie(&self) -> u64 {
        self.cookie
    }

    /// Where its creator has it open.
    pub(crate) fn origin(&self) -> Origin {
        self.origin
    }

    /// What it is for.
    pub(crate) fn holds(&self) -> Holds {
        self.holds
    }

    /// Its size with the preamble.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Its descriptor in this process.
    pub(crate) fn descriptor(&self) -> RawFd {
        self.fd.as_fd().as_raw_fd()
    }

    /// The address in this process of what lies at `offset`.
    pub(crate) fn at(&self, offset: usize) -> NonNull<u8> {
        assert!(offset < self.bytes, "offset outside of the segment");
        // SAFETY: inside the mapping.
        unsafe { self.memory.add(offset) }
    }

    /// Gives pages back to the kernel; they read as zero afterwards.
    pub(crate) fn discard(&self, offset: usize, length: usize) {
        let from = offset.next_multiple_of(4096);
        let to = (offset + length) & !4095;
        if from < to && to <= self.bytes {
            // SAFETY: whole pages inside the mapping that the caller says nobody needs. A refusal
            // only costs memory.
            unsafe { libc::madvise(self.at(from).as_ptr().cast(), to - from, libc::MADV_REMOVE) };
        }
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        // SAFETY: the mapping that `map` made; whoever uses it holds an `Arc` of this segment.
        unsafe { libc::munmap(self.memory.as_ptr().cast(), self.bytes) };
    }
}

fn map(fd: &OwnedFd, bytes: usize) -> io::Result<NonNull<u8>> {
    // SAFETY: a new mapping at an address of the kernel's choice.
    let address = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            bytes,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED | libc::MAP_NORESERVE,
            fd.as_raw_fd(),
            0,
        )
    };
    if address == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(address.cast()).ok_or_else(|| io::Error::other("mapped at address zero"))
}

/// A random number that is not zero.
pub(crate) fn random() -> io::Result<u64> {
    let mut bytes = [0; 8];
    loop {
        rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
        let number = u64::from_ne_bytes(bytes);
        if number != 0 {
            return Ok(number);
        }
    }
}
