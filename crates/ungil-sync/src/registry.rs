//! The segments that this process has mapped, and the one in which it makes small objects.
#![allow(unsafe_code)]

use crate::detect::TABLE_BYTES;
use crate::error::Error;
use crate::fork;
use crate::segment::{Holds, Origin, PREAMBLE, Segment};
use std::cell::UnsafeCell;
use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

/// Small objects come in multiples of this: two cache lines, because processors fetch them in
/// pairs.
pub(crate) const UNIT: usize = 128;
/// Bytes of an arena; only pages in use cost memory.
const ARENA: usize = 4 << 20;
const FIRST_SLOT: usize = PREAMBLE + TABLE_BYTES;

struct Registry {
    busy: AtomicBool,
    state: UnsafeCell<Option<State>>,
}

// SAFETY: `state` is only reached between `freeze` and `thaw`.
unsafe impl Sync for Registry {}

#[derive(Default)]
struct State {
    mapped: HashMap<u64, Weak<Segment>>,
    arena: Option<Arena>,
}

/// The allocator of this process's own arena. Only its creator allocates in an arena.
struct Arena {
    segment: Arc<Segment>,
    pid: u32,
    next: usize,
    free: HashMap<usize, Vec<usize>>,
}

static REGISTRY: Registry = Registry {
    busy: AtomicBool::new(false),
    state: UnsafeCell::new(None),
};

/// Closes the registry for everybody else, also across a fork.
pub(crate) fn freeze() {
    while REGISTRY
        .busy
        .compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed)
        .is_err()
    {
        std::thread::yield_now();
    }
}

/// Opens it again. After a fork both sides do, each its own copy.
pub(crate) fn thaw() {
    REGISTRY.busy.store(false, Ordering::Release);
}

/// `work` must be short and must not create, attach or drop objects.
fn with<T>(work: impl FnOnce(&mut State) -> T) -> T {
    struct Thaw;
    impl Drop for Thaw {
        fn drop(&mut self) {
            thaw();
        }
    }
    fork::watch();
    freeze();
    let _thaw = Thaw;
    // SAFETY: `freeze` excludes everybody else until `_thaw` is dropped, after the borrow has
    // ended.
    let state = unsafe { &mut *REGISTRY.state.get() };
    work(state.get_or_insert_default())
}

/// A place in a segment.
pub(crate) struct Place {
    pub(crate) segment: Arc<Segment>,
    pub(crate) offset: usize,
}

/// Room for `bytes` among the small objects of this process.
pub(crate) fn allocate(bytes: usize) -> Result<Place, Error> {
    let units = bytes.div_ceil(UNIT);
    let pid = std::process::id();
    loop {
        if let Some(place) =
            with(|state| state.arena.as_mut().filter(|a| a.pid == pid)?.take(units))
        {
            return Ok(place);
        }
        let segment = create(ARENA, Holds::MANY)?;
        let arena = Arena {
            segment,
            pid,
            next: FIRST_SLOT,
            free: HashMap::new(),
        };
        // Objects in the old arena keep it alive. Dropped outside of `with`: an unmapping takes
        // long.
        drop(with(|state| state.arena.replace(arena)));
    }
}

/// Takes back the room of an object that no other process ever saw.
pub(crate) fn release(place: &Place, bytes: usize) {
    let units = bytes.div_ceil(UNIT);
    with(|state| {
        if let Some(arena) = &mut state.arena
            && Arc::ptr_eq(&arena.segment, &place.segment)
        {
            arena.free.entry(units).or_default().push(place.offset);
        }
    });
}

impl Arena {
    fn take(&mut self, units: usize) -> Option<Place> {
        let offset = match self.free.get_mut(&units).and_then(Vec::pop) {
            Some(offset) => offset,
            None if self.next + units * UNIT <= self.segment.bytes() => {
                let offset = self.next;
                self.next += units * UNIT;
                offset
            }
            None => return None,
        };
        Some(Place {
            segment: Arc::clone(&self.segment),
            offset,
        })
    }
}

/// A new segment, known to this process.
pub(crate) fn create(bytes: usize, holds: Holds) -> Result<Arc<Segment>, Error> {
    let segment = Arc::new(Segment::create(bytes, holds)?);
    remember(&segment);
    Ok(segment)
}

fn remember(segment: &Arc<Segment>) {
    with(|state| {
        state.mapped.retain(|_, known| known.strong_count() > 0);
        state
            .mapped
            .insert(segment.cookie(), Arc::downgrade(segment));
    });
}

fn known(cookie: u64) -> Option<Arc<Segment>> {
    with(|state| state.mapped.get(&cookie).and_then(Weak::upgrade))
}

/// The segments with wait tables that this process has mapped.
pub(crate) fn arenas() -> Vec<Arc<Segment>> {
    with(|state| {
        state
            .mapped
            .values()
            .filter_map(Weak::upgrade)
            .collect::<Vec<_>>()
    })
    .into_iter()
    .filter(|segment| segment.holds() == Holds::MANY)
    .collect()
}

/// The segment with this cookie, found in this process or through the descriptors of others.
pub(crate) fn find(cookie: u64, origins: &[Origin]) -> Result<Arc<Segment>, Error> {
    if let Some(segment) = known(cookie) {
        return Ok(segment);
    }
    for origin in origins {
        if let Some(fd) = open(*origin)
            && let Ok(segment) = adopt(fd)
            && segment.cookie() == cookie
        {
            return Ok(segment);
        }
    }
    Err(Error::Gone {
        pid: origins.first().map_or(0, |origin| origin.pid),
    })
}

/// Another process's descriptor, if it is one of our memory: nothing else is opened.
fn open(origin: Origin) -> Option<OwnedFd> {
    let path = format!("/proc/{}/fd/{}", origin.pid, origin.fd);
    let target = std::fs::read_link(&path).ok()?;
    if !target.to_str()?.starts_with("/memfd:ungil.sync") {
        return None;
    }
    let file = std::fs::File::options()
        .read(true)
        .write(true)
        .open(path)
        .ok()?;
    Some(file.into())
}

/// Maps memory by a descriptor that was passed to this process; it stays mapped as long as this
/// process lives.
pub fn attach_descriptor(fd: BorrowedFd<'_>) -> Result<(), Error> {
    let copy = fd.as_fd().try_clone_to_owned();
    let copy = copy.map_err(|source| Error::Create { bytes: 0, source })?;
    let segment = adopt(copy)?;
    std::mem::forget(segment);
    Ok(())
}

fn adopt(fd: OwnedFd) -> Result<Arc<Segment>, Error> {
    let segment = Segment::open(fd)?;
    if let Some(segment) = known(segment.cookie()) {
        return Ok(segment);
    }
    let segment = Arc::new(segment);
    remember(&segment);
    Ok(segment)
}

/// The descriptor of the arena in which this process makes its small objects, for passing to a
/// child.
pub fn arena_descriptor() -> Result<i32, Error> {
    let place = allocate(UNIT)?;
    let fd = place.segment.descriptor();
    release(&place, UNIT);
    Ok(fd)
}
