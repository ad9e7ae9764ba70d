//! The queue: records in a ring of bytes, many producers, many consumers, any of which may be
//! killed at any point.
//!
//! ```text
//! head, tail = count:32 | position:32       both wrap at 2^32; one store publishes a record, or takes it away
//! record     = length:32 | tag:32 | bytes, padded to 8        tag SKIP: unused bytes up to the end of the ring
//! ```
//! Protocol and proof sketch: README.md, section "Queue".

use crate::identity::Owner;
use crate::lock::RawLock;
use crate::spin::Spin;
use crate::turnstile::Turnstile;
use crate::wait::{Halt, Wait};
use crate::word::{Cell64, Ordering};

/// Bytes of a record's header.
pub const HEADER: u32 = 8;
const SKIP: u32 = u32::MAX;
/// An empty ring whose position is beyond this many bytes starts again at zero, so that a queue
/// that is kept empty stays in the cache and does not touch all of its memory.
const WARM: u32 = 256 * 1024;

/// The memory of the ring.
///
/// The producer's lock guards the bytes from tail to head, the consumer's those from head to tail.
pub trait Bytes {
    /// Its size: a power of two, at most 2^31.
    fn size(&self) -> u32;
    /// Copies `bytes` to `position`, which is inside.
    fn write(&self, position: u32, bytes: &[u8]);
    /// Copies the bytes at `position` out.
    fn read(&self, position: u32, bytes: &mut [u8]);
    /// The bytes from `position` on are not needed any more: their memory may be given back.
    fn discard(&self, position: u32, length: u32);
}

/// Why a put or get did not happen at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// There is no room, or nothing to get.
    Full,
    /// Another thread is in the middle of one.
    Busy,
    /// The queue was shut down.
    Closed,
}

/// Why a wait at the queue ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stopped {
    /// The queue was shut down.
    Closed,
    /// The wait itself ended.
    Halted(Halt),
}

/// The shared part of a queue; its bytes lie beside it. All zero bytes: empty, unbounded, open.
#[derive(Debug)]
#[repr(C)]
pub struct RawQueue {
    producers: Padded<Side>,
    tail: Padded<Cell64>,
    consumers: Padded<Side>,
    head: Padded<Cell64>,
    not_empty: Padded<Turnstile>,
    not_full: Padded<Turnstile>,
    all_done: Turnstile,
    done: Cell64,
    most: Cell64,
    closed: Cell64,
}

/// What only the threads on one side of the ring touch, under its lock.
#[derive(Debug)]
#[repr(C)]
struct Side {
    lock: RawLock,
    /// The other side's mark when this side last looked. It only moves forward, so an old value
    /// promises too little and never too much, and most of the time the other side's cache line
    /// can be left alone.
    seen: Cell64,
}

impl Side {
    fn new() -> Self {
        Self {
            lock: RawLock::new(),
            seen: Cell64::new(0),
        }
    }

    /// Looks at the other side's mark.
    fn look(&self, other: &Cell64) -> Mark {
        let word = other.load(Ordering::Acquire);
        self.seen.store(word, Ordering::Relaxed);
        Mark::of(word)
    }
}

/// A part on cache lines of its own.
#[derive(Debug, Default)]
#[repr(C, align(128))]
pub struct Padded<T>(T);

#[derive(Clone, Copy, PartialEq, Eq)]
struct Mark {
    position: u32,
    count: u32,
}

impl Mark {
    fn of(word: u64) -> Self {
        Self {
            position: word as u32,
            count: (word >> 32) as u32,
        }
    }

    fn word(self) -> u64 {
        u64::from(self.count) << 32 | u64::from(self.position)
    }
}

/// A record got out of the ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What the producer said about its kind.
    pub tag: u32,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl RawQueue {
    /// An empty queue of at most `most` records; 0: as many as fit.
    #[must_use]
    pub fn new(most: u32) -> Self {
        Self {
            producers: Padded(Side::new()),
            tail: Padded(Cell64::new(0)),
            consumers: Padded(Side::new()),
            head: Padded(Cell64::new(0)),
            not_empty: Padded(Turnstile::new()),
            not_full: Padded(Turnstile::new()),
            all_done: Turnstile::new(),
            done: Cell64::new(0),
            most: Cell64::new(u64::from(most)),
            closed: Cell64::new(0),
        }
    }

    /// The longest record that always fits into an empty ring of this size.
    #[must_use]
    pub fn longest(size: u32) -> u32 {
        size / 2 - HEADER
    }

    /// Puts a record if there is room and nobody is in the way.
    pub fn try_put(
        &self,
        ring: &impl Bytes,
        me: Owner,
        tag: u32,
        bytes: &[u8],
    ) -> Result<(), Refused> {
        if self.is_closed() {
            return Err(Refused::Closed);
        }
        if !self.producers.0.lock.try_lock(me) {
            return Err(Refused::Busy);
        }
        let put = self.put_locked(ring, tag, bytes);
        leave(&self.producers.0.lock, me);
        if !put {
            return Err(Refused::Full);
        }
        self.not_empty.0.notify(1);
        Ok(())
    }

    /// Waits for room and puts a record of at most [`RawQueue::longest`] bytes.
    pub fn put(
        &self,
        ring: &impl Bytes,
        me: Owner,
        (tag, bytes): (u32, &[u8]),
        brief: &mut impl Wait,
        wait: &mut impl Wait,
    ) -> Result<(), Stopped> {
        loop {
            match self.try_put(ring, me, tag, bytes) {
                Ok(()) => return Ok(()),
                Err(Refused::Closed) => return Err(Stopped::Closed),
                Err(Refused::Busy) => {
                    let lock = &self.producers.0.lock;
                    lock.lock(me, brief).map_err(Stopped::Halted)?;
                    leave(lock, me);
                }
                Err(Refused::Full) => {
                    let key = self.not_full.0.announce();
                    if !self.has_room(ring.size(), bytes.len() as u32) && !self.is_closed() {
                        self.not_full.0.sleep(key, wait).map_err(Stopped::Halted)?;
                    }
                }
            }
        }
    }

    /// Gets a record if there is one and nobody is in the way.
    pub fn try_get(&self, ring: &impl Bytes, me: Owner) -> Result<Record, Refused> {
        // Known to be there, a record is got without a look at the producers' side.
        let seen = Mark::of(self.consumers.0.seen.load(Ordering::Relaxed));
        let head = Mark::of(self.head.0.load(Ordering::Relaxed));
        if seen.count == head.count && self.is_empty() {
            return Err(self.nothing());
        }
        if !self.consumers.0.lock.try_lock(me) {
            return Err(Refused::Busy);
        }
        let record = self.get_locked(ring);
        leave(&self.consumers.0.lock, me);
        let Some(record) = record else {
            return Err(Refused::Full);
        };
        // All, because a freed place may be enough for one waiting producer's record and not for
        // another's.
        self.not_full.0.notify(u32::MAX);
        Ok(record)
    }

    /// Waits for a record and gets it.
    pub fn get(
        &self,
        ring: &impl Bytes,
        me: Owner,
        brief: &mut impl Wait,
        wait: &mut impl Wait,
    ) -> Result<Record, Stopped> {
        // A sleep and a wake-up cost more than the time to the next record of a busy producer.
        let mut spin = Spin::brisk();
        loop {
            match self.try_get(ring, me) {
                Ok(record) => return Ok(record),
                Err(Refused::Closed) => return Err(Stopped::Closed),
                Err(Refused::Busy) => {
                    let lock = &self.consumers.0.lock;
                    lock.lock(me, brief).map_err(Stopped::Halted)?;
                    leave(lock, me);
                }
                Err(Refused::Full) if spin.turn() => {}
                Err(Refused::Full) => {
                    let key = self.not_empty.0.announce();
                    if self.is_empty() && !self.is_closed() {
                        self.not_empty.0.sleep(key, wait).map_err(Stopped::Halted)?;
                    }
                }
            }
        }
    }

    /// Records in the ring at this moment.
    pub fn len(&self) -> u32 {
        let head = Mark::of(self.head.0.load(Ordering::Acquire));
        let tail = Mark::of(self.tail.0.load(Ordering::Acquire));
        // The head is read first, so that the tail is never behind it.
        tail.count.wrapping_sub(head.count)
    }

    /// Whether there is nothing to get.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the next put of a small record would wait.
    pub fn is_full(&self, size: u32) -> bool {
        !self.has_room(size, 0)
    }

    /// One got record is done with. `false`: more were called done than were put.
    pub fn task_done(&self) -> bool {
        let mut done = self.done.load(Ordering::Relaxed);
        loop {
            let put = Mark::of(self.tail.0.load(Ordering::Acquire)).count;
            if done as u32 == put {
                return false;
            }
            let next = u64::from((done as u32).wrapping_add(1));
            match self
                .done
                .compare_exchange(done, next, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => break,
                Err(now) => done = now,
            }
        }
        if self.all_done() {
            self.all_done.notify(u32::MAX);
        }
        true
    }

    /// Waits until every record that was put has been called done.
    pub fn join(&self, wait: &mut impl Wait) -> Result<(), Halt> {
        while !self.all_done() {
            let key = self.all_done.announce();
            if !self.all_done() {
                self.all_done.sleep(key, wait)?;
            }
        }
        Ok(())
    }

    /// No more puts; gets end when the ring is empty.
    pub fn close(&self) {
        self.closed.store(1, Ordering::SeqCst);
        self.not_empty.0.notify(u32::MAX);
        self.not_full.0.notify(u32::MAX);
    }

    /// Whether [`RawQueue::close`] was called.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed) != 0
    }

    /// Records that were put and not yet called done.
    pub fn unfinished(&self) -> u32 {
        let done = self.done.load(Ordering::Acquire) as u32;
        Mark::of(self.tail.0.load(Ordering::Acquire))
            .count
            .wrapping_sub(done)
    }

    fn all_done(&self) -> bool {
        self.unfinished() == 0
    }

    /// Why a get finds nothing. Closed is looked at first: what was put before that is seen.
    fn nothing(&self) -> Refused {
        if self.is_closed() && self.is_empty() {
            Refused::Closed
        } else {
            Refused::Full
        }
    }

    /// Where a record of this length goes, from a head that may be an old one: (bytes to skip
    /// first, bytes of the record), or `None` if it does not fit.
    fn place(&self, head: Mark, tail: Mark, size: u32, length: u32) -> Option<(u32, u32)> {
        let most = self.most.load(Ordering::Relaxed) as u32;
        if most != 0 && tail.count.wrapping_sub(head.count) >= most {
            return None;
        }
        let record = HEADER + length.next_multiple_of(HEADER);
        let offset = tail.position & (size - 1);
        let to_end = size - offset;
        let cold = head == tail && offset > WARM;
        let skip = if record > to_end || cold { to_end } else { 0 };
        let used = tail.position.wrapping_sub(head.position);
        (used + skip + record <= size).then_some((skip, record))
    }

    fn has_room(&self, size: u32, length: u32) -> bool {
        let head = Mark::of(self.head.0.load(Ordering::Acquire));
        let tail = Mark::of(self.tail.0.load(Ordering::Relaxed));
        self.place(head, tail, size, length).is_some()
    }

    fn put_locked(&self, ring: &impl Bytes, tag: u32, bytes: &[u8]) -> bool {
        let size = ring.size();
        let length = bytes.len() as u32;
        let tail = Mark::of(self.tail.0.load(Ordering::Relaxed));
        let seen = Mark::of(self.producers.0.seen.load(Ordering::Relaxed));
        // Far from the start it matters whether the ring is empty, which only the true head says.
        let warm = tail.position & (size - 1) <= WARM;
        let known = if warm {
            self.place(seen, tail, size, length)
        } else {
            None
        };
        let Some((skip, record)) = known.or_else(|| {
            let head = self.producers.0.look(&self.head.0);
            self.place(head, tail, size, length)
        }) else {
            return false;
        };
        let mut position = tail.position;
        if skip > 0 {
            if self.is_empty() && size > WARM {
                ring.discard(WARM, size - WARM);
            }
            ring.write(position & (size - 1), &header(skip - HEADER, SKIP));
            position = position.wrapping_add(skip);
        }
        let at = position & (size - 1);
        ring.write(at, &header(length, tag));
        ring.write(at + HEADER, bytes);
        let tail = Mark {
            position: position.wrapping_add(record),
            count: tail.count.wrapping_add(1),
        };
        self.tail.0.store(tail.word(), Ordering::Release);
        true
    }

    fn get_locked(&self, ring: &impl Bytes) -> Option<Record> {
        let head = Mark::of(self.head.0.load(Ordering::Relaxed));
        let seen = Mark::of(self.consumers.0.seen.load(Ordering::Relaxed));
        if head.count == seen.count && head.count == self.consumers.0.look(&self.tail.0).count {
            return None;
        }
        let mask = ring.size() - 1;
        let mut position = head.position;
        let (mut length, mut tag) = read_header(ring, position & mask);
        if tag == SKIP {
            position = position.wrapping_add(HEADER + length);
            (length, tag) = read_header(ring, position & mask);
        }
        let mut bytes = vec![0; length as usize];
        ring.read((position & mask) + HEADER, &mut bytes);
        let head = Mark {
            position: position.wrapping_add(HEADER + length.next_multiple_of(HEADER)),
            count: head.count.wrapping_add(1),
        };
        self.head.0.store(head.word(), Ordering::Release);
        Some(Record { tag, bytes })
    }
}

fn leave(lock: &RawLock, me: Owner) {
    let released = lock.unlock(me);
    debug_assert!(released.is_ok(), "the queue's own lock was lost");
}

fn header(length: u32, tag: u32) -> [u8; HEADER as usize] {
    (u64::from(tag) << 32 | u64::from(length)).to_ne_bytes()
}

fn read_header(ring: &impl Bytes, position: u32) -> (u32, u32) {
    let mut bytes = [0; HEADER as usize];
    ring.read(position, &mut bytes);
    let word = u64::from_ne_bytes(bytes);
    (word as u32, (word >> 32) as u32)
}
