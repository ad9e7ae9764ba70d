"""`ungil compare` and `ungil run` on interpreters, Dask and Ray."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import ungil
from command_line import ENVIRONMENT, INTERPRETERS, Cli
from programs import wait_until
from test_compare import SMALL, cells
from test_run import living_members

interpreters = pytest.mark.skipif(not INTERPRETERS, reason="interpreters need Python 3.13")
PACKAGES = {"dask": "distributed", "ray": "ray"}
QUICK = ("--workers", "2", "--tasks", "4", "--repeat", "1", "--quiet")


def one_kind(document: Any, kind: str) -> list[Any]:
    return [cell for (name, _), cell in cells(document).items() if name == kind]


# --- interpreters --------------------------------------------------------------------------------


@interpreters
def test_interpreters_are_measured_like_the_others(cli: Cli, jobs: Path) -> None:
    done = cli("compare", "jobs.py:move", "--items", "points", "--worker", "interpreter",
               "--json", *SMALL)  # fmt: skip
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    for cell in one_kind(document, "interpreter"):
        assert cell["skipped"] is None
        assert [len(run["tasks"]) for run in cell["runs"]] == [4, 4, 4]
        # The growth of the program, once; an interpreter is no thread: it has all modules again.
        assert len(cell["memory"]) == 1
        assert cell["memory"][0]["uss_bytes"] > 500_000
        assert all(start > 0 for start in cell["startup_s"])
        for run in cell["runs"]:
            assert run["sent_bytes"] > 0
            for task in run["tasks"]:
                assert 0 <= task["start_s"] < task["end_s"] <= run["wall_s"]


@interpreters
@pytest.mark.parametrize("when", ["at the top", "inside"])
def test_a_module_that_interpreters_cannot_import_is_measured_on_the_others(
    cli: Cli, tmp_path: Path, when: str
) -> None:
    pytest.importorskip("numpy")
    top, inside = ("import numpy\n", "") if when == "at the top" else ("", "    import numpy\n")
    (tmp_path / "needs.py").write_text(f"{top}\ndef work():\n{inside}    numpy.arange(3).sum()\n")
    done = cli("compare", "needs:work", "--json", *QUICK)
    assert done.returncode == 0, done.stderr
    table = cells(json.loads(done.stdout))
    assert table["process", 2]["skipped"] is None
    assert table["interpreter", 2]["runs"] == []
    reason = table["interpreter", 2]["skipped"]
    assert "needs numpy, which cannot be imported in a worker interpreter" in reason
    assert "Run it in processes" in reason
    alone = cli("compare", "needs:work", "--worker", "interpreter", *QUICK)
    assert alone.returncode == 1
    assert "needs numpy" in alone.stderr
    assert "Traceback" not in alone.stderr
    run = cli("run", "needs:work", "--worker", "interpreter")
    assert run.returncode == 1
    assert "needs numpy" in run.stderr
    assert "Traceback" not in run.stderr


@interpreters
def test_what_does_not_pickle_for_an_interpreter_is_named(cli: Cli, jobs: Path) -> None:
    result = cli("run", "jobs:gives_generator", "--worker", "interpreter", "--tasks", "1")
    assert result.returncode == 1
    assert "task 1 of 1 of jobs:gives_generator, interpreter x" in result.stderr
    assert "Return plain data" in result.stderr
    argument = cli(
        "run", "jobs:gives_generator", "--items", "[1, (n for n in ())]", "--worker", "interpreter"
    )
    assert argument.returncode == 1
    assert "argument 0 (a generator) of jobs.gives_generator cannot be pickled" in argument.stderr
    assert "Pass plain data" in argument.stderr


@interpreters
def test_a_task_that_hangs_in_an_interpreter_ends_the_comparison(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "hangs.py").write_text(
        "import sys, time\n\ndef work():\n"
        "    time.sleep(60 if '_ungil_inside' in sys.modules else 0.001)\n"
    )
    begun = time.monotonic()
    done = cli("compare", "hangs:work", "--timeout", "1", "--worker", "interpreter", *SMALL)
    assert time.monotonic() - begun < 15
    assert done.returncode == 1
    assert "of hangs:work, interpreter x1 was still running after 1 s (--timeout)" in done.stderr


@pytest.mark.skipif(INTERPRETERS, reason="this Python has interpreters")
@pytest.mark.parametrize("verb", ["run", "compare"])
def test_interpreters_are_refused_where_python_has_none(cli: Cli, verb: str) -> None:
    done = cli(verb, "io", "--worker", "interpreter")
    assert done.returncode == 2
    assert 'error: the kind "interpreter" cannot run here: Python 3.1' in done.stderr
    assert "--worker process" in done.stderr
    assert done.stdout == ""
    with pytest.raises(ValueError, match="cannot run here"):
        ungil.run_example(1, 1, "io", "interpreter")


# --- clusters ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "package"), PACKAGES.items())
@pytest.mark.parametrize("verb", ["run", "compare"])
def test_a_missing_package_is_told_with_its_remedy(
    tmp_path: Path, verb: str, kind: str, package: str
) -> None:
    code = (
        f"import sys\nsys.modules[{package!r}] = None\nfrom ungil._ungil import cli_main\n"
        f"sys.exit(cli_main([{verb!r}, 'io', '--worker', {kind!r}]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert f'error: the kind "{kind}"' in done.stderr
    assert f"pip install 'ungil[{kind}]'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture(params=sorted(PACKAGES))
def cluster(request: pytest.FixtureRequest) -> str:
    """The name of a kind that starts a cluster."""
    kind: str = request.param
    if importlib.util.find_spec(PACKAGES[kind]) is None:
        pytest.skip(f"{PACKAGES[kind]} is not installed: pip install 'ungil[{kind}]'")
    return kind


clusters = pytest.mark.timeout(240)
LONG = 200


@clusters
def test_a_cluster_is_measured_like_the_others(cli: Cli, jobs: Path, cluster: str) -> None:
    done = cli("compare", "jobs.py:move", "--items", "points", "--worker", cluster, "--json",
               *QUICK, timeout=LONG)  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert document["settings"]["kinds"] == [cluster]
    (cell,) = one_kind(document, cluster)
    assert cell["skipped"] is None
    assert len(cell["runs"][0]["tasks"]) == 4
    assert cell["startup_s"][0] > 0.1
    # Each worker is a process of its own, with the package in it.
    assert len(cell["memory"]) == 2
    assert all(memory["pss_bytes"] > 10_000_000 for memory in cell["memory"])
    assert any(reason.startswith(f"{cluster}: ") for reason in
               document["workloads"][0]["verdict"]["reasons"])  # fmt: skip


@clusters
def test_run_on_a_cluster(cli: Cli, jobs: Path, cluster: str) -> None:
    done = cli("run", "jobs:double", "--items", "inputs", "--worker", cluster, "--workers", "2",
               timeout=LONG)  # fmt: skip
    assert done.returncode == 0, done.stderr
    name = {"dask": "Dask", "ray": "Ray"}[cluster]
    assert done.stdout.startswith(f"[# {name} workers = 2, # tasks = 3, workload = jobs:double]\n")


@clusters
def test_a_task_that_raises_on_a_cluster_shows_its_own_traceback_only(
    cli: Cli, jobs: Path, cluster: str
) -> None:
    done = cli("run", "jobs:fails", "--worker", cluster, "--workers", "1", "--tasks", "1",
               timeout=LONG)  # fmt: skip
    assert done.returncode == 1
    assert "ValueError: no luck today" in done.stderr
    assert f"task 1 of 1 of jobs:fails, {cluster} x1 raised ValueError" in done.stderr
    assert done.stderr.count("File ") == 1


@clusters
def test_timeout_ends_a_cluster(cli: Cli, jobs: Path, cluster: str) -> None:
    done = cli("run", "jobs:hangs", "--worker", cluster, "--workers", "1", "--tasks", "1",
               "--timeout", "1", timeout=LONG)  # fmt: skip
    assert done.returncode == 1
    assert "was still running after 1 s (--timeout); its cluster was ended" in done.stderr
    assert "Traceback" not in done.stderr


@clusters
def test_ctrl_c_ends_a_cluster_within_a_second(tmp_path: Path, jobs: Path, cluster: str) -> None:
    jobs.write_text(
        "import os, time\n\ndef hangs():\n    open(f'hanging-{os.getpid()}', 'w').close()\n"
        "    time.sleep(600)\n"
    )
    program = subprocess.Popen(
        [sys.executable, "-m", "ungil", "run", "jobs:hangs", "--worker", cluster, "--workers", "2"],
        cwd=tmp_path, env=ENVIRONMENT | {"PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    wait_until(lambda: len(list(tmp_path.glob("hanging-*"))) == 2, LONG)
    begun = time.monotonic()
    os.killpg(program.pid, signal.SIGINT)
    out, err = program.communicate(timeout=30)
    assert time.monotonic() - begun < 3  # it would take longer by itself
    assert program.returncode == 130
    assert (out, err.strip()) == ("", "ungil: interrupted")
    wait_until(lambda: living_members(program.pid) == [])


def test_native_threads_run_the_function_as_machine_code(cli: Cli, tmp_path: Path) -> None:
    pytest.importorskip("llvmlite", reason="llvmlite has no wheel for this Python")
    (tmp_path / "jobs.py").write_text(
        "def total(n=200_000):\n    s = 0.0\n    for i in range(n):\n        s += i\n    return s\n"
        "def words(n=3):\n    return str(n)\n"
    )
    options = ("--worker", "native", "--workers", "1", "--tasks", "2", "--repeat", "1")
    measured = cli("compare", "jobs.py:total", *options, "--json")
    assert measured.returncode == 0, measured.stderr
    (kind,) = json.loads(measured.stdout)["workloads"][0]["kinds"]
    assert kind["kind"] == "native"
    # LLVM, loaded once, is no worker's memory.
    assert kind["cells"][0]["summary"]["memory"]["pss_bytes"] < 10e6
    assert kind["cells"][0]["summary"]["speedup"] > 0
    refused = cli("compare", "jobs.py:words", *options)
    assert "native code has no `str` (jobs.py, line 7)" in " ".join(
        (refused.stdout + refused.stderr).split()
    )
