"""`ungil doctor` and `ungil.doctor`: what works here, what does not, and what to do about it."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import ungil
from command_line import ENVIRONMENT, INTERPRETERS, Cli


def doctor(
    *arguments: str, before: str = "", limit: Callable[[], None] | None = None
) -> subprocess.CompletedProcess[str]:
    """The command line in a process prepared by `before` (Python) and `limit`."""
    script = f"{before}\nimport sys\nfrom ungil import __main__\nsys.exit(__main__.main())"
    return subprocess.run(
        [sys.executable, "-c", script, "doctor", *arguments],
        env=ENVIRONMENT,
        preexec_fn=limit,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def finding(name: str, done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    found: dict[str, Any] = next(
        each for each in json.loads(done.stdout)["findings"] if each["name"] == name
    )
    return found


def test_a_machine_that_runs_these_tests_is_healthy(cli: Cli) -> None:
    done = cli("doctor")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("Everything that ungil needs works here.\n")


def test_every_finding_that_is_not_ok_says_what_to_do() -> None:
    for each in ungil.doctor()["findings"]:
        assert (each["status"] == "ok") or each["remedy"], each


def test_json_of_the_command_line_has_what_the_function_returns(cli: Cli, tmp_path: Path) -> None:
    assert cli("doctor", "--json=facts.json").stdout == ""
    written = json.loads((tmp_path / "facts.json").read_text())
    returned = ungil.doctor()
    for document in (written, returned):  # how full /dev/shm is changes, who runs this, too
        document["facts"]["observed"].pop("dev_shm")
        document["findings"] = [
            (each["name"], each["status"])
            for each in document["findings"]
            if each["name"] not in {"open files", "/dev/shm"}
        ]
        document["facts"]["observed"].pop("open_files")
    assert written == returned


def test_a_process_bound_to_one_core_is_told_so() -> None:
    first = min(os.sched_getaffinity(0))
    done = doctor("--json", limit=lambda: os.sched_setaffinity(0, {first}))
    assert json.loads(done.stdout)["facts"]["machine"]["usable_cpus"] == 1
    assert finding("cores", done)["status"] == "note"


def test_too_few_open_files_are_a_failure_of_the_program() -> None:
    done = doctor(limit=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40)))
    assert done.returncode == 1
    assert "BROKEN  open files" in done.stdout
    assert done.stdout.endswith("ungil cannot do its work here: open files.\n")


NO_MEMFD = """
import os
def refuse(*_):
    raise OSError(1, "Operation not permitted")
os.memfd_create = refuse
"""


def test_a_sandbox_without_shared_memory_is_a_failure_too() -> None:
    done = doctor("--json", before=NO_MEMFD)
    assert (done.returncode, json.loads(done.stdout)["healthy"]) == (1, False)
    found = finding("shared memory", done)
    assert (found["status"], "Operation not permitted" in found["text"]) == ("broken", True)


def test_the_tracer_is_judged_without_being_turned_on(cli: Cli, tmp_path: Path) -> None:
    judged = finding("ungil trace", cli("doctor", "--json"))
    (tmp_path / "program.py").write_text("")
    traced = cli("trace", "program.py")
    assert (judged["status"] != "missing") == (traced.returncode == 0), traced.stderr


def test_interpreters_are_there_where_an_executor_of_them_opens() -> None:
    named = {each["name"]: each for each in ungil.doctor()["findings"]}
    assert named["interpreters"]["status"] == ("ok" if INTERPRETERS else "missing")


def installed(folder: Path, name: str, version: str, source: str = "") -> str:
    """Puts a package there; a program's text that sees it."""
    (folder / f"{name}-{version}.dist-info").mkdir()
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (folder / f"{name}-{version}.dist-info" / "METADATA").write_text(metadata)
    (folder / name).mkdir()
    (folder / name / "__init__.py").write_text("")
    (folder / name / "binding.py").write_text(source)
    return f"import sys; sys.path.insert(0, {str(folder)!r})"


def test_a_package_that_is_too_old_is_told(tmp_path: Path) -> None:
    done = doctor("--json", before=installed(tmp_path, "ray", "1.13.0"))
    found = finding("ray", done)
    assert (found["status"], found["text"]) == ("note", "1.13.0, too old")


@pytest.mark.parametrize(
    ("source", "status", "text"),
    [
        ("llvm_version_info = (20, 1, 8)", "ok", "LLVM 20.1.8, in llvmlite 0.45.1"),
        ("raise OSError('no libz')", "note", "llvmlite 0.45.1 does not load: OSError: no libz"),
    ],
)
def test_the_compiler_is_loaded_to_see_whether_it_works(
    tmp_path: Path, source: str, status: str, text: str
) -> None:
    done = doctor("--json", before=installed(tmp_path, "llvmlite", "0.45.1", source))
    found = finding("native compiler", done)
    assert (found["status"], found["text"]) == (status, text)


def test_colour_is_for_terminals_and_those_who_ask(cli: Cli) -> None:
    assert "\x1b[" not in cli("doctor").stdout
    assert "\x1b[" in cli("doctor", "--color", "always").stdout


def test_what_cannot_be_written_is_a_usage_error(cli: Cli) -> None:
    done = cli("doctor", "--json=no/such/folder.json")
    assert (done.returncode, done.stdout) == (2, "")
    assert "cannot write no/such/folder.json" in done.stderr


def test_nothing_large_is_imported_to_find_versions_out() -> None:
    script = "import sys, ungil; ungil.doctor(); print({'numpy', 'ray'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == "set()\n"
