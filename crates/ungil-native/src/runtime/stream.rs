//! Sums and the like of what machine code calculates a stretch at a time, in the order in which they are made
//! of an array that has it all: halves of sums that are longer than a stretch are put together here.

use super::fold::{self, End, Fold, Running};
use super::layout::Layout;
use crate::types::Element;

/// Elements of a stretch: no half of a sum that is as long or shorter is cut.
pub(crate) const STRETCH: usize = 4096;
/// Elements that the mean of ints converts at a time, as `NumPy` does.
const CONVERTED: usize = 8192;
/// Halvings of a length of 64 bits.
const DEEPEST: usize = 64;

/// A sum of two halves, of which one is being made.
#[derive(Clone, Copy)]
struct Half {
    /// Elements of the second half.
    rest: usize,
    /// The sum of the first half, once there is one.
    first: Option<f64>,
}

/// A reduction under way, in memory that machine code has made for it.
pub(crate) struct Stream {
    fold: Fold,
    element: Element,
    total: usize,
    left: usize,
    running: Running,
    halves: [Half; DEEPEST],
    depth: usize,
}

/// Words that one takes.
pub(crate) const WORDS: usize = size_of::<Stream>().div_ceil(8) + 1;

/// How many elements a stretch has at most.
pub(crate) fn stretch(fold: Fold, element: Element) -> usize {
    if fold == Fold::Mean && !element.is_float() {
        CONVERTED
    } else {
        STRETCH
    }
}

impl Stream {
    fn new(code: u64, total: usize) -> Self {
        let (fold, element) = fold::decoded(code);
        Self {
            fold,
            element,
            total,
            left: total,
            running: Running::default(),
            halves: [Half {
                rest: 0,
                first: None,
            }; DEEPEST],
            depth: 0,
        }
    }

    fn by_halves(&self) -> bool {
        self.element.is_float() && matches!(self.fold, Fold::Sum | Fold::Mean)
    }

    /// The length of the next stretch.
    fn next(&self) -> usize {
        self.left.min(stretch(self.fold, self.element))
    }

    /// The same for sums by halves: the first stretch of so many elements.
    fn descended(&mut self, mut count: usize) -> usize {
        while count > STRETCH {
            let half = fold::half(count);
            self.halves[self.depth] = Half {
                rest: count - half,
                first: None,
            };
            self.depth += 1;
            count = half;
        }
        count
    }

    /// Takes in a stretch; gives the length of the next one.
    fn take(&mut self, data: *const u8, count: usize) -> usize {
        self.left -= count;
        if !self.by_halves() {
            let item = self.element.size().cast_signed();
            self.running.row(self.fold, self.element, data, count, item);
            return self.next();
        }
        let mut sum = fold::pairwise_of(self.element, data, count);
        while self.depth > 0 {
            let half = &mut self.halves[self.depth - 1];
            let Some(first) = half.first else {
                half.first = Some(sum);
                let rest = half.rest;
                return self.descended(rest);
            };
            sum = fold::added(self.element, first, sum);
            self.depth -= 1;
        }
        self.running.add(self.element, sum);
        0
    }
}

/// Called by machine code: begins a reduction of so many elements; gives the length of the first stretch.
///
/// # Safety
/// Room for [`WORDS`] words.
pub(crate) unsafe extern "C" fn begin(state: *mut u64, code: u64, total: u64) -> u64 {
    let mut stream = Stream::new(code, total as usize);
    let first = if stream.by_halves() {
        stream.descended(total as usize)
    } else {
        stream.next()
    };
    // SAFETY: as the caller promises, with a word to spare for where it begins.
    unsafe { place(state).write(stream) };
    first as u64
}

/// Called by machine code: takes in a stretch; gives the length of the next one.
///
/// # Safety
/// A reduction that was begun, and as many elements as it has asked for.
pub(crate) unsafe extern "C" fn next(state: *mut u64, data: *const u8, count: u64) -> u64 {
    // SAFETY: as the caller promises.
    unsafe { (*place(state)).take(data, count as usize) as u64 }
}

/// Called by machine code: ends a reduction.
///
/// # Safety
/// A reduction that was begun, and room for the result.
pub(crate) unsafe extern "C" fn end(state: *mut u64, result: *mut u64) -> i32 {
    // SAFETY: as the caller promises.
    unsafe {
        let stream = &*place(state);
        let found = stream
            .running
            .finish(stream.fold, stream.element, stream.total);
        match found {
            Ok(word) => {
                *result = word;
                End::Done as i32
            }
            Err(end) => end as i32,
        }
    }
}

/// Where the stream is: ints of 128 bits want an address of their own kind.
fn place(state: *mut u64) -> *mut Stream {
    let offset = state.cast::<u8>().align_offset(align_of::<Stream>());
    state.wrapping_byte_add(offset).cast()
}

/// The order of a whole array's rows, for those who have it.
pub(super) fn of_rows(fold: Fold, element: Element, layout: &Layout) -> Result<u64, End> {
    let mut running = Running::default();
    layout.rows(&mut |row, count, stride| running.row(fold, element, row, count, stride));
    running.finish(fold, element, layout.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_add_up_as_the_whole_does() {
        for total in [0, 1, 100, 4096, 4097, 10_000, 100_001] {
            let values: Vec<f64> = (0..total).map(|at| 1.0 / (1.0 + f64::from(at))).collect();
            let code = fold::code(Fold::Sum, [Element::Float64; 2]);
            let mut state = vec![0_u64; WORDS];
            let (mut at, mut result) = (0, 0);
            // SAFETY: room for the state; as many values as asked for.
            unsafe {
                let mut count = begin(state.as_mut_ptr(), code, values.len() as u64);
                while count > 0 {
                    let data = values[at..][..count as usize].as_ptr().cast();
                    at += count as usize;
                    count = next(state.as_mut_ptr(), data, count);
                }
                assert_eq!(end(state.as_mut_ptr(), &raw mut result), 0);
            }
            assert_eq!(at, values.len());
            let data = values.as_ptr().cast();
            let whole = 0.0 + fold::pairwise_of(Element::Float64, data, values.len());
            assert_eq!(result, whole.to_bits());
        }
    }
}
