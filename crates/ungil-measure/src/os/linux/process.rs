//! One process: memory, CPU time, threads. Layouts: proc(5).

use super::TICKS_PER_SECOND;
use crate::comparison::MemorySample;

/// CPU time of one thread.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ThreadTime {
    /// Thread id.
    pub tid: u32,
    /// User and system time, seconds.
    pub cpu_s: f64,
}

/// PSS and USS out of `/proc/PID/smaps_rollup`, or summed over `/proc/PID/smaps`. USS is
/// `Private_Clean` plus `Private_Dirty`.
pub fn parse_smaps(text: &str) -> Option<MemorySample> {
    let (mut pss, mut uss) = (None, None);
    for line in text.lines() {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let total = match name {
            "Pss" => &mut pss,
            "Private_Clean" | "Private_Dirty" => &mut uss,
            _ => continue,
        };
        *total = Some(total.unwrap_or(0) + kibibytes(value)?);
    }
    Some(MemorySample {
        pss_bytes: pss?,
        uss_bytes: uss?,
    })
}

/// `"  1708 kB"` in bytes.
pub(super) fn kibibytes(value: &str) -> Option<u64> {
    value
        .trim()
        .strip_suffix("kB")?
        .trim()
        .parse::<u64>()
        .ok()?
        .checked_mul(1024)
}

/// User plus system time of `/proc/PID/stat` or `/proc/PID/task/TID/stat`, in seconds, to a
/// resolution of 10 ms. For a process it includes threads that have ended.
pub fn parse_stat_cpu(text: &str) -> Option<f64> {
    let ticks = |field: &str| field.parse::<u64>().ok();
    let user = stat_field(text, 14).and_then(ticks)?;
    let system = stat_field(text, 15).and_then(ticks)?;
    Some((user as f64 + system as f64) / TICKS_PER_SECOND)
}

/// Number of threads in `/proc/PID/stat`.
pub fn parse_stat_threads(text: &str) -> Option<usize> {
    stat_field(text, 20)?.parse().ok()
}

/// Field `number` (from 1, as in proc(5)) of a stat line. The second field is the program's name in
/// parentheses, which may itself hold blanks and parentheses: fields are counted after the last
/// one.
fn stat_field(text: &str, number: usize) -> Option<&str> {
    let (_, after_name) = text.rsplit_once(')')?;
    after_name.split_ascii_whitespace().nth(number - 3)
}

/// Time on the CPU out of `schedstat`, in seconds, to a resolution of nanoseconds. It is missing on
/// kernels without scheduler statistics.
pub fn parse_schedstat(text: &str) -> Option<f64> {
    let nanoseconds: u64 = text.split_ascii_whitespace().next()?.parse().ok()?;
    Some(nanoseconds as f64 / 1e9)
}

/// Time on the run queue out of `schedstat`: ready to run, and no core free; in seconds.
pub fn parse_schedstat_queued(text: &str) -> Option<f64> {
    let nanoseconds: u64 = text.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(nanoseconds as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)] // exact by construction
    use proptest::prelude::*;

    use super::*;

    const ROLLUP: &str = "\
5592080f3000-7ffe654df000 ---p 00000000 00:00 0                          [rollup]
Rss:                1708 kB
Pss:                 425 kB
Pss_Dirty:           112 kB
Shared_Clean:       1524 kB
Private_Clean:        72 kB
Private_Dirty:       112 kB
Private_Hugetlb:       0 kB
Swap:                  0 kB
";

    #[test]
    fn rollup_gives_pss_and_private_pages() {
        let expected = MemorySample {
            pss_bytes: 425 * 1024,
            uss_bytes: 184 * 1024,
        };
        assert_eq!(parse_smaps(ROLLUP), Some(expected));
    }

    #[test]
    fn full_smaps_are_summed() {
        let expected = MemorySample {
            pss_bytes: 850 * 1024,
            uss_bytes: 368 * 1024,
        };
        assert_eq!(parse_smaps(&format!("{ROLLUP}{ROLLUP}")), Some(expected));
    }

    #[test]
    fn smaps_without_the_figures_are_refused() {
        assert_eq!(parse_smaps(""), None);
        assert_eq!(parse_smaps("Pss: 1 kB\n"), None);
        assert_eq!(parse_smaps("Pss: many kB\nPrivate_Dirty: 1 kB\n"), None);
        assert_eq!(
            parse_smaps("Pss: 99999999999999999999 kB\nPrivate_Dirty: 1 kB\n"),
            None
        );
        assert_eq!(
            parse_smaps("Pss: 18446744073709551615 kB\nPrivate_Dirty: 1 kB\n"),
            None
        );
    }

    const STAT: &str = "42 (a) evil (name) S 1 42 42 0 -1 4194304 120 0 3 0 250 50 7 9 20 0 5 0 \
                        8765 12345 678 18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 17 1 0 0";

    #[test]
    fn stat_survives_a_name_with_parentheses() {
        assert_eq!(parse_stat_cpu(STAT), Some(3.0));
        assert_eq!(parse_stat_threads(STAT), Some(5));
    }

    #[test]
    fn short_stat_is_refused() {
        assert_eq!(parse_stat_cpu("42 (python) S 1 2"), None);
        assert_eq!(parse_stat_threads(""), None);
    }

    #[test]
    fn schedstat_is_in_nanoseconds() {
        assert_eq!(parse_schedstat("1500000000 123 4\n"), Some(1.5));
        assert_eq!(
            parse_schedstat_queued("1500000000 250000000 4\n"),
            Some(0.25)
        );
        assert_eq!(parse_schedstat(""), None);
        assert_eq!(parse_schedstat_queued("1"), None);
    }

    proptest! {
        #[test]
        fn parsers_never_panic(text in "\\PC{0,200}") {
            let _ = (parse_smaps(&text), parse_stat_cpu(&text), parse_stat_threads(&text));
            let _ = (parse_schedstat(&text), parse_schedstat_queued(&text));
        }
    }
}
