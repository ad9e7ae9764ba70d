//! What machine code calls and what it shares with its caller.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_void};
use std::mem::MaybeUninit;

mod each;
pub(crate) mod fold;
mod layout;
pub mod stack;
pub(crate) mod stream;
mod text;

use crate::{complex, memory};

/// Sites of a traceback that are kept.
pub const TRACE: usize = 64;

/// The most numbers that a result can consist of: each takes a word of 8 bytes.
pub const LARGEST_RESULT: usize = 16;

/// What a call of machine code shares with its caller; `emit` knows where the first two fields, the details of an
/// error and its sites are.
#[repr(C)]
#[derive(Clone, Debug)]
pub struct Context {
    /// Rounds of loops until `ungil_poll` is called.
    pub fuel: i64,
    /// The address below which the stack must not grow.
    pub stack_limit: usize,
    /// Details of an error.
    pub a: i64,
    /// Details of an error.
    pub b: i64,
    /// Details of an error.
    pub x: f64,
    /// Details of an error.
    pub y: f64,
    /// Number of sites from the error outwards, those that are not kept included.
    pub depth: u32,
    /// Not zero in a parallel loop: others in it have no threads of their own.
    pub nested: u32,
    /// The caller's own.
    pub host: *mut c_void,
    /// The sites, that of the error first: as many as `depth` tells.
    pub trace: [MaybeUninit<u32>; TRACE],
    /// What the caller does for machine code.
    pub hooks: &'static Hooks,
    /// Sizes of arrays that do not fit together.
    pub shapes: [i64; SHAPES],
}

/// Sizes that an error can tell of: those of three arrays.
pub const SHAPES: usize = 12;
/// Where they are in the context.
pub(crate) const SHAPES_OFFSET: usize = std::mem::offset_of!(Context, shapes);

/// What is asked of whoever calls machine code.
#[derive(Clone, Copy, Debug)]
pub struct Hooks {
    /// Called now and then by loops; not zero: leave.
    pub poll: extern "C" fn(context: *mut Context) -> i32,
    /// How many threads a parallel loop may have, where it does not say.
    pub threads: fn() -> usize,
    /// The entry of the module that was left for later; none: leave.
    pub deferred: fn(context: *mut Context) -> Option<Deferred>,
}

/// The entry of the module of deferred loops.
pub type Deferred =
    unsafe extern "C" fn(context: *mut Context, number: i32, frame: *mut u64) -> i32;

/// Rounds of loops between two polls: about a millisecond.
const FUEL: i64 = 1 << 20;

impl Context {
    /// A context without host, stack limit and error.
    pub fn new(hooks: &'static Hooks) -> Self {
        Self {
            fuel: FUEL,
            stack_limit: 0,
            a: 0,
            b: 0,
            x: 0.0,
            y: 0.0,
            depth: 0,
            nested: 0,
            host: std::ptr::null_mut(),
            trace: [const { MaybeUninit::uninit() }; TRACE],
            hooks,
            shapes: [0; SHAPES],
        }
    }

    /// Tells of the same error as another one.
    pub(crate) fn take_failure(&mut self, other: &Self) {
        (self.a, self.b, self.x, self.y) = (other.a, other.b, other.x, other.y);
        (self.depth, self.trace) = (other.depth, other.trace);
        self.shapes = other.shapes;
    }

    /// The sites of the traceback that were kept, that of the error first.
    pub fn sites(&self) -> Vec<usize> {
        let kept = (self.depth as usize).min(TRACE);
        self.trace[..kept]
            .iter()
            // SAFETY: machine code has written as many as `depth` tells.
            .map(|site| unsafe { site.assume_init() } as usize)
            .collect()
    }
}

const _: () = {
    assert!(std::mem::offset_of!(Context, fuel) == 0);
    assert!(std::mem::offset_of!(Context, stack_limit) == 8);
    assert!(std::mem::offset_of!(Context, a) == 16);
    assert!(std::mem::offset_of!(Context, trace) == 64);
};

/// Machine code's signature.
pub type Entry =
    unsafe extern "C" fn(arguments: *const u64, result: *mut u64, context: *mut Context) -> i32;

/// Called by loops when they are out of fuel; the site is to blame where they are to leave.
extern "C" fn poll(context: *mut Context, site: u32) -> i32 {
    // SAFETY: machine code passes on what it was called with, which lives as long as the call.
    let code = unsafe {
        (*context).fuel = FUEL;
        ((*context).hooks.poll)(context)
    };
    if code != 0 {
        raise(context, site, 0, 0);
    }
    code
}

/// Tells of an error with ints as its details.
extern "C" fn raise(context: *mut Context, site: u32, a: i64, b: i64) {
    // SAFETY: machine code passes on what it was called with.
    let context = unsafe { &mut *context };
    (context.a, context.b) = (a, b);
    context.depth = 1;
    context.trace[0].write(site);
}

/// Tells of an error with floats as its details.
extern "C" fn raise_floats(context: *mut Context, site: u32, x: f64, y: f64) {
    raise(context, site, 0, 0);
    // SAFETY: as above.
    let context = unsafe { &mut *context };
    (context.x, context.y) = (x, y);
}

/// Tells of an error with what a routine has left as its details: two ints and two floats.
extern "C" fn raise_words(context: *mut Context, site: u32, words: *const [u64; 4]) {
    // SAFETY: machine code passes on four words of its own stack.
    let [a, b, x, y] = unsafe { words.read() };
    raise(context, site, a.cast_signed(), b.cast_signed());
    // SAFETY: as above.
    let context = unsafe { &mut *context };
    (context.x, context.y) = (f64::from_bits(x), f64::from_bits(y));
}

/// Tells that an error went through a call.
extern "C" fn pass(context: *mut Context, site: u32) {
    // SAFETY: as above.
    let context = unsafe { &mut *context };
    if let Some(place) = context.trace.get_mut(context.depth as usize) {
        place.write(site);
    }
    context.depth = context.depth.wrapping_add(1);
}

/// Runs a loop that was left for later: its function's number and frame, and the site to blame where it is not to
/// be had.
extern "C" fn deferred(context: *mut Context, number: i32, frame: *mut u64, site: u32) -> i32 {
    // SAFETY: machine code passes on what it was called with, and the frame of a loop that its module has.
    unsafe {
        if let Some(entry) = ((*context).hooks.deferred)(context) {
            return entry(context, number, frame);
        }
    }
    raise(context, site, 0, 0);
    1
}

/// `a / b` of ints, rounded once, to the nearest, ties to even; `b` is not zero.
pub extern "C" fn divide_ints(a: i64, b: i64) -> f64 {
    let (numerator, denominator) = (u128::from(a.unsigned_abs()), u128::from(b.unsigned_abs()));
    if numerator == 0 {
        return if b < 0 { -0.0 } else { 0.0 };
    }
    // A quotient of at least 55 bits, and of at most 56, whose last one tells of what was cut off.
    let bits = |value: u128| 128 - value.leading_zeros();
    let shift = 55 + bits(denominator) - bits(numerator).min(55 + bits(denominator));
    let shifted = numerator << shift;
    let quotient = (shifted / denominator) | u128::from(shifted % denominator != 0);
    let scaled = quotient as f64 * 2_f64.powi(-shift.cast_signed());
    if (a < 0) == (b < 0) { scaled } else { -scaled }
}

/// The functions of the C library that machine code may call.
const LIBRARY: &[&CStr] = &[
    c"pow", c"fmod", c"atan2", c"exp", c"exp2", c"expm1", c"log", c"log2", c"log10", c"log1p",
    c"sin", c"cos", c"tan", c"asin", c"acos", c"atan", c"sinh", c"cosh", c"tanh", c"asinh",
    c"acosh", c"atanh", c"erf", c"erfc", c"cbrt", c"floor", c"ceil", c"rint", c"trunc", c"sqrt",
    c"fma", c"hypot", c"memset", c"memcpy", c"memmove", c"memcmp", c"bcmp",
];

/// The address of a function that machine code may call, by its name there.
///
/// Those of the C library are looked up at run time: Rust brings some of its own under the same names,
/// whose last bits differ from what `CPython` calls.
pub fn symbol(name: &str) -> Option<usize> {
    match name {
        "ungil_divide_ints" => return Some(divide_ints as *const () as usize),
        "ungil_text_compare" => return Some(text::compare as *const () as usize),
        "ungil_text_find" => return Some(text::find as *const () as usize),
        "ungil_poll" => return Some(poll as *const () as usize),
        "ungil_stream_begin" => return Some(stream::begin as *const () as usize),
        "ungil_stream_next" => return Some(stream::next as *const () as usize),
        "ungil_stream_end" => return Some(stream::end as *const () as usize),
        "ungil_meets" => return Some(each::meets as *const () as usize),
        "ungil_copy" => return Some(each::copy as *const () as usize),
        "ungil_raise" => return Some(raise as *const () as usize),
        "ungil_raise_floats" => return Some(raise_floats as *const () as usize),
        "ungil_raise_words" => return Some(raise_words as *const () as usize),
        "ungil_pass" => return Some(pass as *const () as usize),
        "ungil_deferred" => return Some(deferred as *const () as usize),
        "ungil_fold" => return Some(fold::fold as *const () as usize),
        "ungil_routine" => return Some(crate::routine::routine as *const () as usize),
        "ungil_prange" => return Some(crate::parallel::prange as *const () as usize),
        "ungil_complex_quotient" => return Some(complex::quotient as *const () as usize),
        "ungil_complex_real_quotient" => return Some(complex::real_quotient as *const () as usize),
        "ungil_complex_product_of_nans" => {
            return Some(complex::product_of_nans as *const () as usize);
        }
        "ungil_list_new" => return Some(memory::list_new as *const () as usize),
        "ungil_list_grow" => return Some(memory::list_grow as *const () as usize),
        "ungil_list_free" => return Some(memory::list_free as *const () as usize),
        _ => {}
    }
    let name = LIBRARY
        .iter()
        .find(|known| known.to_bytes() == name.as_bytes())?;
    // SAFETY: constant C strings; the handle stays open, as the addresses are kept.
    let address = unsafe {
        let library = libc::dlopen(c"libm.so.6".as_ptr(), libc::RTLD_LAZY);
        let mut address = std::ptr::null_mut();
        if !library.is_null() {
            address = libc::dlsym(library, name.as_ptr());
        }
        if address.is_null() {
            address = libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr());
        }
        address
    };
    (!address.is_null()).then_some(address as usize)
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // to the last bit
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn quotients_of_exact_floats_are_those_of_the_floats(a in -(1_i64 << 53)..1 << 53, b in 1_i64..1 << 53) {
            prop_assert_eq!(divide_ints(a, b), a as f64 / b as f64);
            prop_assert_eq!(divide_ints(a, -b), a as f64 / -b as f64);
        }

        #[test]
        fn no_float_is_closer_to_the_quotient(a in any::<i64>(), b in any::<i64>()) {
            prop_assume!(a != 0 && b != 0);
            let quotient = divide_ints(a, b).abs();
            // |a| / |b| lies between the middles to the neighbours, which are compared exactly where
            // everything is scaled to ints of 128 bits.
            let (a, b) = (u128::from(a.unsigned_abs()), u128::from(b.unsigned_abs()));
            let mantissa = u128::from(quotient.to_bits() & ((1 << 52) - 1) | 1 << 52);
            let exponent = (quotient.to_bits() >> 52) as i32 - 1075;
            // mantissa * 2**exponent, with middles (2 * mantissa +- 1) * 2**(exponent - 1)
            let (low, high) = (2 * mantissa - 1, 2 * mantissa + 1);
            let shift = exponent - 1;
            if (-63..=0).contains(&shift) {
                let scaled = a << -shift.max(-64);
                prop_assert!(low * b <= scaled && scaled <= high * b);
            }
        }
    }

    #[test]
    fn the_extremes() {
        assert_eq!(divide_ints(i64::MIN, 1), -9_223_372_036_854_775_808.0);
        assert_eq!(divide_ints(1, i64::MIN), -1.084_202_172_485_504_4e-19);
        assert_eq!(divide_ints(i64::MAX, i64::MAX), 1.0);
    }
}
