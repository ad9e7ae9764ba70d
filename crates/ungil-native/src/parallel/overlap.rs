//! Whether arrays of a loop share memory: then iterations may use each other's elements under other names.

/// An array in a loop's frame, packed into a word by `emit/parallel.rs`.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub(crate) struct ArrayWord(u64);

impl ArrayWord {
    /// `word`: where in the frame its address is; sizes follow, then strides unless it is contiguous.
    pub(crate) fn new(
        word: usize,
        dimensions: u8,
        contiguous: bool,
        item: usize,
        writes: bool,
    ) -> Self {
        let small = u64::from(dimensions) << 24 | (item as u64) << 16;
        Self((word as u64) << 32 | small | u64::from(contiguous) << 8 | u64::from(writes))
    }

    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    fn writes(self) -> bool {
        self.0 & 1 != 0
    }

    /// First and last byte's addresses; nothing if it has no elements.
    fn extent(self, frame: &[u64]) -> Option<(i64, i64)> {
        let words = &frame[(self.0 >> 32) as usize..];
        let dimensions = (self.0 >> 24 & 0xFF) as usize;
        let item = (self.0 >> 16 & 0xFF).cast_signed();
        let mut stride = item;
        let (mut low, mut high) = (words[0].cast_signed(), words[0].cast_signed() + item - 1);
        for axis in (0..dimensions).rev() {
            let size = words[1 + axis].cast_signed();
            if self.0 >> 8 & 1 == 0 {
                stride = words[1 + dimensions + axis].cast_signed();
            }
            if size == 0 {
                return None;
            }
            let reach = stride.wrapping_mul(size - 1);
            low = low.wrapping_add(reach.min(0));
            high = high.wrapping_add(reach.max(0));
            stride = stride.wrapping_mul(size);
        }
        Some((low, high))
    }
}

/// Whether an array that is written shares memory with another one.
pub(super) fn any(arrays: &[ArrayWord], frame: &[u64]) -> bool {
    let extents: Vec<_> = arrays
        .iter()
        .filter_map(|array| Some((array.extent(frame)?, array.writes())))
        .collect();
    extents
        .iter()
        .enumerate()
        .any(|(at, &((low, high), writes))| {
            extents[at + 1..]
                .iter()
                .any(|&((from, to), also)| (writes || also) && low <= to && from <= high)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_that_meet_are_told_from_those_that_do_not() {
        // Two arrays of 8 floats, the second `begin` bytes after the first and backwards.
        let overlap = |begin: u64, writes: bool| {
            let frame = [4096, 8, 4096 + begin, 8, (-8_i64).cast_unsigned()];
            let arrays = [
                ArrayWord::new(0, 1, true, 8, writes),
                ArrayWord::new(2, 1, false, 8, false),
            ];
            any(&arrays, &frame)
        };
        assert!(overlap(0, true));
        assert!(overlap(64 + 48, true));
        assert!(!overlap(64 + 56, true));
        assert!(!overlap(0, false));
    }
}
