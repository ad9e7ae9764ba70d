//! Control groups: where this process's groups are mounted, and the limits written there.
//!
//! Layouts: cgroups(7), and `Documentation/admin-guide/cgroup-v2.rst` of the kernel. A limit of an
//! outer group binds its inner ones, so every folder from the process's own up to the mount counts.

use std::path::{Path, PathBuf};

/// The version of a hierarchy, which decides the files' names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// One hierarchy per controller.
    V1,
    /// One hierarchy for all.
    V2,
}

/// The folder of this process's group in one hierarchy, and the mount it lies below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Which files to expect.
    pub version: Version,
    /// Own folder.
    pub folder: PathBuf,
    /// Where the hierarchy is mounted; the walk upwards ends there.
    pub mount: PathBuf,
}

impl Group {
    /// Own folder first, then its parents up to the mount.
    pub fn folders(&self) -> impl Iterator<Item = &Path> {
        self.folder
            .ancestors()
            .take_while(|folder| folder.starts_with(&self.mount))
    }
}

/// Finds the groups that hold a controller (`cpu`, `memory`), version 1 and 2, out of
/// `/proc/self/cgroup` and `/proc/self/mountinfo`.
pub fn find_groups(controller: &str, cgroup: &str, mountinfo: &str) -> Vec<Group> {
    cgroup
        .lines()
        .filter_map(|line| {
            let mut parts = line.splitn(3, ':');
            let (number, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
            let version = if number == "0" && controllers.is_empty() {
                Version::V2
            } else if controllers.split(',').any(|name| name == controller) {
                Version::V1
            } else {
                return None;
            };
            let (root, mount) = mountinfo
                .lines()
                .find_map(|line| mount_of(line, version, controller))?;
            // In a container the mount shows a part of the hierarchy: its root is cut off the path.
            // A path outside of that part belongs to another namespace; the mount is what we see.
            let inside = Path::new(path).strip_prefix(&root).unwrap_or(Path::new(""));
            let outside = inside
                .components()
                .any(|part| part == std::path::Component::ParentDir);
            let folder = if outside {
                mount.clone()
            } else {
                mount.join(inside)
            };
            Some(Group {
                version,
                folder,
                mount,
            })
        })
        .collect()
}

/// Root and mount point of a mountinfo line, when it mounts the hierarchy sought.
fn mount_of(line: &str, version: Version, controller: &str) -> Option<(PathBuf, PathBuf)> {
    let (left, right) = line.split_once(" - ")?;
    let mut left = left.split(' ').skip(3);
    let (root, mount) = (left.next()?, left.next()?);
    let mut right = right.split(' ');
    let (kind, _, options) = (right.next()?, right.next()?, right.next().unwrap_or(""));
    let found = match version {
        Version::V1 => kind == "cgroup" && options.split(',').any(|name| name == controller),
        Version::V2 => kind == "cgroup2",
    };
    found.then(|| (unescape(root), unescape(mount)))
}

/// mountinfo writes blanks, tabs, newlines and backslashes as three octal digits.
fn unescape(text: &str) -> PathBuf {
    let plain = [
        ("\\040", " "),
        ("\\011", "\t"),
        ("\\012", "\n"),
        ("\\134", "\\"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (code, character)| {
        text.replace(code, character)
    });
    PathBuf::from(plain)
}

/// CPUs of a `cpu.max` file (`"150000 100000"` is 1.5). `None` for `max` and for quotas that are
/// no limit or no sense, such as 0.
pub fn parse_cpu_max(text: &str) -> Option<f64> {
    let mut words = text.split_ascii_whitespace();
    let quota = words.next()?;
    let period = words.next().unwrap_or("100000");
    cpus(quota, period)
}

/// CPUs of `cpu.cfs_quota_us` and `cpu.cfs_period_us`; -1 is no limit.
pub fn parse_cfs(quota: &str, period: &str) -> Option<f64> {
    cpus(quota.trim(), period.trim())
}

fn cpus(quota: &str, period: &str) -> Option<f64> {
    let (quota, period): (i64, i64) = (quota.parse().ok()?, period.parse().ok()?);
    (quota > 0 && period > 0).then(|| quota as f64 / period as f64)
}

/// A limit in `memory.max` or `memory.limit_in_bytes` (bytes) or `pids.max`; `None` for `max`. Version 1 writes "no limit"
/// of memory as a huge number, which the caller drops by comparing it with the physical memory.
pub fn parse_count_limit(text: &str) -> Option<u64> {
    text.trim().parse().ok().filter(|bytes| *bytes > 0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)] // exact by construction
    use proptest::prelude::*;

    use super::*;

    const V1: &str = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n\
                      32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n\
                      41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";

    fn group(version: Version, folder: &str, mount: &str) -> Group {
        Group {
            version,
            folder: folder.into(),
            mount: mount.into(),
        }
    }

    #[test]
    fn both_versions_are_found_side_by_side() {
        let groups = find_groups("cpu", "4:memory:/m\n2:cpu,cpuacct:/a/b\n0::/\n", V1);
        assert_eq!(
            groups,
            [
                group(
                    Version::V1,
                    "/sys/fs/cgroup/cpu,cpuacct/a/b",
                    "/sys/fs/cgroup/cpu,cpuacct"
                ),
                group(
                    Version::V2,
                    "/sys/fs/cgroup/unified/",
                    "/sys/fs/cgroup/unified"
                ),
            ]
        );
    }

    #[test]
    fn walk_ends_at_the_mount() {
        let own = group(Version::V2, "/sys/fs/cgroup/a/b", "/sys/fs/cgroup");
        let folders: Vec<_> = own.folders().collect();
        let expected = ["/sys/fs/cgroup/a/b", "/sys/fs/cgroup/a", "/sys/fs/cgroup"].map(Path::new);
        assert_eq!(folders, expected);
    }

    #[test]
    fn containers_cut_the_root_off() {
        let mount = "1 0 0:1 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
        let own = |path: &str| {
            find_groups("cpu", &format!("0::{path}\n"), mount)[0]
                .folder
                .clone()
        };
        assert_eq!(own("/docker/abc/job"), Path::new("/sys/fs/cgroup/job"));
        assert_eq!(own("/elsewhere"), Path::new("/sys/fs/cgroup/"));
        assert_eq!(own("/docker/abc/../../x"), Path::new("/sys/fs/cgroup"));
    }

    #[test]
    fn blanks_in_mounts_are_unescaped() {
        let mount = "1 0 0:1 / /mnt/my\\040groups rw - cgroup2 none rw\n";
        assert_eq!(
            find_groups("cpu", "0::/\n", mount)[0].mount,
            Path::new("/mnt/my groups")
        );
    }

    #[test]
    fn no_mount_no_group() {
        assert!(find_groups("cpu", "0::/\n", "").is_empty());
        assert!(find_groups("cpu", "", V1).is_empty());
        assert!(find_groups("cpu", "garbage\n::\n", V1).is_empty());
    }

    #[test]
    fn quotas() {
        for (text, cpus) in [
            ("150000 100000\n", Some(1.5)),
            ("50000 100000", Some(0.5)),
            ("200000", Some(2.0)),
            ("max 100000\n", None),
            ("0 100000\n", None),
            ("-1 100000\n", None),
            ("100000 0\n", None),
            ("", None),
        ] {
            assert_eq!(parse_cpu_max(text), cpus, "{text}");
        }
        assert_eq!(parse_cfs("-1\n", "100000\n"), None);
        assert_eq!(parse_cfs("400000\n", "100000\n"), Some(4.0));
    }

    #[test]
    fn limits_that_count() {
        assert_eq!(parse_count_limit("1073741824\n"), Some(1 << 30));
        assert_eq!(parse_count_limit("max\n"), None);
        assert_eq!(parse_count_limit("0\n"), None);
        assert_eq!(parse_count_limit(""), None);
    }

    proptest! {
        #[test]
        fn parsers_never_panic(a in "[ -~\n]{0,120}", b in "[ -~\n]{0,120}") {
            for group in find_groups("cpu", &a, &b) {
                prop_assert!(group.folders().all(|f| f.starts_with(&group.mount)));
            }
            let _ = (parse_cpu_max(&a), parse_cfs(&a, &b), parse_count_limit(&a));
        }
    }
}
