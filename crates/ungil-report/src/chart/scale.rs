//! From figures to pixels, and which figures are written at an axis.

/// A figure's place on an axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    /// The figures at both ends.
    first: f64,
    last: f64,
    /// Their pixels.
    begin: f64,
    end: f64,
    is_logarithmic: bool,
}

/// Figures that are more than so many times apart are told apart on a logarithmic axis only.
const FAR_APART: f64 = 30.0;

impl Scale {
    /// Equal steps for equal differences.
    pub(super) fn linear((first, last): (f64, f64), (begin, end): (f64, f64)) -> Self {
        let is_logarithmic = false;
        Self {
            first,
            last,
            begin,
            end,
            is_logarithmic,
        }
    }

    /// Equal steps for equal ratios; figures are above 0.
    pub(super) fn logarithmic(figures: (f64, f64), pixels: (f64, f64)) -> Self {
        Self {
            is_logarithmic: true,
            ..Self::linear(figures, pixels)
        }
    }

    /// An axis for figures from `least` to `greatest`, with some air: from 0 on, or logarithmic where they are far apart.
    pub(super) fn fitting(least: f64, greatest: f64, pixels: (f64, f64)) -> Self {
        if least > 0.0 && greatest / least > FAR_APART {
            let power = |figure: f64| 10_f64.powf(figure.log10().floor());
            let first = power(least) * floor_step(least / power(least));
            return Self::logarithmic((first, greatest * 1.1), pixels);
        }
        let greatest = if greatest > 0.0 { greatest } else { 1.0 };
        let step = step(greatest);
        Self::linear((0.0, step * (greatest / step * 1.02).ceil()), pixels)
    }

    /// Pixels of a figure; those beyond an end are at it.
    pub(super) fn at(&self, figure: f64) -> f64 {
        let along = |figure: f64| {
            if self.is_logarithmic {
                figure.max(f64::MIN_POSITIVE).ln()
            } else {
                figure
            }
        };
        let length = along(self.last) - along(self.first);
        let share = if length > 0.0 {
            ((along(figure) - along(self.first)) / length).clamp(0.0, 1.0)
        } else {
            0.5
        };
        self.begin + share * (self.end - self.begin)
    }

    /// The figure at its end.
    pub(super) fn last(&self) -> f64 {
        self.last
    }

    /// Figures to write at it: four to nine, round ones.
    pub(super) fn ticks(&self) -> Vec<f64> {
        if self.is_logarithmic {
            return self.logarithmic_ticks();
        }
        let step = step(self.last);
        let steps = (self.last / step).round() as usize;
        (0..=steps).map(|number| number as f64 * step).collect()
    }

    fn logarithmic_ticks(&self) -> Vec<f64> {
        let decades = (self.last / self.first).log10();
        let within: &[f64] = if decades < 2.0 {
            &[1.0, 2.0, 5.0]
        } else if decades < 4.0 {
            &[1.0, 3.0]
        } else {
            &[1.0]
        };
        let lowest = self.first.log10().floor() as i32;
        let highest = self.last.log10().ceil() as i32;
        let all = (lowest..=highest).flat_map(|power| {
            let unit = 10_f64.powi(power);
            within.iter().map(move |figure| figure * unit)
        });
        all.filter(|tick| (self.first * 0.999..=self.last * 1.001).contains(tick))
            .collect()
    }
}

/// 1, 2 or 5: the greatest that is not above a figure of one digit.
fn floor_step(figure: f64) -> f64 {
    match figure {
        figure if figure >= 5.0 => 5.0,
        figure if figure >= 2.0 => 2.0,
        _ => 1.0,
    }
}

/// 1, 2 or 5 times a power of ten, for four to eight ticks up to `greatest`, which is above 0.
fn step(greatest: f64) -> f64 {
    let power = 10_f64.powf((greatest / 4.0).log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
    let fits = steps.into_iter().find(|step| greatest / step <= 5.0);
    fits.unwrap_or(10.0 * power)
}

/// A round figure without needless digits.
pub(super) fn short(figure: f64) -> String {
    let text = format!("{figure:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0" } else { text }.to_owned()
}

/// What times are written in at an axis.
pub(super) struct TimeUnit {
    pub(super) name: &'static str,
    per_second: f64,
}

impl TimeUnit {
    /// The largest that leaves the greatest time at 1 or more.
    pub(super) fn of(greatest_s: f64) -> Self {
        let units = [("s", 1.0), ("ms", 1e3), ("µs", 1e6)];
        let fits = units
            .into_iter()
            .find(|(_, per_second)| greatest_s * per_second >= 0.95);
        let (name, per_second) = fits.unwrap_or(("ns", 1e9));
        Self { name, per_second }
    }

    pub(super) fn figure(&self, seconds: f64) -> f64 {
        seconds * self.per_second
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)] // round figures
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ticks_are_round() {
        let ticks = |greatest| Scale::fitting(0.0, greatest, (0.0, 1.0)).ticks();
        assert_eq!(ticks(3.9), [0.0, 1.0, 2.0, 3.0, 4.0]);
        assert_eq!(
            ticks(0.83).map_short(),
            ["0", "0.2", "0.4", "0.6", "0.8", "1"]
        );
        let far = Scale::fitting(0.9, 95.0, (0.0, 1.0)).ticks();
        assert_eq!(far.map_short(), ["1", "3", "10", "30", "100"]);
    }

    trait Short {
        fn map_short(&self) -> Vec<String>;
    }

    impl Short for Vec<f64> {
        fn map_short(&self) -> Vec<String> {
            self.iter().map(|tick| short(*tick)).collect()
        }
    }

    proptest! {
        #[test]
        fn an_axis_has_room_for_its_figures_and_a_few_ticks(
            exponent in -9.0..9.0_f64, spread in 1.0..1e6_f64,
        ) {
            let (least, greatest) = (10_f64.powf(exponent), 10_f64.powf(exponent) * spread);
            let scale = Scale::fitting(least, greatest, (100.0, 0.0));
            prop_assert!(scale.at(greatest) > -1e-9 && scale.at(least) <= 100.0);
            prop_assert!(scale.at(greatest) <= scale.at(least));
            let ticks = scale.ticks();
            prop_assert!((3..=10).contains(&ticks.len()), "{ticks:?}");
            prop_assert!(ticks.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }
}
