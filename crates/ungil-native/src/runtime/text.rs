//! Texts that are not single characters, for machine code.

use std::cmp::Ordering;
use std::slice;

/// Less than, equal to, or greater than 0, as the first text comes before the second one, or not.
///
/// # Safety
/// As many codes of `size` bytes, 1 or 4, can be read at both addresses.
pub(crate) unsafe extern "C" fn compare(
    left: *const u8,
    left_length: i64,
    right: *const u8,
    right_length: i64,
    size: i64,
) -> i32 {
    let order = if size == 1 {
        // SAFETY: as the caller promises.
        let texts = unsafe { (codes(left, left_length), codes(right, right_length)) };
        texts.0.cmp(texts.1)
    } else {
        // SAFETY: as the caller promises; codes of 4 bytes are at addresses that these allow.
        let texts: (&[u32], &[u32]) = unsafe {
            (
                codes(left.cast(), left_length),
                codes(right.cast(), right_length),
            )
        };
        texts.0.cmp(texts.1)
    };
    match order {
        Ordering::Less => -1,
        Ordering::Equal => 0,
        Ordering::Greater => 1,
    }
}

/// Not 0 if the second text is somewhere in the first one.
///
/// # Safety
/// As for [`compare`].
pub(crate) unsafe extern "C" fn find(
    text: *const u8,
    length: i64,
    wanted: *const u8,
    count: i64,
    size: i64,
) -> i32 {
    // SAFETY: as the caller promises: so many codes are so many bytes.
    let (text, wanted) = unsafe { (codes(text, length * size), codes(wanted, count * size)) };
    let finder = memchr::memmem::Finder::new(wanted);
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| finder.find(rest)) {
        // Only at the begin of a code it is there.
        if (from + at).is_multiple_of(size as usize) {
            return 1;
        }
        from += at + 1;
    }
    0
}

/// # Safety
/// As many codes, at an address that their type allows.
unsafe fn codes<'a, T>(address: *const T, length: i64) -> &'a [T] {
    // SAFETY: as the caller promises.
    unsafe { slice::from_raw_parts(address, length as usize) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn texts_are_found_and_ordered_as_rust_does(
            text in "[a-c\u{100}\u{10000}]{0,12}",
            wanted in "[a-c\u{100}\u{10000}]{0,3}",
        ) {
            let wide = |text: &str| text.chars().map(u32::from).collect::<Vec<u32>>();
            let (codes, others) = (wide(&text), wide(&wanted));
            let (lengths, addresses) = (
                (
                    codes.len().cast_signed() as i64,
                    others.len().cast_signed() as i64,
                ),
                (codes.as_ptr().cast::<u8>(), others.as_ptr().cast::<u8>()),
            );
            // SAFETY: as many codes of 4 bytes.
            let (found, order) = unsafe {
                (
                    find(addresses.0, lengths.0, addresses.1, lengths.1, 4),
                    compare(addresses.0, lengths.0, addresses.1, lengths.1, 4),
                )
            };
            prop_assert_eq!(found != 0, text.contains(&wanted));
            prop_assert_eq!(order.cmp(&0), codes.cmp(&others));
        }
    }

    #[test]
    fn a_text_that_is_between_two_codes_is_not_found() {
        let (text, wanted) = ([0x0100_u32, 0x0000_0001], [0x0000_0001_u32 << 16]);
        // SAFETY: two codes and one.
        let found = unsafe { find(text.as_ptr().cast(), 2, wanted.as_ptr().cast(), 1, 4) };
        assert_eq!(found, 0);
    }
}
