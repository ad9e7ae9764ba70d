//! What machine code leaves to functions here: what Python has algorithms of its own for, and lists as wholes.
//!
//! All of them are called in one way: numbers and addresses come in as words, results go out as words, and what
//! goes wrong is the number of one of the guards that the operation has.
#![allow(unsafe_code)]
#![allow(clippy::float_cmp)] // to the last bit
#![allow(clippy::unnecessary_wraps)] // routines have one signature
#![allow(clippy::cast_possible_wrap)] // sizes of items and numbers of guards are small
#![allow(clippy::cast_ptr_alignment)] // items lie as the C library's allocator has it

mod call;
mod gamma;
mod integers;
mod list;
mod lists;
mod norm;
mod numbers;
mod search;
mod sum;

pub(crate) use call::Call;
pub(crate) use list::Kind;

/// How a routine ends: well, or with one of its guards.
pub(crate) type End = Result<(), usize>;

macro_rules! routines {
    ($($(#[$doc:meta])* $variant:ident => $function:path,)+) => {
        /// A function that machine code calls by its number.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Routine {
            $($(#[$doc])* $variant),+
        }

        const ALL: &[fn(&mut Call<'_>) -> End] = &[$($function),+];
    };
}

routines! {
    /// `round(x, n)` of a float. Guard: overflow.
    RoundFloat => numbers::round_float,
    /// `round(x, n)` of an int. Guard: overflow.
    RoundInt => integers::round,
    /// `pow(x, y, z)`. Guards: a modulus of zero, no inverse.
    PowerModulo => integers::power_modulo,
    /// `value in range(start, stop, step)`. Guard: a step of zero.
    InRange => integers::in_range,
    /// How many values `range(start, stop, step)` has. Guards: a step of zero, ends too far from each other.
    Rounds => integers::rounds,
    /// `math.gcd`. Guard: overflow.
    Gcd => integers::gcd,
    /// `math.lcm`. Guard: overflow.
    Lcm => integers::lcm,
    /// `math.comb`. Guards: negative, overflow.
    Comb => integers::comb,
    /// `math.perm`. Guards: negative, overflow.
    Perm => integers::perm,
    /// `math.factorial`. Guards: negative, overflow.
    Factorial => integers::factorial,
    /// `math.isqrt`. Guard: negative.
    Isqrt => integers::isqrt,
    /// `math.gamma`. Guards: domain, range.
    Gamma => gamma::gamma,
    /// `math.lgamma`. Guards: domain, range.
    Lgamma => gamma::lgamma,
    /// `math.hypot` and `math.dist`: Python's minor version, then the coordinates.
    Norm => norm::norm,
    /// `math.frexp`.
    Frexp => numbers::frexp,
    /// `math.modf`.
    Modf => numbers::modf,
    /// `math.ldexp`. Guard: range.
    Ldexp => numbers::ldexp,
    /// `math.nextafter`.
    NextAfter => numbers::next_after,
    /// `math.ulp`.
    Ulp => numbers::ulp,
    /// `math.remainder`. Guard: domain.
    Remainder => numbers::remainder,
    /// `math.isclose` with both tolerances. Guard: a negative one.
    IsClose => numbers::is_close,
    /// `math.fma`. Guards: domain, range.
    Fma => numbers::fma,
    /// `math.fsum` of a list of floats. Guards: infinities of both signs, overflow.
    Fsum => sum::fsum,

    /// `list[start:stop:step]`. Guards: a step of zero, memory.
    Slice => lists::slice,
    /// `list[start:stop:step] = list`. Guards: a step of zero, memory, another size.
    SetSlice => lists::set_slice,
    /// `del list[start:stop:step]`. Guard: a step of zero.
    DeleteSlice => lists::delete_slice,
    /// `del list[index]`. Guard: the index.
    Delete => lists::delete,
    /// `list.extend(list)`. Guard: memory.
    Extend => lists::extend,
    /// `list + list`. Guard: memory.
    Concatenate => lists::concatenate,
    /// `list * count`. Guard: memory.
    Repeat => lists::repeat,
    /// `list *= count`. Guard: memory.
    RepeatInPlace => lists::repeat_in_place,
    /// `list.reverse()`.
    Reverse => lists::reverse,
    /// `list.sort(reverse=...)`. Guard: NaN.
    Sort => lists::sort,
    /// `list.index(value, start, stop)`. Guards: not there, NaNs.
    Index => search::index,
    /// `list.count(value)`. Guard: NaNs.
    Count => search::count,
    /// `value in list`. Guard: NaNs.
    Contains => search::contains,
    /// `list.remove(value)`. Guards: not there, NaNs.
    Remove => search::remove,
    /// Of two lists of one type: less, equal or greater, as -1, 0, 1. Guard: NaNs.
    Order => search::order,
}

/// Calls a routine; 0, or one more than the guard that has failed, of which `out` then has the details.
///
/// # Safety
/// `words` has as many words as `count` tells, of the types that the routine takes; `out` has room for four.
pub(crate) unsafe extern "C" fn routine(
    code: i64,
    words: *const u64,
    count: i64,
    out: *mut [u64; 4],
) -> i32 {
    // SAFETY: as the caller promises; an array without words has an address, too.
    let (words, out) = unsafe { (std::slice::from_raw_parts(words, count as usize), &mut *out) };
    match ALL[code as usize](&mut Call { words, out }) {
        Ok(()) => 0,
        Err(guard) => guard as i32 + 1,
    }
}
