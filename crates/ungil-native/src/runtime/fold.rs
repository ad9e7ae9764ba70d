//! Sums and the like of whole arrays, in the order in which `NumPy` makes them where all elements are in one
//! row; where there are several rows, one row after the other (`NumPy`'s order there depends on its version).

use super::layout::Layout;
use crate::types::Element;

/// What becomes of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fold {
    /// `numpy.sum`
    Sum,
    /// `numpy.prod`
    Product,
    /// `numpy.mean`
    Mean,
    /// `numpy.min`
    Smallest,
    /// `numpy.max`
    Largest,
    /// `numpy.any`
    Any,
    /// `numpy.all`
    All,
    /// `numpy.dot` of two.
    Dot,
}

/// How it ended.
#[repr(i32)]
pub(super) enum End {
    Done = 0,
    /// The result is no int of 64 bits.
    Overflow = 1,
    /// There are no elements.
    Empty = 2,
    /// The arrays differ in size.
    Shapes = 3,
}

/// Elements that are summed by halves only above this number, as in `NumPy`.
const BLOCK: usize = 128;
/// Elements that `NumPy` converts at a time.
const BUFFER: usize = 8192;

const FOLDS: [Fold; 8] = [
    Fold::Sum,
    Fold::Product,
    Fold::Mean,
    Fold::Smallest,
    Fold::Largest,
    Fold::Any,
    Fold::All,
    Fold::Dot,
];

/// The operation on these elements (of both arrays, where there are two), as one number.
pub(crate) fn code(fold: Fold, elements: [Element; 2]) -> u64 {
    let element = |element| match element {
        Element::Bool => 0,
        Element::Signed(bits) => 0x100 | u64::from(bits),
        Element::Unsigned(bits) => 0x200 | u64::from(bits),
        Element::Float32 => 0x300,
        Element::Float64 => 0x301,
        Element::Complex64 | Element::Complex128 => unreachable!("refused where it is lowered"),
    };
    fold as u64 | element(elements[0]) << 16 | element(elements[1]) << 32
}

/// The operation of a [`code`], and the elements of the first array.
pub(super) fn decoded(code: u64) -> (Fold, Element) {
    (
        FOLDS[(code & 0xFFFF) as usize],
        element(code >> 16 & 0xFFFF),
    )
}

fn element(code: u64) -> Element {
    let bits = (code & 0xFF) as u8;
    match code & 0xFF00 {
        0x100 => Element::Signed(bits),
        0x200 => Element::Unsigned(bits),
        0x300 if bits == 0 => Element::Float32,
        0x300 => Element::Float64,
        _ => Element::Bool,
    }
}

/// Called by machine code: an operation's [`code`], the dimensions, an array's words ([`Layout::read`]), another's,
/// and where the result goes.
///
/// # Safety
/// As many words as told, of arrays that are alive, and room for the result.
pub(crate) unsafe extern "C" fn fold(
    code: u64,
    dimensions: u64,
    array: *const u64,
    other: *const u64,
    result: *mut u64,
) -> i32 {
    let elements = [element(code >> 16 & 0xFFFF), element(code >> 32 & 0xFFFF)];
    let fold = FOLDS[(code & 0xFFFF) as usize];
    // SAFETY: as the caller promises.
    let (layout, other) = unsafe {
        let layout = Layout::read(array, dimensions as usize);
        let second = (fold == Fold::Dot).then(|| Layout::read(other, 1));
        (layout, second)
    };
    let found = match other {
        Some(other) => dot(&layout, &other, elements),
        None => super::stream::of_rows(fold, elements[0], &layout),
    };
    match found {
        Ok(word) => {
            // SAFETY: as the caller promises.
            unsafe { *result = word };
            End::Done as i32
        }
        Err(end) => end as i32,
    }
}

/// A float of 32 or 64 bits.
trait Float: Copy + std::ops::Add<Output = Self> + std::ops::Mul<Output = Self> {
    fn wide(self) -> f64;
    fn of(value: f64) -> Self;
}

impl Float for f32 {
    fn wide(self) -> f64 {
        f64::from(self)
    }
    fn of(value: f64) -> Self {
        value as Self
    }
}

impl Float for f64 {
    fn wide(self) -> f64 {
        self
    }
    fn of(value: f64) -> Self {
        value
    }
}

/// The sum of `n` values, by halves down to blocks with 8 sums each: `pairwise_sum` of `NumPy`.
fn pairwise<T: Float>(n: usize, get: &impl Fn(usize) -> T, from: usize) -> T {
    if n < 8 {
        return (0..n).fold(T::of(-0.0), |sum, at| sum + get(from + at));
    }
    if n <= BLOCK {
        let mut sums: [T; 8] = std::array::from_fn(|at| get(from + at));
        let whole = n - n % 8;
        for block in (8..whole).step_by(8) {
            for (at, sum) in sums.iter_mut().enumerate() {
                *sum = *sum + get(from + block + at);
            }
        }
        let pairs: [T; 4] = std::array::from_fn(|at| sums[2 * at] + sums[2 * at + 1]);
        let sum = (pairs[0] + pairs[1]) + (pairs[2] + pairs[3]);
        return (whole..n).fold(sum, |sum, at| sum + get(from + at));
    }
    let half = half(n);
    pairwise(half, get, from) + pairwise(n - half, get, from + half)
}

/// The value at a place of a row.
fn at<T: Copy>(row: *const u8, stride: isize) -> impl Fn(usize) -> T {
    // SAFETY: places within the row of an array that is alive; they need not be aligned.
    move |at| unsafe {
        row.wrapping_offset(at.cast_signed() * stride)
            .cast::<T>()
            .read_unaligned()
    }
}

/// What has become of the elements so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Running {
    sum: f64,
    product: f64,
    extreme: Option<f64>,
    exact_sum: i128,
    /// Nothing where it is too large.
    exact_product: Option<i128>,
    exact_extreme: Option<i128>,
    any: bool,
    all: bool,
}

impl Default for Running {
    fn default() -> Self {
        Self {
            sum: 0.0,
            product: 1.0,
            extreme: None,
            exact_sum: 0,
            exact_product: Some(1),
            exact_extreme: None,
            any: false,
            all: true,
        }
    }
}

impl Running {
    /// Takes in a row.
    pub(super) fn row(
        &mut self,
        fold: Fold,
        element: Element,
        row: *const u8,
        count: usize,
        stride: isize,
    ) {
        match element {
            Element::Float32 => self.floats::<f32>(fold, row, count, stride),
            Element::Float64 => self.floats::<f64>(fold, row, count, stride),
            _ => self.ints(fold, element, row, count, stride),
        }
    }

    /// Takes in the sum of a row of floats.
    pub(super) fn add(&mut self, element: Element, sum: f64) {
        self.sum = added(element, self.sum, sum);
    }

    fn floats<T: Float>(&mut self, fold: Fold, row: *const u8, n: usize, stride: isize) {
        let get = at::<T>(row, stride);
        match fold {
            Fold::Sum | Fold::Mean | Fold::Dot => {
                self.sum = (T::of(self.sum) + pairwise(n, &get, 0)).wide();
            }
            Fold::Product => {
                let product = T::of(self.product);
                self.product = (0..n).fold(product, |product, at| product * get(at)).wide();
            }
            Fold::Smallest | Fold::Largest => {
                for at in 0..n {
                    let value = get(at).wide();
                    let first = self.extreme.get_or_insert(value);
                    // A NaN wins, and stays.
                    let better = match fold {
                        Fold::Smallest => value < *first,
                        _ => value > *first,
                    };
                    if better || value.is_nan() {
                        *first = if first.is_nan() { *first } else { value };
                    }
                }
            }
            Fold::Any => self.any = self.any || (0..n).any(|at| get(at).wide() != 0.0),
            Fold::All => self.all = self.all && (0..n).all(|at| get(at).wide() != 0.0),
        }
    }

    fn ints(&mut self, fold: Fold, element: Element, row: *const u8, n: usize, stride: isize) {
        let get = int_at(element, row, stride);
        if fold == Fold::Mean {
            // As many at a time as NumPy converts.
            for from in (0..n).step_by(BUFFER) {
                let count = BUFFER.min(n - from);
                self.sum += pairwise(count, &|at| get(at) as f64, from);
            }
            return;
        }
        for value in (0..n).map(get) {
            match fold {
                Fold::Sum | Fold::Dot | Fold::Mean => self.exact_sum += value,
                // A product that was too large may still become zero.
                Fold::Product if value == 0 => self.exact_product = Some(0),
                Fold::Product => {
                    let product = self.exact_product.map(|one| one.saturating_mul(value));
                    self.exact_product = product.filter(|one| i64::try_from(*one).is_ok());
                }
                Fold::Smallest => {
                    let least = self.exact_extreme.map_or(value, |one| one.min(value));
                    self.exact_extreme = Some(least);
                }
                Fold::Largest => {
                    let most = self.exact_extreme.map_or(value, |one| one.max(value));
                    self.exact_extreme = Some(most);
                }
                Fold::Any => self.any = self.any || value != 0,
                Fold::All => self.all = self.all && value != 0,
            }
        }
    }

    /// The result, of so many elements.
    pub(super) fn finish(&self, fold: Fold, element: Element, count: usize) -> Result<u64, End> {
        let float = element.is_float();
        Ok(match fold {
            Fold::Sum | Fold::Dot if float => self.sum.to_bits(),
            Fold::Sum | Fold::Dot => narrow(self.exact_sum)?,
            Fold::Mean if element == Element::Float32 => {
                f64::from((self.sum / f64::from(count as f32)) as f32).to_bits()
            }
            Fold::Mean => (self.sum / count as f64).to_bits(),
            Fold::Product if float => self.product.to_bits(),
            Fold::Product => narrow(self.exact_product.ok_or(End::Overflow)?)?,
            Fold::Smallest | Fold::Largest if float => self.extreme.ok_or(End::Empty)?.to_bits(),
            Fold::Smallest | Fold::Largest => narrow(self.exact_extreme.ok_or(End::Empty)?)?,
            Fold::Any => u64::from(self.any),
            Fold::All => u64::from(self.all),
        })
    }
}

/// The sum of two sums in the width of their elements.
pub(super) fn added(element: Element, one: f64, other: f64) -> f64 {
    match element {
        Element::Float32 => f64::from(one as f32 + other as f32),
        _ => one + other,
    }
}

/// The sum of floats in a row, by halves.
pub(super) fn pairwise_of(element: Element, data: *const u8, count: usize) -> f64 {
    match element {
        Element::Float32 => f64::from(pairwise(count, &at::<f32>(data, 4), 0)),
        _ => pairwise(count, &at::<f64>(data, 8), 0),
    }
}

/// Where a sum of so many elements is cut in two.
pub(super) fn half(count: usize) -> usize {
    count / 2 - count / 2 % 8
}

/// The int at a place of a row.
fn int_at(element: Element, row: *const u8, stride: isize) -> impl Fn(usize) -> i128 {
    move |place| match element {
        Element::Signed(8) => i128::from(at::<i8>(row, stride)(place)),
        Element::Signed(16) => i128::from(at::<i16>(row, stride)(place)),
        Element::Signed(32) => i128::from(at::<i32>(row, stride)(place)),
        Element::Signed(_) => i128::from(at::<i64>(row, stride)(place)),
        Element::Unsigned(8) => i128::from(at::<u8>(row, stride)(place)),
        Element::Unsigned(16) => i128::from(at::<u16>(row, stride)(place)),
        Element::Unsigned(32) => i128::from(at::<u32>(row, stride)(place)),
        Element::Unsigned(_) => i128::from(at::<u64>(row, stride)(place)),
        _ => i128::from(at::<u8>(row, stride)(place) != 0),
    }
}

fn narrow(value: i128) -> Result<u64, End> {
    i64::try_from(value)
        .map(i64::cast_unsigned)
        .map_err(|_| End::Overflow)
}

/// The sum of the products, as [`Fold::Sum`] makes sums; exact for ints.
fn dot(left: &Layout, right: &Layout, elements: [Element; 2]) -> Result<u64, End> {
    if left.len() != right.len() {
        return Err(End::Shapes);
    }
    let mut result = Ok(0);
    // Both have one axis: one row each.
    left.rows(&mut |row, n, stride| {
        right.rows(&mut |other, _, distance| {
            result = if elements.iter().any(|element| element.is_float()) {
                let (one, another) = (
                    float_at(elements[0], row, stride),
                    float_at(elements[1], other, distance),
                );
                Ok((0.0 + pairwise(n, &|at| one(at) * another(at), 0)).to_bits())
            } else {
                let (one, another) = (
                    int_at(elements[0], row, stride),
                    int_at(elements[1], other, distance),
                );
                let sum = (0..n)
                    .map(|at| one(at) * another(at))
                    .try_fold(0_i128, i128::checked_add);
                sum.ok_or(End::Overflow).and_then(narrow)
            };
        });
    });
    result
}

fn float_at(element: Element, row: *const u8, stride: isize) -> impl Fn(usize) -> f64 {
    let ints = int_at(element, row, stride);
    move |place| match element {
        Element::Float32 => f64::from(at::<f32>(row, stride)(place)),
        Element::Float64 => at::<f64>(row, stride)(place),
        _ => ints(place) as f64,
    }
}
