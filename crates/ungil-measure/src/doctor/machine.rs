//! Cores, memory, shared memory, limits.

use super::{Facts, Finding, Limit, Status, Topic};
use crate::units::{bytes, three_digits};

/// Fewer open files than this, and a small pool may find none left.
const FILES_NEEDED: u64 = 64;
/// Fewer than this is less than Linux gives by itself.
const FILES_USUAL: u64 = 1024;
/// What Docker gives a container.
const SMALL_SHM: u64 = 64 << 20;

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    vec![
        cores(facts),
        memory(facts),
        shared_memory(facts),
        dev_shm(facts),
        open_files(facts),
        processes(facts),
    ]
}

fn finding(name: &'static str, status: Status, text: impl Into<String>) -> Finding {
    Finding::new(Topic::Machine, name, status, text)
}

fn cores(facts: &Facts) -> Finding {
    let machine = &facts.machine;
    let (usable, online) = (machine.usable_cpus, machine.online_cpus);
    let affinity = machine.affinity_cpus.unwrap_or(online);
    let note = |text: String| finding("cores", Status::Note, text);
    match machine.cgroup_cpus {
        Some(quota) if quota < affinity.min(online) as f64 => note(format!(
            "{usable} usable: the cgroup's quota is {} of {online} CPUs",
            three_digits(quota)
        ))
        .advise(format!(
            "ungil keeps to the quota. What sizes itself by os.cpu_count() is held back: give it {usable} \
             workers (OMP_NUM_THREADS={usable} for numeric libraries), or raise the quota (docker run \
             --cpus, resources.limits.cpu in Kubernetes)."
        )),
        _ if affinity < online => note(format!(
            "{usable} usable: the process is bound to {affinity} of {online} CPUs"
        ))
        .advise(
            "ungil keeps to them. See `taskset -p $$` and the cpuset of the container; os.cpu_count() \
             tells the larger number.",
        ),
        _ if usable == 1 => note("1 usable".to_owned()).advise(
            "Nothing computes in parallel here, on whatever kind of workers; waiting still overlaps.",
        ),
        _ => finding(
            "cores",
            Status::Ok,
            match machine.physical_cores {
                Some(physical) if physical < online => {
                    format!("{usable} usable, on {physical} physical cores")
                }
                _ => format!("{usable} usable"),
            },
        ),
    }
}

fn memory(facts: &Facts) -> Finding {
    match (facts.machine.memory_limit_bytes, facts.machine.memory_bytes) {
        (Some(limit), Some(all)) => finding(
            "memory",
            Status::Note,
            format!("{} allowed by the cgroup, of {}", bytes(limit), bytes(all)),
        )
        .advise("Beyond it the kernel kills a worker; ungil then fails that worker's task alone."),
        (Some(limit), None) => finding("memory", Status::Ok, format!("{} allowed", bytes(limit))),
        (None, Some(all)) => finding("memory", Status::Ok, format!("{}, no limit", bytes(all))),
        (None, None) => finding("memory", Status::Note, "unknown")
            .advise("/proc/meminfo cannot be read: is /proc mounted?"),
    }
}

fn shared_memory(facts: &Facts) -> Finding {
    match &facts.observed.shared_memory {
        None => finding(
            "shared memory",
            Status::Ok,
            "anonymous segments (memfd) work",
        ),
        Some(reason) => finding(
            "shared memory",
            Status::Broken,
            format!("no anonymous segments: {reason}"),
        )
        .advise(
            "Process pools and ungil.sync need memfd_create and mmap: allow them in the sandbox's \
             seccomp profile. Threads work without.",
        ),
    }
}

fn dev_shm(facts: &Facts) -> Finding {
    const OURS: &str =
        "ungil does not use it; multiprocessing's locks, queues and shared_memory do.";
    match facts.observed.dev_shm {
        None => finding("/dev/shm", Status::Note, "not there").advise(OURS),
        Some(space) => {
            let text = format!("{} free of {}", bytes(space.free), bytes(space.total));
            if space.free < SMALL_SHM {
                finding("/dev/shm", Status::Note, text).advise(format!(
                    "{OURS} For those, enlarge it (docker run --shm-size=1g)."
                ))
            } else {
                finding("/dev/shm", Status::Ok, text)
            }
        }
    }
}

fn told(limit: Limit) -> String {
    match (limit.soft, limit.hard) {
        (None, _) => "no limit".to_owned(),
        (Some(soft), Some(hard)) if soft == hard => format!("{soft} at most"),
        (Some(soft), Some(hard)) => format!("{soft} at most, can be raised to {hard}"),
        (Some(soft), None) => format!("{soft} at most, can be raised"),
    }
}

fn open_files(facts: &Facts) -> Finding {
    let limit = facts.observed.open_files;
    let soft = limit.soft.unwrap_or(u64::MAX);
    let status = match soft {
        0..FILES_NEEDED => Status::Broken,
        FILES_NEEDED..FILES_USUAL => Status::Note,
        _ => Status::Ok,
    };
    let found = finding("open files", status, told(limit));
    if status == Status::Ok {
        return found;
    }
    found.advise(if limit.hard.is_none_or(|hard| hard > soft) {
        let to = limit.hard.unwrap_or(4096).min(4096);
        format!("Each worker process takes a few. Raise the limit: ulimit -n {to}")
    } else {
        "Each worker process takes a few. Have the limit raised (LimitNOFILE= in systemd, --ulimit \
         nofile=4096 in Docker)."
            .to_owned()
    })
}

fn processes(facts: &Facts) -> Finding {
    let few = 256 + 8 * facts.machine.usable_cpus as u64;
    let of_user = facts.observed.processes;
    let of_user = if facts.observed.root {
        Limit::default()
    } else {
        of_user
    };
    let user = of_user.soft.unwrap_or(u64::MAX);
    let cgroup = facts.cgroup_tasks.unwrap_or(u64::MAX);
    let note = |text, remedy: &str| finding("processes", Status::Note, text).advise(remedy);
    if cgroup < few && cgroup <= user {
        note(
            format!("{cgroup} at most in the cgroup, threads included"),
            "Raise it (docker run --pids-limit, TasksMax= in systemd) where many workers are wanted.",
        )
    } else if user < few {
        note(
            format!("{}, threads included", told(of_user)),
            "All programs of this user share them. Raise the limit (ulimit -u, nproc in \
             /etc/security/limits.conf) where many workers are wanted.",
        )
    } else if cgroup < user {
        finding(
            "processes",
            Status::Ok,
            format!("{cgroup} at most in the cgroup, threads included"),
        )
    } else {
        finding("processes", Status::Ok, told(of_user))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comparison::Machine;
    use crate::doctor::{Observed, Space};

    fn with(machine: Machine) -> Facts {
        Facts {
            machine,
            ..Facts::default()
        }
    }

    fn seen(observed: Observed) -> Facts {
        let mut facts = with(eight());
        facts.observed = observed;
        facts
    }

    fn eight() -> Machine {
        Machine {
            online_cpus: 8,
            affinity_cpus: Some(8),
            usable_cpus: 8,
            memory_bytes: Some(16_000_000_000),
            ..Machine::default()
        }
    }

    #[test]
    fn all_cores_are_fine() {
        let found = cores(&with(eight()));
        assert_eq!((found.status, &*found.text), (Status::Ok, "8 usable"));
    }

    #[test]
    fn a_quota_is_told_with_the_number_of_workers_that_fit() {
        let found = cores(&with(Machine {
            cgroup_cpus: Some(1.5),
            usable_cpus: 2,
            ..eight()
        }));
        assert_eq!(
            (found.status, &*found.text),
            (
                Status::Note,
                "2 usable: the cgroup's quota is 1.50 of 8 CPUs"
            )
        );
        assert!(found.remedy.unwrap().contains("OMP_NUM_THREADS=2"));
    }

    #[test]
    fn a_quota_that_is_no_limit_is_not_told() {
        let found = cores(&with(Machine {
            cgroup_cpus: Some(8.0),
            ..eight()
        }));
        assert_eq!(found.status, Status::Ok);
    }

    #[test]
    fn an_affinity_mask_is_told() {
        let found = cores(&with(Machine {
            affinity_cpus: Some(3),
            usable_cpus: 3,
            ..eight()
        }));
        assert_eq!(found.text, "3 usable: the process is bound to 3 of 8 CPUs");
    }

    #[test]
    fn without_shared_memory_the_machine_is_not_healthy() {
        let found = shared_memory(&seen(Observed {
            shared_memory: Some("Operation not permitted".into()),
            ..Observed::default()
        }));
        assert_eq!(found.status, Status::Broken);
    }

    #[test]
    fn a_small_dev_shm_is_somebody_elses_problem() {
        let found = dev_shm(&seen(Observed {
            dev_shm: Some(Space {
                total: 64 << 20,
                free: 1 << 20,
            }),
            ..Observed::default()
        }));
        assert_eq!(found.status, Status::Note);
    }

    #[test]
    fn open_files_are_judged_by_their_number() {
        for (soft, hard, status, remedy) in [
            (None, None, Status::Ok, ""),
            (Some(1024), Some(4096), Status::Ok, ""),
            (Some(256), Some(2048), Status::Note, "ulimit -n 2048"),
            (Some(256), None, Status::Note, "ulimit -n 4096"),
            (Some(20), Some(20), Status::Broken, "LimitNOFILE="),
        ] {
            let found = open_files(&seen(Observed {
                open_files: Limit { soft, hard },
                ..Observed::default()
            }));
            assert_eq!(found.status, status, "{soft:?}");
            assert!(found.remedy.unwrap_or_default().contains(remedy));
        }
    }

    #[test]
    fn the_tighter_limit_of_processes_is_told_and_roots_is_none() {
        let limited = |soft, cgroup_tasks, root| {
            let mut facts = seen(Observed {
                processes: Limit {
                    soft: Some(soft),
                    hard: Some(soft),
                },
                root,
                ..Observed::default()
            });
            facts.cgroup_tasks = cgroup_tasks;
            let found = processes(&facts);
            (found.status, found.text)
        };
        let cgroup = "100 at most in the cgroup, threads included";
        assert_eq!(
            limited(50_000, Some(100), false),
            (Status::Note, cgroup.to_owned())
        );
        assert_eq!(
            limited(60, Some(100), false),
            (Status::Note, "60 at most, threads included".to_owned())
        );
        assert_eq!(limited(60, None, true), (Status::Ok, "no limit".to_owned()));
        assert_eq!(
            limited(50_000, Some(9_000), false).1,
            "9000 at most in the cgroup, threads included"
        );
    }
}
