//! A typed reference to an object in shared memory, and its address for other processes.
#![allow(unsafe_code)]

use crate::error::Error;
use crate::fork;
use crate::registry::{self, Place};
use crate::segment::{Holds, Origin, PREAMBLE, Segment, random};
use crate::word::Cell64;
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Before each object: its stamp, and its kind and size.
const HEADER: usize = 16;
/// Larger objects have a segment of their own, which the kernel frees with the last process that
/// uses it.
const LARGEST_SMALL: usize = 4096;
/// The largest object, in bytes.
const LARGEST: usize = 1 << 40;

#[repr(C)]
struct Header {
    /// Random, and zero when there is no object: an old address never finds a new object.
    stamp: Cell64,
    kind: Cell64,
}

/// A type that lives in shared memory.
///
/// # Safety
/// It is `repr(C)` or transparent, made of atomics only (so valid for any bytes), without pointers,
/// and aligned to at most 4096 bytes.
pub unsafe trait Shared: Sync {
    /// Tells it from all other types.
    const KIND: u32;
}

/// A reference to an object in shared memory; cloning it is cheap.
#[derive(Debug)]
pub struct Handle<T> {
    body: NonNull<T>,
    block: Arc<Block>,
    kind: PhantomData<T>,
}

// SAFETY: the body is `Sync`, stays mapped as long as the block, and is never dropped in place.
unsafe impl<T: Shared> Send for Handle<T> {}
// SAFETY: as above.
unsafe impl<T: Shared> Sync for Handle<T> {}

#[derive(Debug)]
struct Block {
    place: Place,
    bytes: usize,
    extra: usize,
    /// Other processes may know it: it was sent, or came from another process.
    shared: AtomicBool,
    forks: u64,
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:x}+{}", self.segment.cookie(), self.offset)
    }
}

/// Where other processes of this user on this machine find an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// Processes that have the memory open.
    pub origins: [Origin; 2],
    /// The memory.
    pub cookie: u64,
    /// The object in it.
    pub offset: u64,
    /// Which object it is that lies there.
    pub stamp: u64,
}

impl<T: Shared> Handle<T> {
    /// A new object, followed by `extra` zeroed bytes.
    pub fn create(value: T, extra: usize) -> Result<Self, Error> {
        let bytes = size_of::<T>()
            .checked_add(extra)
            .filter(|bytes| *bytes <= LARGEST);
        let bytes = bytes.ok_or(Error::TooLarge {
            bytes: extra as u64,
            limit: LARGEST as u64,
        })?;
        let place = if bytes + HEADER <= LARGEST_SMALL && align_of::<T>() <= HEADER {
            registry::allocate(bytes + HEADER)?
        } else {
            let segment = registry::create(bytes, Holds::ONE)?;
            Place {
                segment,
                offset: PREAMBLE - HEADER,
            }
        };
        let stamp = random().map_err(|source| Error::Create {
            bytes: bytes as u64,
            source,
        })?;
        let forks = fork::count();
        let block = Block {
            place,
            bytes,
            extra,
            shared: AtomicBool::new(false),
            forks,
        };
        let body = block.body::<T>();
        // SAFETY: `bytes` bytes that belong to this block alone, aligned for `T`.
        unsafe { body.write(value) };
        if block.place.offset >= PREAMBLE {
            // Room that was used before; a fresh segment is zero without being touched.
            // SAFETY: as above.
            unsafe { body.add(1).cast::<u8>().write_bytes(0, extra) };
        }
        block
            .header()
            .kind
            .store(kind::<T>(extra), Ordering::Relaxed);
        block.header().stamp.store(stamp, Ordering::Release);
        Ok(Self {
            body,
            block: Arc::new(block),
            kind: PhantomData,
        })
    }

    /// The object at an address that another process sent.
    pub fn attach(address: &Address) -> Result<Self, Error> {
        let segment = registry::find(address.cookie, &address.origins)?;
        let offset = usize::try_from(address.offset).map_err(|_| Error::BadAddress)?;
        let inside = offset
            .checked_add(HEADER)
            .is_some_and(|body| body < segment.bytes());
        if !inside || !offset.is_multiple_of(HEADER) {
            return Err(Error::BadAddress);
        }
        let mut block = Block {
            place: Place { segment, offset },
            bytes: 0,
            extra: 0,
            shared: AtomicBool::new(true),
            forks: fork::count(),
        };
        if block.header().stamp.load(Ordering::Acquire) != address.stamp {
            return Err(Error::Dropped);
        }
        let found = block.header().kind.load(Ordering::Relaxed);
        block.extra = (found >> 16) as usize;
        block.bytes = size_of::<T>() + block.extra;
        let end = offset + HEADER + block.bytes;
        if found != kind::<T>(block.extra) || end > block.place.segment.bytes() {
            return Err(Error::BadAddress);
        }
        Ok(Self {
            body: block.body(),
            block: Arc::new(block),
            kind: PhantomData,
        })
    }

    /// Its address; from now on the object's room is not used again as long as its creator lives.
    pub fn address(&self) -> Address {
        self.block.shared.store(true, Ordering::Relaxed);
        let segment = &self.block.place.segment;
        let here = Origin {
            pid: std::process::id(),
            fd: segment.descriptor(),
        };
        Address {
            origins: [here, segment.origin()],
            cookie: segment.cookie(),
            offset: self.block.place.offset as u64,
            stamp: self.block.header().stamp.load(Ordering::Relaxed),
        }
    }

    /// Bytes behind the object.
    pub fn extra(&self) -> usize {
        self.block.extra
    }

    /// The memory behind the object, valid as long as this handle or a clone of it.
    pub fn extra_memory(&self) -> NonNull<u8> {
        // SAFETY: one past the object is inside the block or its end.
        unsafe { self.body.add(1).cast() }
    }

    /// The memory behind the object as atomics.
    pub fn extra_cells(&self) -> &[Cell64] {
        let count = self.block.extra / size_of::<Cell64>();
        // SAFETY: inside the block, aligned as `T` is made of 64-bit atomics; atomics are valid for
        // any bytes.
        unsafe { std::slice::from_raw_parts(self.extra_memory().cast::<Cell64>().as_ptr(), count) }
    }

    /// Gives whole pages of the memory behind the object back to the kernel; they read as zero
    /// afterwards.
    pub fn discard_extra(&self, from: usize, length: usize) {
        let start = self.block.place.offset + HEADER + size_of::<T>();
        self.block.place.segment.discard(start + from, length);
    }

    /// The memory in which it lies.
    pub(crate) fn segment(&self) -> Arc<Segment> {
        Arc::clone(&self.block.place.segment)
    }

    /// What tells the object from all others in this process: the address of its body.
    pub fn identity(&self) -> usize {
        self.body.as_ptr() as usize
    }
}

impl<T> Clone for Handle<T> {
    fn clone(&self) -> Self {
        Self {
            body: self.body,
            block: Arc::clone(&self.block),
            kind: PhantomData,
        }
    }
}

impl<T: Shared> Deref for Handle<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: mapped as long as `block`; `Shared` types are valid for any bytes and only
        // changed atomically.
        unsafe { self.body.as_ref() }
    }
}

macro_rules! shared {
    ($($type:ty = $kind:literal),+ $(,)?) => {$(
        // SAFETY: `repr(C)`, of 64-bit atomics only, aligned to at most 128 bytes.
        unsafe impl Shared for $type {
            const KIND: u32 = $kind;
        }
    )+};
}

shared! {
    crate::mutex::Mutex = 1,
    crate::semaphore::RawSemaphore = 2,
    crate::condition::RawCondition = 3,
    crate::event::RawEvent = 4,
    crate::barrier::RawBarrier = 5,
    crate::ring::RawQueue = 6,
    crate::cells::RawCells = 7,
}

fn kind<T: Shared>(extra: usize) -> u64 {
    (extra as u64) << 16 | u64::from(T::KIND)
}

impl Block {
    fn header(&self) -> &Header {
        // SAFETY: inside the segment (checked where the block was made), 16-byte aligned, atomics
        // only.
        unsafe {
            self.place
                .segment
                .at(self.place.offset)
                .cast::<Header>()
                .as_ref()
        }
    }

    fn body<T>(&self) -> NonNull<T> {
        self.place.segment.at(self.place.offset + HEADER).cast()
    }
}

impl Drop for Block {
    /// Nobody else can know an object that was never sent and that no child inherited. Any other
    /// stays where it is: its room, small, is given up until the arena's processes end.
    fn drop(&mut self) {
        if *self.shared.get_mut() || self.forks != fork::count() || self.place.offset < PREAMBLE {
            return;
        }
        self.header().stamp.store(0, Ordering::Release);
        registry::release(&self.place, self.bytes + HEADER);
    }
}
