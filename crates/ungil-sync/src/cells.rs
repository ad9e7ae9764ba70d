//! Typed memory: what `Value` and `Array` share.
#![allow(unsafe_code)]

use crate::handle::Handle;
use crate::word::{Cell64, Ordering};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64};

/// The type of the elements that lie behind it.
#[derive(Debug)]
#[repr(C)]
pub struct RawCells {
    format: Cell64,
}

impl RawCells {
    /// Elements of this format (a character of Python's `struct`).
    #[must_use]
    pub fn new(format: u8) -> Self {
        Self {
            format: Cell64::new(u64::from(format)),
        }
    }

    /// The format character.
    pub fn format(&self) -> u8 {
        self.format.load(Ordering::Relaxed) as u8
    }
}

impl Handle<RawCells> {
    /// The elements' memory: 8-byte aligned, `extra()` bytes. Others may change it at any time.
    pub fn elements(&self) -> NonNull<u8> {
        self.extra_memory()
    }

    /// The bits of element `index`, which has `size` (1, 2, 4 or 8) bytes, read at once.
    pub fn get(&self, index: usize, size: usize) -> u64 {
        let element = self.element(index, size);
        // SAFETY: `element` checked that it lies inside, aligned to its size; all access through
        // Rust is atomic.
        unsafe {
            match size {
                1 => u64::from(AtomicU8::from_ptr(element).load(Ordering::Acquire)),
                2 => u64::from(AtomicU16::from_ptr(element.cast()).load(Ordering::Acquire)),
                4 => u64::from(AtomicU32::from_ptr(element.cast()).load(Ordering::Acquire)),
                _ => AtomicU64::from_ptr(element.cast()).load(Ordering::Acquire),
            }
        }
    }

    /// Writes the bits of element `index` at once.
    pub fn set(&self, index: usize, size: usize, bits: u64) {
        let element = self.element(index, size);
        // SAFETY: as in `get`.
        unsafe {
            match size {
                1 => AtomicU8::from_ptr(element).store(bits as u8, Ordering::Release),
                2 => AtomicU16::from_ptr(element.cast()).store(bits as u16, Ordering::Release),
                4 => AtomicU32::from_ptr(element.cast()).store(bits as u32, Ordering::Release),
                _ => AtomicU64::from_ptr(element.cast()).store(bits, Ordering::Release),
            }
        }
    }

    /// Writes `new` if the bits still are `old`.
    pub fn swap_if(&self, index: usize, size: usize, old: u64, new: u64) -> bool {
        let element = self.element(index, size);
        let (success, failure) = (Ordering::AcqRel, Ordering::Relaxed);
        // SAFETY: as in `get`.
        unsafe {
            match size {
                1 => AtomicU8::from_ptr(element)
                    .compare_exchange(old as u8, new as u8, success, failure)
                    .is_ok(),
                2 => AtomicU16::from_ptr(element.cast())
                    .compare_exchange(old as u16, new as u16, success, failure)
                    .is_ok(),
                4 => AtomicU32::from_ptr(element.cast())
                    .compare_exchange(old as u32, new as u32, success, failure)
                    .is_ok(),
                _ => AtomicU64::from_ptr(element.cast())
                    .compare_exchange(old, new, success, failure)
                    .is_ok(),
            }
        }
    }

    fn element(&self, index: usize, size: usize) -> *mut u8 {
        assert!(
            matches!(size, 1 | 2 | 4 | 8),
            "elements have 1, 2, 4 or 8 bytes"
        );
        let end = index
            .checked_add(1)
            .and_then(|count| count.checked_mul(size));
        assert!(
            end.is_some_and(|end| end <= self.extra()),
            "element outside of the memory"
        );
        // SAFETY: inside the memory (asserted), which is 8-byte aligned.
        unsafe { self.elements().add(index * size).as_ptr() }
    }
}
