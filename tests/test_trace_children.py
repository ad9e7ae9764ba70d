"""`--children`: forks, multiprocessing's processes and ungil's workers are traced, each apart."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command_line import Cli
from programs import write

# What a child does with the GIL, in a function that the trace names.
WORK = """
import os, sys, time
def child_work():
    until = time.process_time() + 0.1
    while time.process_time() < until: sum(range(1000))
    time.sleep(0)
"""

RAW_FORK = """
pid = os.fork()
if pid == 0:
    child_work()
    os._exit(0)
os.waitpid(pid, 0)
"""
BY_EXIT = RAW_FORK.replace("os._exit", "sys.exit")

MULTIPROCESSING = """
import multiprocessing
if __name__ == "__main__":
    process = multiprocessing.get_context("{method}").Process(target=child_work)
    process.start()
    process.join()
"""

POOL = """
import ungil
if __name__ == "__main__":
    with ungil.ProcessPoolExecutor(1, start_method="{method}") as pool:
        pool.submit(child_work).result()
"""

PROGRAMS = {
    "fork, os._exit": RAW_FORK,
    "fork, sys.exit": BY_EXIT,
    **{f"multiprocessing, {m}": MULTIPROCESSING.format(method=m) for m in ("fork", "spawn")},
    "multiprocessing, forkserver": MULTIPROCESSING.format(method="forkserver"),
    **{f"a pool, {m}": POOL.format(method=m) for m in ("fork", "forkserver", "spawn")},
}


def family(figures: Any) -> list[Any]:
    return [figures, *(member for child in figures["children"] for member in family(child))]


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_child_is_traced_and_told_apart(tmp_path: Path, cli: Cli, program: str) -> None:
    write(tmp_path, WORK + PROGRAMS[program])
    done = cli("trace", "--quiet", "--children", "--json=x.json", "-o", "t.json", "program.py")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    figures = json.loads((tmp_path / "x.json").read_text())
    workers = [
        member
        for member in family(figures)[1:]
        if any(
            of["function"] and of["function"]["name"] == "child_work" for of in member["functions"]
        )
    ]
    assert len(workers) == 1
    assert workers[0]["pid"] != figures["pid"]
    assert workers[0]["held_s"] >= 0.09
    assert workers[0]["losses"]["unmatched"] == 0
    assert figures["losses"]["children"] == 0
    events = json.loads((tmp_path / "t.json").read_text())["traceEvents"]
    assert {figures["pid"], workers[0]["pid"]} <= {event["pid"] for event in events}


def test_the_summary_has_a_section_for_each(tmp_path: Path, cli: Cli) -> None:
    write(tmp_path, WORK + RAW_FORK + RAW_FORK)
    done = cli("trace", "--children", "program.py")
    assert done.returncode == 0
    assert done.stderr.count(" of process ") == 3


def test_without_it_children_run_untraced(tmp_path: Path, cli: Cli) -> None:
    write(tmp_path, WORK + RAW_FORK)
    done = cli("trace", "--quiet", "--json", "program.py")
    assert json.loads(done.stdout)["children"] == []


def test_children_of_children_are_under_their_parents(tmp_path: Path, cli: Cli) -> None:
    program = (
        "import os\nif os.fork() == 0:\n    if os.fork() == 0: os._exit(0)\n"
        "    os.wait()\n    os._exit(0)\nos.wait()\n"
    )
    write(tmp_path, program)
    figures = json.loads(cli("trace", "--quiet", "--children", "--json", "program.py").stdout)
    [child] = figures["children"]
    [grandchild] = child["children"]
    assert (child["parent_pid"], grandchild["parent_pid"]) == (figures["pid"], child["pid"])


def test_a_killed_child_is_counted(tmp_path: Path, cli: Cli) -> None:
    program = (
        "import os, signal\nr, w = os.pipe()\nchild = os.fork()\n"
        "if child == 0:\n    os.write(w, b'x')\n    signal.pause()\n"
        "os.read(r, 1)\nos.kill(child, 9)\nos.wait()\n"
    )
    write(tmp_path, program)
    done = cli("trace", "--children", "--json=x.json", "program.py")
    assert done.returncode == 0
    assert json.loads((tmp_path / "x.json").read_text())["losses"]["children"] == 1
    assert "1 of the processes that it started told nothing" in done.stderr


def test_nothing_stays_in_the_temporary_folder(tmp_path: Path, cli: Cli) -> None:
    write(tmp_path, WORK + RAW_FORK)
    (tmp_path / "tmp").mkdir()
    cli("trace", "--children", "program.py", env={"TMPDIR": str(tmp_path / "tmp")})
    assert list((tmp_path / "tmp").iterdir()) == []


def test_from_python(tmp_path: Path, cli: Cli) -> None:
    write(
        tmp_path,
        WORK
        + "import ungil\nwith ungil.trace(children=True) as t:\n"
        + "".join(f"    {line}\n" for line in RAW_FORK.splitlines())
        + "print(len(t.to_dict()['children']))\n",
    )
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("1\n", "")
