//! Arrays as machine code passes them to functions here, and the order in which `NumPy` goes over them.

use std::slice;

/// The dimensions that an array can have.
const MOST: usize = 4;

/// The elements of an array, as rows: the axes with the smallest distances are innermost, and those that
/// make one row together are one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    data: *const u8,
    /// Sizes and distances in bytes, the outermost first.
    axes: [(usize, isize); MOST],
    count: usize,
}

impl Layout {
    /// Reads an address, sizes, and distances.
    ///
    /// # Safety
    /// That many words, of an array that is alive.
    pub(crate) unsafe fn read(words: *const u64, dimensions: usize) -> Self {
        // SAFETY: as the caller promises.
        let words = unsafe { slice::from_raw_parts(words, 1 + 2 * dimensions) };
        let (sizes, strides) = words[1..].split_at(dimensions);
        let mut axes: Vec<(usize, isize)> = sizes
            .iter()
            .zip(strides)
            .map(|(&size, &stride)| (size as usize, stride.cast_signed() as isize))
            .filter(|&(size, _)| size != 1)
            .collect();
        axes.sort_by_key(|&(_, stride)| std::cmp::Reverse(stride.unsigned_abs()));
        let mut this = Self {
            data: words[0] as *const u8,
            axes: [(1, 0); MOST],
            count: 0,
        };
        for (size, stride) in axes {
            if let Some((outer, distance)) = this.axes[..this.count].last_mut()
                && *distance == stride.wrapping_mul(size.cast_signed())
            {
                (*outer, *distance) = (*outer * size, stride);
                continue;
            }
            this.axes[this.count] = (size, stride);
            this.count += 1;
        }
        this.count = this.count.max(1);
        this
    }

    pub(crate) fn len(&self) -> usize {
        self.axes[..self.count].iter().map(|axis| axis.0).product()
    }

    /// Calls `visit` with each row: address of its first element, how many, and the distance between them.
    pub(crate) fn rows(&self, visit: &mut dyn FnMut(*const u8, usize, isize)) {
        if self.len() > 0 {
            self.axis(0, self.data, visit);
        }
    }

    fn axis(&self, axis: usize, data: *const u8, visit: &mut dyn FnMut(*const u8, usize, isize)) {
        let (size, stride) = self.axes[axis];
        if axis + 1 == self.count {
            visit(data, size, stride);
            return;
        }
        for at in 0..size.cast_signed() {
            self.axis(axis + 1, data.wrapping_offset(at * stride), visit);
        }
    }
}
