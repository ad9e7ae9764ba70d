//! The gamma function, as `CPython` has it (`m_tgamma` and `m_lgamma` in `mathmodule.c`): the approximation of
//! C. Lanczos with the constants that G. R. Pugh's thesis (2004) led the Boost library to, g = 6.0246... and 13 terms.

#![allow(clippy::excessive_precision)] // the constants as their source has them

use std::f64::consts::PI;
use std::sync::OnceLock;

use super::{Call, End};

const G: f64 = 6.024_680_040_776_729_583_740_234_375;
const G_MINUS_HALF: f64 = 5.524_680_040_776_729_583_740_234_375;
const LOG_PI: f64 = 1.144_729_885_849_400_174_143_427_351_353_058_711_647;

const NUMERATOR: [f64; 13] = [
    23_531_376_880.410_759_688_572_007_674_451_636_754_734_846_804_940,
    42_919_803_642.649_098_768_957_899_047_001_988_850_926_355_848_959,
    35_711_959_237.355_668_049_440_185_451_547_166_705_960_488_635_843,
    17_921_034_426.037_209_699_919_755_754_458_931_112_671_403_265_390,
    6_039_542_586.352_028_005_064_291_644_307_297_921_069_938_842_070_8,
    1_439_720_407.311_721_673_663_223_072_794_912_393_971_548_578_637_2,
    248_874_557.862_054_156_511_460_386_413_229_423_216_321_251_278_01,
    31_426_415.585_400_194_380_614_231_628_318_205_362_874_684_987_640,
    2_876_370.628_935_372_441_225_409_051_620_849_613_599_114_537_876_8,
    186_056.265_395_223_495_040_294_989_716_045_699_282_207_842_363_28,
    8_071.672_002_365_816_210_638_002_902_272_250_613_821_851_632_502_4,
    210.824_277_751_579_345_872_509_733_920_713_362_711_669_695_802_91,
    2.506_628_274_631_000_270_164_908_177_133_837_338_626_431_079_340_8,
];

/// `x * (x + 1) * ... * (x + 11)`, multiplied out.
const DENOMINATOR: [f64; 13] = [
    0.0,
    39_916_800.0,
    120_543_840.0,
    150_917_976.0,
    105_258_076.0,
    45_995_730.0,
    13_339_535.0,
    2_637_558.0,
    357_423.0,
    32_670.0,
    1_925.0,
    66.0,
    1.0,
];

/// Functions of the C library, whose last bits are those of `CPython`'s.
struct Library {
    sin: extern "C" fn(f64) -> f64,
    cos: extern "C" fn(f64) -> f64,
    exp: extern "C" fn(f64) -> f64,
    log: extern "C" fn(f64) -> f64,
    pow: extern "C" fn(f64, f64) -> f64,
}

fn library() -> &'static Library {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let one = |name| {
            let address = crate::runtime::symbol(name).expect("every C library has it");
            // SAFETY: C's functions of these names take a float and give one.
            unsafe { std::mem::transmute::<usize, extern "C" fn(f64) -> f64>(address) }
        };
        let power = crate::runtime::symbol("pow").expect("every C library has it");
        Library {
            sin: one("sin"),
            cos: one("cos"),
            exp: one("exp"),
            log: one("log"),
            // SAFETY: C's `pow` takes two floats and gives one.
            pow: unsafe { std::mem::transmute::<usize, extern "C" fn(f64, f64) -> f64>(power) },
        }
    })
}

/// `sin(pi * x)`, exact where that is.
fn sin_of_pi_times(x: f64) -> f64 {
    let (sin, cos) = (library().sin, library().cos);
    let y = x.abs() % 2.0;
    let result = match (2.0 * y).round() as i32 {
        0 => sin(PI * y),
        1 => cos(PI * (y - 0.5)),
        2 => sin(PI * (1.0 - y)),
        3 => -cos(PI * (y - 1.5)),
        _ => sin(PI * (y - 2.0)),
    };
    1.0_f64.copysign(x) * result
}

/// Two polynomials in `x`, or in `1 / x` where that is smaller.
fn lanczos(x: f64) -> f64 {
    let terms = NUMERATOR.iter().zip(&DENOMINATOR);
    let (numerator, denominator) = if x < 5.0 {
        terms.rev().fold((0.0, 0.0), |(above, below), (a, b)| {
            (above * x + a, below * x + b)
        })
    } else {
        terms.fold((0.0, 0.0), |(above, below), (a, b)| {
            (above / x + a, below / x + b)
        })
    };
    numerator / denominator
}

pub(super) fn gamma(call: &mut Call<'_>) -> End {
    let x = call.float(0);
    let (domain, range) = (0, 1);
    if !x.is_finite() {
        return if x.is_nan() || x > 0.0 {
            call.give_float(x)
        } else {
            call.fail_float(domain, x, 0)
        };
    }
    if x == 0.0 || (x == x.floor() && x < 0.0) {
        return call.fail_float(domain, x, 0);
    }
    if x == x.floor() && x <= 23.0 {
        // Up to 22! they are floats.
        let factorial = (1..x as u64).fold(1.0, |all, one| all * one as f64);
        return call.give_float(factorial);
    }
    let result = of_others(x);
    if result.is_infinite() {
        return call.fail_float(range, x, 0);
    }
    call.give_float(result)
}

fn of_others(x: f64) -> f64 {
    let (exp, pow) = (library().exp, library().pow);
    let size = x.abs();
    if size < 1e-20 {
        return 1.0 / x;
    }
    if size > 200.0 {
        return if x < 0.0 {
            0.0 / sin_of_pi_times(x)
        } else {
            f64::INFINITY
        };
    }
    let y = size + G_MINUS_HALF;
    // What the rounding of `y` has lost.
    let z = if size > G_MINUS_HALF {
        (y - size) - G_MINUS_HALF
    } else {
        (y - G_MINUS_HALF) - size
    };
    let z = z * G / y;
    let times = |mut result: f64, by: &dyn Fn(f64, f64) -> f64| {
        if size < 140.0 {
            by(result, pow(y, size - 0.5))
        } else {
            let half = pow(y, size / 2.0 - 0.25);
            result = by(result, half);
            by(result, half)
        }
    };
    if x < 0.0 {
        let mut result = -PI / sin_of_pi_times(size) / size * exp(y) / lanczos(size);
        result -= z * result;
        times(result, &|result, by| result / by)
    } else {
        let mut result = lanczos(size) / exp(y);
        result += z * result;
        times(result, &|result, by| result * by)
    }
}

pub(super) fn lgamma(call: &mut Call<'_>) -> End {
    let x = call.float(0);
    let (domain, range) = (0, 1);
    if !x.is_finite() {
        return call.give_float(if x.is_nan() { x } else { f64::INFINITY });
    }
    if x == x.floor() && x <= 2.0 {
        return if x <= 0.0 {
            call.fail_float(domain, x, 0)
        } else {
            call.give_float(0.0)
        };
    }
    let log = library().log;
    let size = x.abs();
    if size < 1e-20 {
        return call.give_float(-log(size));
    }
    let mut result = log(lanczos(size)) - G;
    result += (size - 0.5) * (log(size + G - 0.5) - 1.0);
    if x < 0.0 {
        result = LOG_PI - log(sin_of_pi_times(size).abs()) - log(size) - result;
    }
    if result.is_infinite() {
        return call.fail_float(range, x, 0);
    }
    call.give_float(result)
}
