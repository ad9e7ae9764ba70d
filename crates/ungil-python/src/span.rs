//! A stretch of time that somebody is to wait, as one would say it.

/// `12 s`, `14 min`, `5.2 h`: to the precision of an estimate.
pub(crate) fn span(seconds: f64) -> String {
    const MINUTE: f64 = 60.0;
    const HOUR: f64 = 60.0 * MINUTE;
    match seconds {
        _ if seconds < 1.5 * MINUTE => format!("{:.0} s", seconds.max(1.0)),
        _ if seconds < 1.5 * HOUR => format!("{:.0} min", seconds / MINUTE),
        _ => format!("{:.1} h", seconds / HOUR),
    }
}
