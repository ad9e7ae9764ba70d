//! What machine code asks about arrays whose elements it goes over: whether they share memory; and copies.

use std::slice;

/// The dimensions that an array can have.
const MOST: usize = 4;

/// An array as machine code describes it: size of an element, dimensions, address, sizes, distances.
#[derive(Clone, Copy)]
struct Described {
    item: i64,
    data: i64,
    sizes: [i64; MOST],
    strides: [i64; MOST],
    dimensions: usize,
}

impl Described {
    /// Reads one; gives the address of the next one, too.
    ///
    /// # Safety
    /// As many words as it tells itself.
    unsafe fn read(words: *const i64) -> (Self, *const i64) {
        // SAFETY: as the caller promises.
        unsafe {
            let dimensions = (*words.add(1)) as usize;
            let rest = slice::from_raw_parts(words.add(3), 2 * dimensions);
            let (mut sizes, mut strides) = ([1; MOST], [0; MOST]);
            sizes[..dimensions].copy_from_slice(&rest[..dimensions]);
            strides[..dimensions].copy_from_slice(&rest[dimensions..]);
            let this = Self {
                item: *words,
                data: *words.add(2),
                sizes,
                strides,
                dimensions,
            };
            (this, words.add(3 + 2 * dimensions))
        }
    }

    /// The addresses of the first and after the last byte; nothing if it has no elements.
    fn extent(&self) -> Option<(i64, i64)> {
        let (mut low, mut high) = (self.data, self.data + self.item);
        for axis in 0..self.dimensions {
            if self.sizes[axis] == 0 {
                return None;
            }
            let reach = self.strides[axis].wrapping_mul(self.sizes[axis] - 1);
            low = low.wrapping_add(reach.min(0));
            high = high.wrapping_add(reach.max(0));
        }
        Some((low, high))
    }

    /// Whether each element is at the same place as that of the other one.
    fn is_same(&self, other: &Self) -> bool {
        let count = self.dimensions;
        let axes = (0..count)
            .all(|axis| self.sizes[axis] == 1 || self.strides[axis] == other.strides[axis]);
        self.data == other.data
            && self.item == other.item
            && count == other.dimensions
            && self.sizes == other.sizes
            && axes
    }
}

/// Called by machine code: whether writing to the first array, element by element, changes elements of
/// the others that are read later.
///
/// # Safety
/// As many arrays as told.
pub(crate) unsafe extern "C" fn meets(words: *const i64, count: u64) -> i32 {
    // SAFETY: as the caller promises.
    unsafe {
        let (written, mut next) = Described::read(words);
        let Some((low, high)) = written.extent() else {
            return 0;
        };
        for _ in 1..count {
            let (other, after) = Described::read(next);
            next = after;
            let apart = other
                .extent()
                .is_none_or(|(from, to)| to <= low || high <= from);
            if !apart && !written.is_same(&other) {
                return 1;
            }
        }
    }
    0
}

/// Called by machine code: copies the second array into the first one, stretching axes of one element.
///
/// # Safety
/// Two arrays that are alive, with elements of one size; they fit, and do not overlap.
pub(crate) unsafe extern "C" fn copy(words: *const i64) {
    // SAFETY: as the caller promises.
    unsafe {
        let (into, next) = Described::read(words);
        let (from, _) = Described::read(next);
        let behind = into.dimensions - from.dimensions;
        let mut strides = [0; MOST];
        for axis in 0..from.dimensions {
            let at = behind + axis;
            if from.sizes[axis] == into.sizes[at] {
                strides[at] = from.strides[axis];
            }
        }
        if into.extent().is_some() {
            let from = Described { strides, ..from };
            copy_axis(
                &into,
                &from,
                0,
                into.data as *mut u8,
                from.data as *const u8,
            );
        }
    }
}

/// # Safety
/// As [`copy`], at a place along the axes before.
unsafe fn copy_axis(
    into: &Described,
    from: &Described,
    axis: usize,
    to: *mut u8,
    source: *const u8,
) {
    let size = into.sizes[axis];
    let (stride, distance) = (into.strides[axis] as isize, from.strides[axis] as isize);
    let item = into.item.cast_unsigned() as usize;
    // SAFETY: as the caller promises.
    unsafe {
        if axis + 1 < into.dimensions {
            for at in 0..size as isize {
                let (to, source) = (
                    to.wrapping_offset(at * stride),
                    source.wrapping_offset(at * distance),
                );
                copy_axis(into, from, axis + 1, to, source);
            }
        } else if stride == item.cast_signed() && distance == stride {
            source.copy_to_nonoverlapping(to, item * size as usize);
        } else {
            for at in 0..size as isize {
                let (to, source) = (
                    to.wrapping_offset(at * stride),
                    source.wrapping_offset(at * distance),
                );
                source.copy_to_nonoverlapping(to, item);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(data: i64, item: i64, axes: &[(i64, i64)]) -> Vec<i64> {
        let mut words = vec![item, i64::try_from(axes.len()).unwrap(), data];
        words.extend(axes.iter().map(|axis| axis.0));
        words.extend(axes.iter().map(|axis| axis.1));
        words
    }

    #[test]
    fn the_same_elements_do_not_meet_but_shifted_ones_do() {
        let meets = |one: Vec<i64>, other: Vec<i64>| {
            let both = [one, other].concat();
            // SAFETY: two arrays.
            unsafe { meets(both.as_ptr(), 2) != 0 }
        };
        let a = || words(4096, 8, &[(8, 8)]);
        assert!(!meets(a(), a()));
        assert!(meets(a(), words(4104, 8, &[(8, 8)])));
        assert!(meets(a(), words(4152, 8, &[(8, -8)])));
        assert!(meets(a(), words(4096, 4, &[(8, 8)])));
        assert!(!meets(a(), words(4160, 8, &[(8, 8)])));
        assert!(!meets(a(), words(4104, 8, &[(0, 8)])));
        assert!(!meets(
            words(4096, 8, &[(1, 0), (8, 8)]),
            words(4096, 8, &[(1, 64), (8, 8)])
        ));
    }

    #[test]
    fn a_row_is_copied_into_all_rows_and_strides_are_followed() {
        let from = [1_u16, 9, 2, 9, 3, 9];
        let mut into = [0_u16; 6];
        let target = words(into.as_mut_ptr() as i64, 2, &[(2, 6), (3, 2)]);
        let source = words(from.as_ptr() as i64, 2, &[(1, 0), (3, 4)]);
        let both = [target, source].concat();
        // SAFETY: both are alive, and as large as told.
        unsafe { copy(both.as_ptr()) };
        assert_eq!(into, [1, 2, 3, 1, 2, 3]);
    }
}
