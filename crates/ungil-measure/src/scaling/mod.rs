//! Scaling laws: how the speed-up `S` of a pool follows from its number of workers `N`.
//!
//! - Amdahl: G. M. Amdahl, "Validity of the single processor approach to achieving large scale
//!   computing capabilities", AFIPS 1967.
//! - USL: N. J. Gunther, "Guerrilla Capacity Planning", Springer 2007.
//!
//! Both carry a third factor, `unit`: the speed-up that one worker of the pool has against the
//! serial loop. It keeps the pool's constant overhead out of the law's own parameters. Amdahl's law
//! is the USL without coherency (Gunther 2007), so one least-squares search serves
//! both.

mod fit;
mod laws;

pub use fit::{MIN_POINTS_AMDAHL, MIN_POINTS_USL, fit_amdahl, fit_usl};
pub use laws::{Amdahl, Fit, Point, Quality, Usl};
