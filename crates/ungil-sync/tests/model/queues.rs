//! The queue's ring.

use crate::ring::{Bytes, RawQueue, Refused};
use crate::surroundings::{Calm, Watched, explore, owner};
use loom::sync::Arc;
use loom::thread;

const SIZE: usize = 64;

/// A ring whose 8-byte pieces loom watches one by one.
struct Pieces([Watched<[u8; 8]>; SIZE / 8]);

impl Bytes for Pieces {
    fn size(&self) -> u32 {
        SIZE as u32
    }

    fn write(&self, position: u32, bytes: &[u8]) {
        for (index, chunk) in bytes.chunks(8).enumerate() {
            self.0[position as usize / 8 + index]
                .change(|piece| piece[..chunk.len()].copy_from_slice(chunk));
        }
    }

    fn read(&self, position: u32, bytes: &mut [u8]) {
        for (index, chunk) in bytes.chunks_mut(8).enumerate() {
            self.0[position as usize / 8 + index]
                .change(|piece| chunk.copy_from_slice(&piece[..chunk.len()]));
        }
    }

    fn discard(&self, _position: u32, _length: u32) {}
}

struct Shared {
    queue: RawQueue,
    ring: Pieces,
}

fn shared(most: u32) -> Arc<Shared> {
    let ring = Pieces(std::array::from_fn(|_| Watched::new([0; 8])));
    Arc::new(Shared {
        queue: RawQueue::new(most),
        ring,
    })
}

impl Shared {
    fn put(&self, me: u32, bytes: &[u8]) {
        self.queue
            .put(&self.ring, owner(me), (0, bytes), &mut Calm, &mut Calm)
            .unwrap();
    }

    fn get(&self, me: u32) -> Vec<u8> {
        self.queue
            .get(&self.ring, owner(me), &mut Calm, &mut Calm)
            .unwrap()
            .bytes
    }
}

#[test]
fn what_one_puts_the_other_gets_in_order() {
    explore(2, || {
        let shared = shared(1);
        let other = shared.clone();
        let producer = thread::spawn(move || {
            other.put(1, b"one");
            other.put(1, b"two");
        });
        assert_eq!(shared.get(2), b"one");
        assert_eq!(shared.get(2), b"two");
        producer.join().unwrap();
        assert!(shared.queue.is_empty());
    });
}

#[test]
fn two_producers_and_a_consumer() {
    explore(2, || {
        let shared = shared(0);
        let producers: Vec<_> = [(1, b"a"), (2, b"b")]
            .into_iter()
            .map(|(me, bytes)| {
                let shared = shared.clone();
                thread::spawn(move || shared.put(me, bytes))
            })
            .collect();
        let mut got = [shared.get(3), shared.get(3)];
        got.sort();
        assert_eq!(got, [b"a".to_vec(), b"b".to_vec()]);
        for producer in producers {
            producer.join().unwrap();
        }
    });
}

#[test]
fn two_consumers_and_a_producer() {
    explore(2, || {
        let shared = shared(0);
        let consumers: Vec<_> = (1..3)
            .map(|me| {
                let shared = shared.clone();
                thread::spawn(move || shared.get(me))
            })
            .collect();
        shared.put(3, b"a");
        shared.put(3, b"b");
        let mut got: Vec<_> = consumers
            .into_iter()
            .map(|consumer| consumer.join().unwrap())
            .collect();
        got.sort();
        assert_eq!(got, [b"a".to_vec(), b"b".to_vec()]);
    });
}

#[test]
fn a_full_ring_waits_and_wraps() {
    explore(2, || {
        let shared = shared(0);
        let other = shared.clone();
        // 24 + 8 bytes each: two fit, the third goes to the beginning again.
        let producer = thread::spawn(move || {
            for letter in [b'x', b'y', b'z'] {
                other.put(1, &[letter; 20]);
            }
        });
        for letter in [b'x', b'y', b'z'] {
            assert_eq!(shared.get(2), [letter; 20]);
        }
        producer.join().unwrap();
    });
}

#[test]
fn closing_ends_waiting_gets() {
    explore(3, || {
        let shared = shared(0);
        let other = shared.clone();
        let consumer =
            thread::spawn(move || other.queue.get(&other.ring, owner(1), &mut Calm, &mut Calm));
        shared.queue.close();
        assert!(consumer.join().unwrap().is_err());
        assert_eq!(
            shared.queue.try_put(&shared.ring, owner(2), 0, b""),
            Err(Refused::Closed)
        );
    });
}
