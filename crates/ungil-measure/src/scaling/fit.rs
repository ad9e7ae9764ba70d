//! Least squares with bounds, for both laws.
//!
//! For given `sigma` and `kappa` the best `unit` has a closed form (variable projection, Golub and
//! Pereyra 1973), which leaves a search in at most two bounded dimensions: a grid that zooms in on
//! its best point. It needs no derivatives and no starting value, cannot leave the bounds, and
//! gives the same answer for the same points.

use super::laws::relative;
use super::{Amdahl, Fit, Point, Quality, Usl};

/// Distinct worker counts that Amdahl's law needs: one more than it has parameters.
pub const MIN_POINTS_AMDAHL: usize = 3;

/// Distinct worker counts that the USL needs: one more than it has parameters.
pub const MIN_POINTS_USL: usize = 4;

/// Greatest coherency searched. At 10 two workers are ten times slower than one; real systems stay
/// below 1.
const MAX_KAPPA: f64 = 10.0;

/// Grid points per dimension, how far each zoom shrinks the grid, and how often. A quick zoom would
/// lose its way: where the points are few, the best values lie in a narrow valley of equally good
/// contention and coherency.
const GRID: u32 = 24;
const SHRINK: f64 = 0.7;
const ZOOMS: u32 = 100;

/// Fits Amdahl's law to (worker count, speed-up) points.
pub fn fit_amdahl(points: &[(usize, f64)]) -> Fit<Amdahl> {
    if let Some(reason) = refusal("Amdahl's law", MIN_POINTS_AMDAHL, points) {
        return Fit::Refused { reason };
    }
    let shape = search(points, 0.0);
    let unit = best_unit(points, shape).0;
    let serial_fraction = shape.sigma;
    let limit = (serial_fraction > 0.0).then(|| unit / serial_fraction);
    Fit::Fitted {
        law: Amdahl {
            serial_fraction,
            unit,
            limit,
        },
        quality: quality(points, shape, unit),
    }
}

/// Fits the Universal Scalability Law to (worker count, speed-up) points.
pub fn fit_usl(points: &[(usize, f64)]) -> Fit<Usl> {
    if let Some(reason) = refusal("The Universal Scalability Law", MIN_POINTS_USL, points) {
        return Fit::Refused { reason };
    }
    let (bent, plain) = (search(points, MAX_KAPPA), search(points, 0.0));
    // Where coherency explains nothing, it is 0 and not merely small.
    let explains = best_unit(points, bent).1 < best_unit(points, plain).1 * (1.0 - 1e-9);
    let shape = if explains && !is_exact(points, plain) {
        bent
    } else {
        plain
    };
    let unit = best_unit(points, shape).0;
    let peak = ((1.0 - shape.sigma) / shape.kappa).sqrt();
    let law = Usl {
        contention: shape.sigma,
        coherency: shape.kappa,
        unit,
        peak_workers: peak.is_finite().then(|| peak.max(1.0)),
    };
    Fit::Fitted {
        law,
        quality: quality(points, shape, unit),
    }
}

fn refusal(law: &str, needed: usize, points: &[(usize, f64)]) -> Option<String> {
    if points
        .iter()
        .any(|(n, s)| *n == 0 || !s.is_finite() || *s <= 0.0)
    {
        return Some(format!(
            "{law} needs worker counts and speed-ups above zero."
        ));
    }
    let mut counts: Vec<usize> = points.iter().map(|(n, _)| *n).collect();
    counts.sort_unstable();
    counts.dedup();
    let have = counts.len();
    (have < needed).then(|| {
        let measured = match have {
            0 => "none was measured".to_owned(),
            1 => "only 1 was measured".to_owned(),
            _ => format!("only {have} were measured"),
        };
        format!("{law} needs {needed} worker counts, and {measured} (ask for more with --workers).")
    })
}

/// The parameters that bend the curve.
#[derive(Clone, Copy, Debug)]
struct Shape {
    sigma: f64,
    kappa: f64,
}

impl Shape {
    /// Speed-up of `workers` relative to one.
    fn relative(self, workers: usize) -> f64 {
        relative(workers as f64, self.sigma, self.kappa)
    }
}

/// The `unit` that fits best with this shape, and the sum of squares that remains.
fn best_unit(points: &[(usize, f64)], shape: Shape) -> (f64, f64) {
    let (mut product, mut square) = (0.0, 0.0);
    for (n, s) in points {
        let relative = shape.relative(*n);
        product += relative * s;
        square += relative * relative;
    }
    let unit = product / square;
    let rest = points
        .iter()
        .map(|(n, s)| (s - unit * shape.relative(*n)).powi(2))
        .sum();
    (unit, rest)
}

/// The best shape with `sigma` in [0, 1] and `kappa` in [0, `max_kappa`].
///
/// `kappa` is searched along its fourth root: useful values span many powers of ten.
fn search(points: &[(usize, f64)], max_kappa: f64) -> Shape {
    let at = |x: f64, y: f64| Shape {
        sigma: x,
        kappa: max_kappa * y.powi(4),
    };
    let steps_y = if max_kappa > 0.0 { GRID } else { 0 };
    let (mut best, mut rest) = ((0.0, 0.0), f64::INFINITY);
    let mut half_width = 0.5;
    let mut centre = (0.5, 0.5);
    for _ in 0..ZOOMS {
        for i in 0..=GRID {
            for j in 0..=steps_y {
                let offset = |k: u32| half_width * (2.0 * f64::from(k) / f64::from(GRID) - 1.0);
                let x = (centre.0 + offset(i)).clamp(0.0, 1.0);
                let y = (centre.1 + offset(j)).clamp(0.0, 1.0);
                let (_, candidate) = best_unit(points, at(x, y));
                if candidate < rest {
                    (best, rest) = ((x, y), candidate);
                }
            }
        }
        centre = best;
        half_width *= SHRINK;
    }
    at(best.0, best.1)
}

/// Whether only rounding errors remain.
fn is_exact(points: &[(usize, f64)], shape: Shape) -> bool {
    let total: f64 = points.iter().map(|(_, s)| s * s).sum();
    best_unit(points, shape).1 <= total * 1e-20
}

fn quality(points: &[(usize, f64)], shape: Shape, unit: f64) -> Quality {
    let points: Vec<Point> = points
        .iter()
        .map(|(n, s)| Point {
            workers: *n,
            observed: *s,
            predicted: unit * shape.relative(*n),
        })
        .collect();
    let count = points.len() as f64;
    let mean = points.iter().map(|p| p.observed).sum::<f64>() / count;
    let rest: f64 = points
        .iter()
        .map(|p| (p.observed - p.predicted).powi(2))
        .sum();
    let total: f64 = points.iter().map(|p| (p.observed - mean).powi(2)).sum();
    Quality {
        rmse: (rest / count).sqrt(),
        r_squared: (total > 0.0).then(|| 1.0 - rest / total),
        points,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)] // exact by construction
    use proptest::prelude::*;

    use super::*;

    fn usl(points: &[(usize, f64)]) -> Usl {
        match fit_usl(points) {
            Fit::Fitted { law, .. } => law,
            Fit::Refused { reason } => panic!("{reason}"),
        }
    }

    fn amdahl(points: &[(usize, f64)]) -> Amdahl {
        match fit_amdahl(points) {
            Fit::Fitted { law, .. } => law,
            Fit::Refused { reason } => panic!("{reason}"),
        }
    }

    #[track_caller]
    fn assert_close(found: f64, expected: f64, relative: f64) {
        assert!(
            (found - expected).abs() <= relative * expected.abs(),
            "{found}, not {expected}"
        );
    }

    /// SPEC SDM91 on a Sun `SPARCcenter` 2000: Gunther (2007); coefficients and peak as
    /// the R package usl 3.0 gives them in its README and in tests/peak-scalability.R.
    #[test]
    fn spec_sdm91_is_as_published() {
        let law = usl(&[
            (1, 64.9),
            (18, 995.9),
            (36, 1652.4),
            (72, 1853.2),
            (108, 1828.9),
            (144, 1775.0),
            (216, 1702.2),
        ]);
        assert_close(law.contention, 0.027_728_5, 1e-4);
        assert_close(law.coherency, 0.000_104_4, 1e-3);
        assert_close(law.unit, 89.995_233_0, 1e-4);
        assert_close(law.peak_workers.expect("a peak"), 96.519_56, 1e-4);
    }

    /// BRL-CAD's ray tracer on an SGI Origin 2000: Gunther (2007); coefficients of its
    /// first six points from the R package usl 3.0, tests/confint.R.
    #[test]
    fn ray_tracer_is_as_published() {
        let law = usl(&[
            (1, 20.0),
            (4, 78.0),
            (8, 130.0),
            (12, 170.0),
            (16, 190.0),
            (20, 200.0),
        ]);
        assert_close(law.contention, 0.024_44, 1e-3);
        assert_close(law.coherency, 0.001_63, 5e-3);
        assert_close(law.unit, 20.856_05, 1e-4);
    }

    /// With all eleven points its coherency is at the bound: the package's vignette finds 0, and
    /// concludes that the law is Amdahl's here.
    #[test]
    fn ray_tracer_at_full_size_has_no_peak() {
        let points = [
            (1, 20.0),
            (4, 78.0),
            (8, 130.0),
            (12, 170.0),
            (16, 190.0),
            (20, 200.0),
            (24, 210.0),
            (28, 230.0),
            (32, 260.0),
            (48, 280.0),
            (64, 310.0),
        ];
        let law = usl(&points);
        assert_eq!((law.coherency, law.peak_workers), (0.0, None));
        assert_close(law.contention, amdahl(&points).serial_fraction, 1e-9);
    }

    /// The example of the R package's tests/coef.R: 0.02, 0.02 and 1.
    #[test]
    fn example_of_the_r_package() {
        let law = usl(&[
            (1, 1.0),
            (2, 1.8868),
            (4, 3.0769),
            (6, 3.5294),
            (8, 3.5398),
            (10, 3.3557),
        ]);
        assert_close(law.contention, 0.02, 1e-2);
        assert_close(law.coherency, 0.02, 1e-2);
        assert_close(law.unit, 1.0, 1e-3);
    }

    /// Amdahl (1967) as every textbook computes it: 5 % serial work cannot exceed 20.
    #[test]
    fn five_percent_serial_work_is_limited_to_twenty() {
        let law = amdahl(&[1, 2, 4, 8].map(|n| (n, 1.0 / (0.05 + 0.95 / n as f64))));
        assert_close(law.serial_fraction, 0.05, 1e-9);
        assert_close(law.limit.expect("a limit"), 20.0, 1e-9);
    }

    #[test]
    fn perfect_scaling_has_no_limit_and_no_peak() {
        let points = [1, 2, 4, 8].map(|n| (n, n as f64));
        assert_eq!(amdahl(&points).serial_fraction, 0.0);
        assert_eq!(amdahl(&points).limit, None);
        assert_eq!(usl(&points).peak_workers, None);
    }

    #[test]
    fn superlinear_speedup_stays_in_the_bounds() {
        let law = usl(&[(1, 1.0), (2, 2.3), (4, 5.0), (8, 11.0)]);
        assert_eq!((law.contention, law.coherency), (0.0, 0.0));
    }

    /// The lecture's threads on cpu-bound work: nothing gained however many.
    #[test]
    fn flat_curve_is_all_serial() {
        let points = [(1, 0.98), (2, 0.98), (4, 0.98), (8, 0.98)];
        let law = amdahl(&points);
        assert_close(law.serial_fraction, 1.0, 1e-9);
        assert_close(law.unit, 0.98, 1e-9);
        let Fit::Fitted { quality, .. } = fit_amdahl(&points) else {
            panic!("enough points")
        };
        assert_eq!(quality.r_squared, None);
        assert!(quality.rmse < 1e-9);
    }

    #[test]
    fn too_few_counts_are_refused_with_a_remedy() {
        let Fit::Refused { reason } = fit_usl(&[(1, 1.0), (2, 1.9), (2, 1.8), (4, 3.0)]) else {
            panic!("three counts must not do")
        };
        assert!(reason.contains("needs 4 worker counts"), "{reason}");
        assert!(reason.contains("only 3 were measured"), "{reason}");
        assert!(reason.contains("--workers"), "{reason}");
        assert!(matches!(fit_amdahl(&[]), Fit::Refused { .. }));
    }

    #[test]
    fn nonsense_points_are_refused() {
        for bad in [
            (0, 1.0),
            (3, f64::NAN),
            (3, 0.0),
            (3, -1.0),
            (3, f64::INFINITY),
        ] {
            let points = [(1, 1.0), (2, 1.9), (4, 3.0), (8, 5.0), bad];
            assert!(matches!(fit_usl(&points), Fit::Refused { .. }), "{bad:?}");
            assert!(
                matches!(fit_amdahl(&points), Fit::Refused { .. }),
                "{bad:?}"
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn parameters_come_back(
            sigma in 0.0..0.9_f64, kappa in 0.0..0.1_f64, unit in 0.3..1.2_f64,
        ) {
            let shape = Shape { sigma, kappa };
            let points = [1, 2, 4, 8, 16, 32].map(|n| (n, unit * shape.relative(n)));
            let law = usl(&points);
            prop_assert!((law.contention - sigma).abs() < 1e-4, "{law:?}");
            prop_assert!((law.coherency - kappa).abs() < 1e-4, "{law:?}");
            prop_assert!((law.unit - unit).abs() < 1e-4, "{law:?}");
        }

        #[test]
        fn parameters_come_back_through_noise(
            sigma in 0.0..0.3_f64, kappa in 0.0..0.01_f64,
            noise in prop::collection::vec(0.99..1.01_f64, 8),
        ) {
            let shape = Shape { sigma, kappa };
            let points: Vec<_> = [1, 2, 3, 4, 6, 8, 12, 16].into_iter().zip(noise)
                .map(|(n, factor)| (n, factor * shape.relative(n))).collect();
            let law = usl(&points);
            prop_assert!((law.contention - sigma).abs() < 0.05, "{law:?}");
            prop_assert!((law.coherency - kappa).abs() < 0.01, "{law:?}");
        }

        #[test]
        fn serial_fraction_comes_back(s in 0.0..=1.0_f64, unit in 0.3..1.2_f64) {
            let points = [1, 2, 4].map(|n| (n, unit / (s + (1.0 - s) / n as f64)));
            let law = amdahl(&points);
            prop_assert!((law.serial_fraction - s).abs() < 1e-6, "{law:?}");
        }

        #[test]
        fn bounds_hold_and_the_richer_law_fits_no_worse(
            speedups in prop::collection::vec(0.05..40.0_f64, 4..9),
        ) {
            let points: Vec<_> = speedups.iter().enumerate().map(|(i, s)| (i + 1, *s)).collect();
            let (Fit::Fitted { law, quality }, Fit::Fitted { law: plain, quality: plain_quality }) =
                (fit_usl(&points), fit_amdahl(&points)) else { panic!("enough points") };
            prop_assert!((0.0..=1.0).contains(&law.contention) && law.coherency >= 0.0);
            prop_assert!((0.0..=1.0).contains(&plain.serial_fraction));
            prop_assert!(law.unit > 0.0 && plain.unit > 0.0);
            prop_assert!(quality.rmse <= plain_quality.rmse * 1.001 + 1e-9);
        }
    }
}
