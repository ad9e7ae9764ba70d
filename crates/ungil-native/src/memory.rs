//! The memory of lists, and of arrays and objects that are made here, for machine code. `emit/list.rs` has the same layout.
#![allow(unsafe_code)]

use std::ffi::c_void;

use crate::types::Scalar;

/// What a list is known by.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) data: *mut c_void,
    pub(crate) length: i64,
    /// Items that there is room for.
    capacity: i64,
    references: i64,
}

/// A list of `count` items of `size` bytes that are at `pattern`, all of them `times` times, with one
/// reference; null where there is no memory for it.
///
/// # Safety
/// As many bytes can be read at `pattern`.
pub(crate) unsafe extern "C" fn list_new(
    pattern: *const u8,
    count: i64,
    times: i64,
    size: i64,
) -> *mut Head {
    // SAFETY: `malloc` and `calloc` give null or as much memory as asked for; the copies end where it does.
    unsafe {
        let times = times.max(0);
        let Some(length) = count.checked_mul(times) else {
            return std::ptr::null_mut();
        };
        let Some(bytes) = length.checked_mul(size) else {
            return std::ptr::null_mut();
        };
        let (bytes, unit) = (bytes as usize, (count * size) as usize);
        let head = libc::malloc(size_of::<Head>()).cast::<Head>();
        if head.is_null() {
            return head;
        }
        // Memory of zeros costs nothing before it is written to.
        let zeros = std::slice::from_raw_parts(pattern, unit)
            .iter()
            .all(|&byte| byte == 0);
        let data: *mut u8 = if zeros {
            libc::calloc(bytes.max(1), 1).cast()
        } else {
            libc::malloc(bytes.max(1)).cast()
        };
        if data.is_null() {
            libc::free(head.cast());
            return std::ptr::null_mut();
        }
        if !zeros && bytes > 0 {
            std::ptr::copy_nonoverlapping(pattern, data, unit);
            let mut filled = unit;
            while filled < bytes {
                let next = filled.min(bytes - filled);
                std::ptr::copy_nonoverlapping(data, data.add(filled), next);
                filled += next;
            }
        }
        head.write(Head {
            data: data.cast(),
            length,
            capacity: length,
            references: 1,
        });
        head
    }
}

/// Makes room for more items of `size` bytes; 0 where there is no memory for it.
///
/// # Safety
/// A list that [`list_new`] has made.
pub(crate) unsafe extern "C" fn list_grow(head: *mut Head, size: i64) -> i32 {
    // SAFETY: the list is valid, as the caller promises.
    unsafe { i32::from(list_reserve(head, (*head).capacity.saturating_add(1), size)) }
}

/// Makes room for `count` items, with some to spare where there is not enough; tells whether there was memory.
///
/// # Safety
/// A list that [`list_new`] has made.
pub(crate) unsafe fn list_reserve(head: *mut Head, count: i64, size: i64) -> bool {
    // SAFETY: the list is valid, and has as much room as its head tells.
    unsafe {
        let capacity = (*head).capacity;
        if count <= capacity {
            return true;
        }
        // Half as much again makes a row of appends cheap; a list that gets all at once needs no more.
        let spare = if capacity > 0 { capacity / 2 + 8 } else { 0 };
        let Some(bytes) = capacity
            .checked_add(spare)
            .map(|wanted| wanted.max(count))
            .and_then(|wanted| wanted.checked_mul(size))
        else {
            return false;
        };
        let moved = libc::realloc((*head).data, bytes as usize);
        if moved.is_null() {
            return false;
        }
        (*head).data = moved;
        (*head).capacity = bytes / size;
        true
    }
}

/// Frees a list.
///
/// # Safety
/// A list that [`list_new`] has made and that nobody refers to.
pub(crate) unsafe extern "C" fn list_free(head: *mut Head) {
    // SAFETY: both were given by the C library's allocator, and are not used again.
    unsafe {
        libc::free((*head).data);
        libc::free(head.cast());
    }
}

/// The memory of an array, or a list, that machine code has made and returned: its one reference.
#[derive(Debug)]
pub struct ArrayMemory(std::ptr::NonNull<Head>);

// SAFETY: the only reference to memory that any thread can free.
unsafe impl Send for ArrayMemory {}
// SAFETY: it gives no access.
unsafe impl Sync for ArrayMemory {}

impl ArrayMemory {
    /// Takes over an owner that machine code has returned: nothing if the memory is somebody else's.
    pub fn of(owner: u64) -> Option<Self> {
        std::ptr::NonNull::new(owner as *mut Head).map(Self)
    }

    /// The bits of a list's items, if it holds such: a word for each number, so two for a complex one.
    pub fn words(&self, item: Scalar) -> impl ExactSizeIterator<Item = u64> + '_ {
        // SAFETY: the list is there as long as `self` is, and nobody changes it.
        let (data, length) = unsafe { (self.0.as_ref().data, self.0.as_ref().length) };
        let words = length as usize * item.words();
        (0..words).map(move |at| {
            // SAFETY: within the list's items, which are of this size.
            unsafe {
                match item.size() {
                    1 => u64::from(data.cast::<u8>().add(at).read()),
                    _ => data.cast::<u64>().add(at).read(),
                }
            }
        })
    }
}

impl Drop for ArrayMemory {
    fn drop(&mut self) {
        // SAFETY: the function that has returned it has given back its own references.
        unsafe { list_free(self.0.as_ptr()) }
    }
}

/// The memory of an object of a dataclass: a list of its words. What was assigned to is told by the bits of its
/// capacity.
#[derive(Debug)]
pub struct RecordMemory(std::ptr::NonNull<Head>);

// SAFETY: no machine code has it while a `RecordMemory` is used, and any thread can free it.
unsafe impl Send for RecordMemory {}
// SAFETY: shared access only reads.
unsafe impl Sync for RecordMemory {}

impl RecordMemory {
    /// An object with these words as fields, none of them assigned to; `None` without memory for it.
    pub fn new(words: &[u64]) -> Option<Self> {
        // SAFETY: as many bytes can be read; the new list is nobody else's.
        unsafe {
            let head = list_new(
                words.as_ptr().cast(),
                words.len().cast_signed() as i64,
                1,
                8,
            );
            let this = Self(std::ptr::NonNull::new(head)?);
            (*head).capacity = 0;
            Some(this)
        }
    }

    /// Takes over a reference that machine code has returned.
    ///
    /// # Safety
    /// The address of an object, of which machine code has no other reference left.
    pub unsafe fn returned(address: u64) -> Option<Self> {
        std::ptr::NonNull::new(address as *mut Head).map(Self)
    }

    /// What machine code knows it by.
    pub fn address(&self) -> u64 {
        self.0.as_ptr() as u64
    }

    /// The words of its fields.
    pub fn words(&self) -> Vec<u64> {
        // SAFETY: a list of as many items of 8 bytes as it tells, which nobody changes meanwhile.
        unsafe {
            let head = self.0.as_ref();
            std::slice::from_raw_parts(head.data.cast::<u64>(), head.length as usize).to_vec()
        }
    }

    /// A bit for each field that was assigned to.
    pub fn changed(&self) -> u64 {
        // SAFETY: a list, which nobody changes meanwhile.
        unsafe { self.0.as_ref() }.capacity.cast_unsigned()
    }
}

impl Drop for RecordMemory {
    fn drop(&mut self) {
        // SAFETY: references that machine code had were given back when it returned.
        unsafe { list_free(self.0.as_ptr()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_repeated_and_room_grows() {
        let pattern = [1_i64, -2, 3];
        // SAFETY: three items of 8 bytes; the list is freed once.
        unsafe {
            let list = list_new(pattern.as_ptr().cast(), 3, 5, 8);
            let items = std::slice::from_raw_parts((*list).data.cast::<i64>(), 15);
            assert!(items.chunks(3).all(|chunk| chunk == pattern));
            assert_eq!(list_grow(list, 8), 1);
            assert!((*list).capacity > 15 && (*list).length == 15);
            assert_eq!((*list).data.cast::<i64>().add(14).read(), 3);
            list_free(list);
        }
    }

    #[test]
    fn a_list_of_no_items_and_one_that_is_too_large() {
        let zero = 0_i64;
        let pattern = (&raw const zero).cast();
        // SAFETY: one item of 8 bytes; the list is freed once.
        unsafe {
            let empty = list_new(pattern, 1, -4, 8);
            assert_eq!((*empty).length, 0);
            list_free(empty);
            assert!(list_new(pattern, 1, i64::MAX, 8).is_null());
            assert!(list_new(pattern, 1, 1 << 59, 8).is_null());
        }
    }
}
