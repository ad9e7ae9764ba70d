//! What machine code leaves to a function in arithmetic of complex numbers, as `CPython` does it.
#![allow(unsafe_code)]
#![allow(clippy::many_single_char_names)] // the names that the formulas have

/// A quotient by Smith's method (R. L. Smith, Algorithm 116, 1962); from Python 3.14 on (`annex`), infinities and zeros
/// are recovered where it gives NaNs, as Annex G of the C standard has it. The divisor is not zero.
///
/// # Safety
/// Two floats can be written at `out`.
pub(crate) unsafe extern "C" fn quotient(
    a: f64,
    b: f64,
    c: f64,
    d: f64,
    annex: i64,
    out: *mut [f64; 2],
) {
    let (mut re, mut im) = if c.abs() >= d.abs() {
        let ratio = d / c;
        let divisor = c + d * ratio;
        ((a + b * ratio) / divisor, (b - a * ratio) / divisor)
    } else if d.abs() >= c.abs() {
        let ratio = c / d;
        let divisor = c * ratio + d;
        ((a * ratio + b) / divisor, (b * ratio - a) / divisor)
    } else {
        (f64::NAN, f64::NAN)
    };
    if annex != 0 && re.is_nan() && im.is_nan() {
        if (a.is_infinite() || b.is_infinite()) && c.is_finite() && d.is_finite() {
            let (x, y) = (unit(a), unit(b));
            re = f64::INFINITY * (x * c + y * d);
            im = f64::INFINITY * (y * c - x * d);
        } else if (c.is_infinite() || d.is_infinite()) && a.is_finite() && b.is_finite() {
            let (x, y) = (unit(c), unit(d));
            re = 0.0 * (a * x + b * y);
            im = 0.0 * (b * x - a * y);
        }
    }
    // SAFETY: as the caller promises.
    unsafe { out.write([re, im]) };
}

/// The quotient of a real and a complex number, as Python has it from 3.14 on.
///
/// # Safety
/// Two floats can be written at `out`.
pub(crate) unsafe extern "C" fn real_quotient(a: f64, c: f64, d: f64, out: *mut [f64; 2]) {
    let (mut re, mut im) = if c.abs() >= d.abs() {
        let ratio = d / c;
        let divisor = c + d * ratio;
        (a / divisor, (-a * ratio) / divisor)
    } else if d.abs() >= c.abs() {
        let ratio = c / d;
        let divisor = c * ratio + d;
        ((a * ratio) / divisor, (-a) / divisor)
    } else {
        (f64::NAN, f64::NAN)
    };
    if re.is_nan() && im.is_nan() && a.is_finite() && (c.is_infinite() || d.is_infinite()) {
        let (x, y) = (unit(c), unit(d));
        re = 0.0 * (a * x);
        im = 0.0 * (-a * y);
    }
    // SAFETY: as the caller promises.
    unsafe { out.write([re, im]) };
}

/// A product whose parts came out as NaNs, with infinities recovered as Annex G of the C standard has it.
///
/// # Safety
/// Two floats can be written at `out`.
pub(crate) unsafe extern "C" fn product_of_nans(
    a: f64,
    b: f64,
    c: f64,
    d: f64,
    out: *mut [f64; 2],
) {
    let overflow = [a * c, b * d, a * d, b * c].iter().any(|x| x.is_infinite());
    let (mut z, mut w) = ([a, b], [c, d]);
    let mut again = false;
    if z.iter().any(|x| x.is_infinite()) {
        (z, w) = (z.map(unit), w.map(number));
        again = true;
    }
    if w.iter().any(|x| x.is_infinite()) {
        (w, z) = (w.map(unit), z.map(number));
        again = true;
    }
    if !again && overflow {
        (z, w) = (z.map(number), w.map(number));
        again = true;
    }
    let ([a, b], [c, d]) = (z, w);
    let result = if again {
        [
            f64::INFINITY * (a * c - b * d),
            f64::INFINITY * (a * d + b * c),
        ]
    } else {
        [f64::NAN, f64::NAN]
    };
    // SAFETY: as the caller promises.
    unsafe { out.write(result) };
}

/// 1 for an infinity, else 0, with the sign.
fn unit(x: f64) -> f64 {
    f64::copysign(if x.is_infinite() { 1.0 } else { 0.0 }, x)
}

/// 0 for a NaN, with its sign.
fn number(x: f64) -> f64 {
    if x.is_nan() { f64::copysign(0.0, x) } else { x }
}
