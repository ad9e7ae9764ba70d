#!/usr/bin/env python3
"""Build, test, lint and measure ungil from a clone; needs rustc, gcc and Python 3.11+ with pip.

    python3 dev.py compare [ARGS]    build the release wheel, then run `ungil compare ARGS`
    python3 dev.py test [ARGS]       the Rust tests, then the Python tests on the installed wheel
    python3 dev.py lint              rustfmt, clippy, rustdoc, ruff, mypy --strict, stubtest
    python3 dev.py bench [ARGS]      benchmarks/pools.py ARGS
    python3 dev.py docs              build the site in target/site; a link to nowhere fails
    python3 dev.py examples [NAMES]  record what the examples print, make their notebooks
    python3 dev.py versions          the Python tests on every Python found on this machine

Everything lands in `.venv` (other Pythons: `.envs/`) and in cargo's target folder; nothing is
installed outside of them. A second call does only what has changed since.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial

if sys.version_info < (3, 11):  # noqa: UP036  (this is what tells those who have an older one)
    sys.exit("dev.py: this is Python " + sys.version.split()[0] + "; 3.11 or newer is needed")

from tools import environment, pythons
from tools.environment import Environment
from tools.pythons import Python
from tools.testing import Totals, run_tests
from tools.toolchain import ROOT, require_rust, say


def compare(arguments: Sequence[str]) -> int:
    require_rust()
    home = environment.home()
    home.install_ungil(home)
    program = str(home.directory / "bin" / "ungil")
    os.execv(program, [program, "compare", *arguments])


def test(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="dev.py test", epilog="The rest goes to pytest.")
    parser.add_argument("--only", choices=["rust", "python"], help="leave the other one out")
    parser.add_argument(
        "--python", metavar="PATH", default=sys.executable, help="test on this Python"
    )
    parser.add_argument(
        "--with",
        metavar="GROUP",
        dest="also",
        action="append",
        default=[],
        help="install this dependency group, too (ray, for example)",
    )
    parser.add_argument(
        "--profile",
        metavar="NAME",
        default="release",
        help="cargo's profile for the wheel; dev builds several times faster (default: release)",
    )
    options, for_pytest = parser.parse_known_args(arguments)
    results = {}
    if options.only != "python":
        results["Rust"] = test_rust()
    if options.only != "rust":
        base = pythons.require(options.python)
        environment.of(base).require_groups(*options.also)
        results[f"Python {base.version}"] = test_python(base, for_pytest, options.profile)
    return summarise(results)


def versions(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="dev.py versions", epilog="The rest goes to pytest.")
    parser.add_argument("--list", action="store_true", help="only print the Pythons found")
    options, for_pytest = parser.parse_known_args(arguments)
    found = pythons.find_all()
    if options.list:
        for base in found:
            print(base.minor, base.path)
        return 0
    return summarise(
        {f"Python {base.version}": test_python(base, for_pytest, "release") for base in found}
    )


def test_rust() -> Totals:
    require_rust()
    python = str(environment.home().python)
    command = ["cargo", "test", "--workspace", "--locked", "--no-fail-fast"]
    run = partial(run_tests, "the Rust tests", *command, PYO3_PYTHON=python)
    return given_more_tries("Rust", run(), run)


def test_python(base: Python, for_pytest: Sequence[str], profile: str) -> Totals:
    """The Python tests on the wheel, installed in an environment of `base`."""
    here = environment.of(base)
    # Dask and Arrow are large: on the Python that runs this, not on all of them.
    here.require_groups("test", *(["distributed", "arrow"] if here is environment.home() else []))
    here.install_ungil(environment.home(), profile)
    colour = "yes" if sys.stdout.isatty() else "no"
    # -I: neither the current folder nor PYTHONPATH stands in for what is installed.
    cache = f"cache_dir={here.directory / '.pytest_cache'}"  # Pythons may be tested side by side
    command = [str(here.python), "-I", "-m", "pytest", f"--color={colour}", "-o", cache]
    result = run_tests(f"the Python tests on {base.version}", *command, *for_pytest)
    alone = ["--last-failed", "--last-failed-no-failures=none"]
    return given_more_tries(
        base.version, result, partial(run_tests, "what failed, once more", *command, *alone)
    )


def given_more_tries(name: str, result: Totals, again: Callable[[], Totals]) -> Totals:
    """In CI, where the machine is shared: what fails only at first is told, and is no failure."""
    if not result.failed or "CI" not in os.environ:
        return result
    told = f"FLAKY on {name}: {result.failed} failed at first"
    for _ in range(2):
        if result.failed:
            tried = again()
            passed = result.passed + min(result.failed, tried.passed)
            result = Totals(passed, tried.failed, result.skipped)
            told += f", {tried.failed} again"
    print(told)
    return result


def summarise(results: dict[str, Totals]) -> int:
    total = Totals()
    print()
    for name, result in results.items():
        print(f"{name + ':':<16} {result}")
        total = total.plus(result)
    print(total)
    return 1 if total.failed else 0


def lint(arguments: Sequence[str]) -> int:
    argparse.ArgumentParser(prog="dev.py lint").parse_args(arguments)
    require_rust()
    home = environment.home()
    home.require_groups("lint", "test", "bench")
    home.install_ungil(home)
    failed = [name for name, command in lints(home).items() if not passes(name, command, home)]
    print(f"lint failed: {', '.join(failed)}" if failed else "lint: clean")
    return 1 if failed else 0


def lints(home: Environment) -> dict[str, list[str]]:
    python = str(home.python)
    cargo = ["--workspace", "--locked", "--quiet"]
    settings = ["--mypy-config-file", "pyproject.toml"]
    allowed = ["--allowlist", "tools/stubtest-allowlist.txt", "--ignore-unused-allowlist"]
    scripts = ["dev.py", "tools", "tests", "benchmarks", "docs", "examples"]
    return {
        "rustfmt": ["cargo", "fmt", "--all", "--check"],
        "clippy": ["cargo", "clippy", *cargo, "--all-targets", "--", "-D", "warnings"],
        "rustdoc": ["cargo", "doc", *cargo, "--no-deps", "--document-private-items"],
        "ruff check": [python, "-m", "ruff", "check"],
        "ruff format": [python, "-m", "ruff", "format", "--check"],
        "mypy, the package": [python, "-m", "mypy", "--strict", "python/ungil"],
        "mypy, the rest": [python, "-m", "mypy", "--strict", *scripts],
        "stubtest": [python, "-m", "mypy.stubtest", "ungil", *settings, *allowed],
    }


def passes(name: str, command: list[str], home: Environment) -> bool:
    say(name)
    settings = {"PYO3_PYTHON": str(home.python), "RUSTDOCFLAGS": "-D warnings"}
    return subprocess.run(command, cwd=ROOT, env=os.environ | settings, check=False).returncode == 0


def bench(arguments: Sequence[str]) -> int:
    home = environment.home()
    home.require_groups("bench")
    home.install_ungil(home)
    command = [str(home.python), str(ROOT / "benchmarks" / "pools.py"), *arguments]
    os.execv(command[0], command)


def docs(arguments: Sequence[str]) -> int:
    argparse.ArgumentParser(prog="dev.py docs").parse_args(arguments)
    home = environment.home()
    home.require_groups("docs")
    home.install_ungil(home)
    target = ROOT / "target"
    strict = ["--fail-on-warning", "--keep-going", "--quiet"]
    afresh = ["--fresh-env", "--write-all"]  # else pages that have not changed keep an old menu
    doctrees, site = str(target / "site-doctrees"), str(target / "site")
    folders = ["--conf-dir", "docs", "--doctree-dir", doctrees, ".", site]
    command = [str(home.python), "-m", "sphinx", "--builder", "html", *strict, *afresh, *folders]
    if code := subprocess.run(command, cwd=ROOT, check=False).returncode:
        return code
    print(f"the site: {site}/index.html")
    return 0


def examples(arguments: Sequence[str]) -> int:
    home = environment.home()
    home.require_groups("test")
    home.install_ungil(home)
    os.execv(home.python, [str(home.python), "-m", "tools.examples", *arguments])


VERBS = {
    "compare": compare,
    "test": test,
    "lint": lint,
    "bench": bench,
    "docs": docs,
    "examples": examples,
    "versions": versions,
}


def main() -> int:
    verb, *arguments = sys.argv[1:] or ["--help"]
    if verb in VERBS:
        return VERBS[verb](arguments)
    print(__doc__)
    return 0 if verb in ("-h", "--help", "help") else 2


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
