//! Figures as people read them, with three significant digits.

/// A time in s, ms, µs or ns: `1.51 s`, `420 ms`, `12.3 µs`.
pub fn seconds(seconds: f64) -> String {
    let magnitude = seconds.abs();
    // The bounds are those of the rounded figure, so that 999.6 ms becomes 1.00 s, not 1000 ms.
    let (scaled, unit) = if magnitude >= 0.999_5 {
        (seconds, "s")
    } else if magnitude >= 0.999_5e-3 {
        (seconds * 1e3, "ms")
    } else if magnitude >= 0.999_5e-6 {
        (seconds * 1e6, "µs")
    } else if magnitude > 0.0 {
        (seconds * 1e9, "ns")
    } else {
        return "0 s".to_owned();
    };
    format!("{} {unit}", three_digits(scaled))
}

/// A size in decimal units: `14.2 MB` is 14.2 million bytes.
pub fn bytes(bytes: u64) -> String {
    let magnitude = bytes as f64;
    let (scaled, unit) = if magnitude >= 0.999_5e9 {
        (magnitude / 1e9, "GB")
    } else if magnitude >= 0.999_5e6 {
        (magnitude / 1e6, "MB")
    } else if magnitude >= 0.999_5e3 {
        (magnitude / 1e3, "kB")
    } else {
        return format!("{bytes} B");
    };
    format!("{} {unit}", three_digits(scaled))
}

/// A plain number with two decimals below 10 and one below 100.
pub fn three_digits(number: f64) -> String {
    let magnitude = number.abs();
    if magnitude < 9.995 {
        format!("{number:.2}")
    } else if magnitude < 99.95 {
        format!("{number:.1}")
    } else {
        format!("{number:.0}")
    }
}

/// A share in percent: `97 %`.
pub fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_have_the_unit_that_fits() {
        for (time, text) in [
            (0.0, "0 s"),
            (43.009_5, "43.0 s"),
            (1.514, "1.51 s"),
            (0.999_6, "1.00 s"),
            (0.42, "420 ms"),
            (0.009_996, "10.0 ms"),
            (12.34e-6, "12.3 µs"),
            (7e-9, "7.00 ns"),
            (4321.0, "4321 s"),
        ] {
            assert_eq!(seconds(time), text);
        }
    }

    #[test]
    fn sizes_are_decimal() {
        for (size, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (14_480_000, "14.5 MB"),
            (999_600, "1.00 MB"),
            (144_800_000, "145 MB"),
            (2_000_000_000, "2.00 GB"),
        ] {
            assert_eq!(bytes(size), text);
        }
    }

    proptest! {
        #[test]
        fn times_are_short_and_close(exponent in -8.9..3.9_f64) {
            let time = 10_f64.powf(exponent);
            let text = seconds(time);
            prop_assert!(text.chars().count() <= 7, "{text}");
            let (number, unit) = text.split_once(' ').unwrap();
            let factor = match unit { "s" => 1.0, "ms" => 1e-3, "µs" => 1e-6, _ => 1e-9 };
            let back: f64 = number.parse::<f64>().unwrap() * factor;
            prop_assert!((back / time - 1.0).abs() < 0.0051, "{text} for {time}");
        }
    }
}
