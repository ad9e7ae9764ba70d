//! What can be installed beside ungil.

use super::{Facts, Finding, Package, Status, Topic};

/// A package that ungil works with.
struct Known {
    name: &'static str,
    /// The oldest version that will do: major and minor.
    oldest: (u32, u32),
    gives: &'static str,
    install: &'static str,
}

const KNOWN: [Known; 4] = [
    Known {
        name: "cloudpickle",
        oldest: (3, 0),
        gives: "lambdas, closures and functions of a notebook on processes",
        install: "pip install 'ungil[cloudpickle]'",
    },
    Known {
        name: "numpy",
        oldest: (1, 26),
        gives: "arrays, which travel to processes with one copy",
        install: "pip install numpy",
    },
    Known {
        name: "distributed",
        oldest: (2024, 8),
        gives: "ungil.executor(\"dask\")",
        install: "pip install 'ungil[dask]'",
    },
    Known {
        name: "ray",
        oldest: (2, 40),
        gives: "ungil.executor(\"ray\")",
        install: "pip install 'ungil[ray]'",
    },
];

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let packages = &facts.observed.packages;
    let version_of = |known: &Known| {
        packages
            .iter()
            .find(|package| package.name == known.name)
            .and_then(|Package { version, .. }| version.as_deref())
    };
    let mut findings = vec![compiler(facts)];
    findings.extend(KNOWN.iter().map(|known| judge(known, version_of(known))));
    findings
}

fn finding(name: &'static str, status: Status, text: impl Into<String>) -> Finding {
    Finding::new(Topic::Packages, name, status, text)
}

fn judge(known: &Known, version: Option<&str>) -> Finding {
    let Known {
        name,
        oldest,
        gives,
        install,
    } = known;
    match version {
        None => finding(name, Status::Missing, "not installed")
            .advise(format!("For {gives}: {install}")),
        Some(version) if leading(version).is_some_and(|found| found < *oldest) => {
            finding(name, Status::Note, format!("{version}, too old")).advise(format!(
                "For {gives} it has to be {}.{} or newer: {install}",
                oldest.0, oldest.1
            ))
        }
        Some(version) => finding(name, Status::Ok, version),
    }
}

/// Major and minor of a version; `None` for one that is written in another way.
fn leading(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split(['.', 'a', 'b', 'r', '+']);
    Some((
        parts.next()?.parse().ok()?,
        parts.next().unwrap_or("0").parse().ok()?,
    ))
}

fn compiler(facts: &Facts) -> Finding {
    const INSTALL: &str = "pip install 'ungil[native]'";
    let compiler = &facts.observed.compiler;
    match (&compiler.llvmlite, &compiler.failure) {
        (None, _) => finding(
            "native compiler",
            Status::Missing,
            "llvmlite is not installed",
        )
        .advise(format!("For native code: {INSTALL}")),
        (Some(version), Some(failure)) => finding(
            "native compiler",
            Status::Note,
            format!("llvmlite {version} does not load: {failure}"),
        )
        .advise(format!("Install it anew: {INSTALL}")),
        (Some(version), None) => finding(
            "native compiler",
            Status::Ok,
            match &compiler.llvm {
                Some(llvm) => format!("LLVM {llvm}, in llvmlite {version}"),
                None => format!("llvmlite {version}"),
            },
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::{Compiler, Observed};

    #[test]
    fn a_package_is_there_or_too_old_or_missing() {
        let ray = &KNOWN[3];
        for (version, status) in [
            (Some("2.40.0"), Status::Ok),
            (Some("10.0rc1"), Status::Ok),
            (Some("2.9.3"), Status::Note),
            (Some("unversioned"), Status::Ok),
            (None, Status::Missing),
        ] {
            assert_eq!(judge(ray, version).status, status, "{version:?}");
        }
        assert!(judge(ray, None).remedy.unwrap().ends_with("'ungil[ray]'"));
    }

    #[test]
    fn the_compiler_names_its_llvm_or_why_it_does_not_load() {
        let with = |llvmlite: Option<&str>, failure: Option<&str>| {
            let compiler = Compiler {
                llvmlite: llvmlite.map(str::to_owned),
                llvm: Some("20.1.8".into()),
                failure: failure.map(str::to_owned),
            };
            let found = compiler_finding(compiler);
            (found.status, found.text)
        };
        assert_eq!(
            with(Some("0.45"), None),
            (Status::Ok, "LLVM 20.1.8, in llvmlite 0.45".to_owned())
        );
        assert_eq!(with(Some("0.45"), Some("no libz")).0, Status::Note);
        assert_eq!(with(None, None).0, Status::Missing);
    }

    fn compiler_finding(compiler: Compiler) -> Finding {
        super::compiler(&Facts {
            observed: Observed {
                compiler,
                ..Observed::default()
            },
            ..Facts::default()
        })
    }
}
