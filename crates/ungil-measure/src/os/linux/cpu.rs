//! CPUs and what they were busy with: `/proc/cpuinfo`, `/proc/stat`, lists and masks of CPUs.

use super::TICKS_PER_SECOND;

/// What `/proc/cpuinfo` says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CpuInfo {
    /// Model of the first CPU; ARM kernels do not name it.
    pub model: Option<String>,
    /// Logical CPUs listed.
    pub logical: usize,
    /// Distinct pairs of socket and core; `None` where they are not listed.
    pub physical: Option<usize>,
    /// Whether the CPU flags say "hypervisor"; `None` without flags.
    pub hypervisor: Option<bool>,
    /// Mean of the CPUs' current frequency, MHz.
    pub frequency_mhz: Option<f64>,
}

/// Parses `/proc/cpuinfo`.
pub fn parse_cpuinfo(text: &str) -> CpuInfo {
    let mut info = CpuInfo::default();
    let mut cores = std::collections::BTreeSet::new();
    let mut frequencies = Vec::new();
    for block in text.split("\n\n") {
        let field = |name: &str| {
            block.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                (key.trim() == name).then_some(value.trim())
            })
        };
        if field("processor").is_none() {
            continue;
        }
        info.logical += 1;
        info.model = info
            .model
            .or_else(|| field("model name").map(str::to_owned));
        info.hypervisor = info.hypervisor.or_else(|| {
            field("flags").map(|flags| flags.split(' ').any(|flag| flag == "hypervisor"))
        });
        frequencies.extend(field("cpu MHz").and_then(|mhz| mhz.parse::<f64>().ok()));
        if let (Some(socket), Some(core)) = (field("physical id"), field("core id")) {
            cores.insert((socket.to_owned(), core.to_owned()));
        }
    }
    info.physical = (!cores.is_empty()).then_some(cores.len());
    info.frequency_mhz = mean(&frequencies);
    info
}

pub(super) fn mean(numbers: &[f64]) -> Option<f64> {
    (!numbers.is_empty()).then(|| numbers.iter().sum::<f64>() / numbers.len() as f64)
}

/// Cumulative CPU times of the whole machine, seconds over all CPUs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MachineTimes {
    /// user, nice, system, irq and softirq.
    pub busy_s: f64,
    /// Time a hypervisor gave to others.
    pub steal_s: f64,
}

/// Parses the first line of `/proc/stat`.
pub fn parse_stat(text: &str) -> Option<MachineTimes> {
    let line = text.lines().find(|line| line.starts_with("cpu "))?;
    let ticks: Vec<f64> = line
        .split_ascii_whitespace()
        .skip(1)
        .map_while(|n| n.parse().ok())
        .collect();
    // user nice system idle iowait irq softirq steal; guest time is part of user time.
    let [user, nice, system, _, _, irq, softirq, steal, ..] = ticks[..] else {
        return None;
    };
    Some(MachineTimes {
        busy_s: (user + nice + system + irq + softirq) / TICKS_PER_SECOND,
        steal_s: steal / TICKS_PER_SECOND,
    })
}

/// Number of CPUs in a list such as `0-3,8`, as in `Cpus_allowed_list` and `cpu/online`.
pub fn parse_cpu_list(text: &str) -> Option<usize> {
    let count = text
        .trim()
        .split(',')
        .filter(|part| !part.is_empty())
        .try_fold(0, |sum, part| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last): (u32, u32) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
            Some(sum + (last.checked_sub(first)? as usize) + 1)
        })?;
    (count > 0).then_some(count)
}

/// The first figure of `/proc/loadavg` or `/proc/uptime`.
pub fn parse_first_number(text: &str) -> Option<f64> {
    text.split_ascii_whitespace()
        .next()?
        .parse()
        .ok()
        .filter(|n: &f64| n.is_finite())
}

/// The value of a `name value` line, as in `/proc/vmstat`, `cpu.stat` and `memory.events`.
pub fn parse_counter(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        (words.next()? == name).then(|| words.next()?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)] // exact by construction
    use proptest::prelude::*;

    use super::*;

    const EPYC: &str = "\
processor\t: 0
model name\t: AMD EPYC
cpu MHz\t\t: 2596.000
physical id\t: 0
core id\t\t: 0
flags\t\t: fpu vme hypervisor lahf_lm

processor\t: 1
model name\t: AMD EPYC
cpu MHz\t\t: 2604.000
physical id\t: 0
core id\t\t: 0
flags\t\t: fpu vme hypervisor lahf_lm
";

    #[test]
    fn hyper_threads_share_a_core() {
        let expected = CpuInfo {
            model: Some("AMD EPYC".into()),
            logical: 2,
            physical: Some(1),
            hypervisor: Some(true),
            frequency_mhz: Some(2600.0),
        };
        assert_eq!(parse_cpuinfo(EPYC), expected);
    }

    #[test]
    fn arm_names_neither_model_nor_cores() {
        let info = parse_cpuinfo("processor\t: 0\nBogoMIPS\t: 50.0\nCPU part\t: 0xd40\n");
        assert_eq!(
            info,
            CpuInfo {
                logical: 1,
                ..CpuInfo::default()
            }
        );
    }

    #[test]
    fn hypervisor_is_a_whole_flag() {
        let info = parse_cpuinfo("processor : 0\nflags : fpu hypervisor_not\n");
        assert_eq!(info.hypervisor, Some(false));
    }

    #[test]
    fn stat_separates_busy_from_stolen() {
        let times = parse_stat("cpu  100 20 30 4000 50 6 7 89 1000 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n");
        assert_eq!(
            times,
            Some(MachineTimes {
                busy_s: 1.63,
                steal_s: 0.89
            })
        );
        assert_eq!(parse_stat("cpu  1 2 3\n"), None);
        assert_eq!(parse_stat(""), None);
    }

    #[test]
    fn cpu_lists_are_counted() {
        for (list, count) in [("0", 1), ("0-3", 4), ("0-3,8,10-11\n", 7), ("5-5", 1)] {
            assert_eq!(parse_cpu_list(list), Some(count), "{list}");
        }
        for bad in ["", "\n", "3-1", "a", "1-", "-", "0-99999999999"] {
            assert_eq!(parse_cpu_list(bad), None, "{bad}");
        }
    }

    #[test]
    fn counters_are_found_by_their_whole_name() {
        let text = "nr_throttled 3\nthrottled_usec 1200\noom_kill_group 9\noom_kill 2\nlow\n";
        assert_eq!(parse_counter(text, "oom_kill"), Some(2));
        assert_eq!(parse_counter(text, "throttled_usec"), Some(1200));
        assert_eq!(parse_counter(text, "low"), None);
        assert_eq!(parse_counter(text, "high"), None);
    }

    proptest! {
        #[test]
        fn parsers_never_panic(text in "[ -~\n]{0,200}") {
            let _ = (parse_cpuinfo(&text), parse_stat(&text), parse_cpu_list(&text));
            let _ = (parse_first_number(&text), parse_counter(&text, "cpu"));
        }
    }
}
