"""`ungil trace --pid`: a program that runs already is seen, and is not disturbed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from command_line import ENVIRONMENT, Cli
from programs import Program, wait_until

CAN_BE_ASKED = sys.version_info >= (3, 14)
asked = pytest.mark.skipif(not CAN_BE_ASKED, reason="PEP 768 needs Python 3.14")

# Two threads that know how long they hold the GIL; the main thread, which runs Python code now and
# then, tells at the end.
HOLDERS = """
import ctypes, sys, threading, time
HOLD, REST = ctypes.PyDLL(None).usleep, ctypes.CDLL(None).usleep
sys.setswitchinterval(100)
held = {}
end = threading.Event()
def hold_often():
    work("often", 6000, 10000)
def hold_seldom():
    work("seldom", 3000, 20000)
def work(name, hold, rest):
    held[name] = 0
    while not end.is_set():
        start = time.perf_counter()
        HOLD(hold)
        held[name] += time.perf_counter() - start
        REST(rest)
threads = [threading.Thread(target=f, name=f.__name__) for f in (hold_often, hold_seldom)]
begun = time.perf_counter()
for thread in threads: thread.start()
while len(held) < 2: time.sleep(0.001)
print("ready", flush=True)
while not sys.stdin.closed and not __import__("os").path.exists("stop"): time.sleep(0.01)
end.set()
for thread in threads: thread.join()
whole = time.perf_counter() - begun
print(held["often"] / whole, held["seldom"] / whole)
"""


@pytest.fixture
def holders(tmp_path: Path) -> Iterator[Program]:
    with Program(tmp_path, HOLDERS) as program:
        program.expect("ready")
        yield program


def figures_of(cli: Cli, program: Program, *options: str) -> Any:
    pid = str(program.process.pid)
    done = cli("trace", "--quiet", "--json", "--pid", pid, *options)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_what_is_sampled_is_the_truth_within_what_it_says(
    tmp_path: Path, cli: Cli, holders: Program
) -> None:
    figures = figures_of(cli, holders, "--sample", "--duration", "2")
    (tmp_path / "stop").touch()
    code, out, err = holders.end()
    assert (code, err) == (0, "")
    truth = dict(zip(("work_often", "work_seldom"), map(float, out.split()), strict=True))
    held = sum(truth.values())
    # Three times the margin: 1 of 400 such intervals would miss, were the program's own shares over
    # its whole life those of the two seconds.
    assert abs(figures["held_share"] - held) < 3 * figures["sampling"]["held_margin"] + 0.03
    assert figures["sampling"]["held_margin"] < 0.2
    assert figures["sampling"]["samples"] > 100
    names = {of["function"]["name"] for of in figures["functions"] if of["function"]}
    assert "work" in names


def test_who_waits_for_whom_is_sampled_too(cli: Cli, holders: Program) -> None:
    figures = figures_of(cli, holders, "--sample", "--duration", "1")
    threads = {thread["tid"] for thread in figures["threads"]}
    native = {thread.id for thread in psutil.Process(holders.process.pid).threads()}
    assert threads <= native
    assert figures["waited_share"] > 0
    assert figures["pairs"][0]["function"]["name"] == "work"


@asked
def test_a_newer_python_traces_itself_exactly(tmp_path: Path, cli: Cli, holders: Program) -> None:
    private = tmp_path / "tmp"
    private.mkdir()
    pid = str(holders.process.pid)
    options = ["--quiet", "--json", "--pid", pid, "--duration", "1"]
    figures = json.loads(cli("trace", *options, env={"TMPDIR": str(private)}).stdout)
    assert figures["sampling"] is None
    assert list(private.iterdir()) == []
    assert figures["pid"] == holders.process.pid
    assert figures["losses"]["unmatched"] == 0
    assert {"hold_often", "hold_seldom"} <= {thread["name"] for thread in figures["threads"]}
    again = figures_of(cli, holders, "--duration", "0.2")
    assert again["sampling"] is None
    (tmp_path / "stop").touch()
    assert holders.end()[::2] == (0, "")


@asked
def test_a_program_that_ends_while_it_traces_itself_tells(tmp_path: Path, holders: Program) -> None:
    looker = looking_at(holders, tmp_path, "it traces itself")
    (tmp_path / "stop").touch()
    assert holders.end()[::2] == (0, "")
    _, err = looker.communicate(timeout=50)
    assert (looker.returncode, f"of process {holders.process.pid}" in err) == (0, True), err


@asked
def test_a_program_that_is_killed_while_it_traces_itself_is_told(
    tmp_path: Path, holders: Program
) -> None:
    looker = looking_at(holders, tmp_path, "it traces itself")
    holders.process.kill()
    assert looker.wait(50) == 2
    assert looker.stderr is not None
    assert "did not get to tell its trace" in looker.stderr.read()
    looker.stderr.close()


@asked
def test_a_main_thread_that_runs_nothing_is_looked_at_from_outside(
    tmp_path: Path, cli: Cli
) -> None:
    blocked = "import os\nr, w = os.pipe()\nprint('ready', flush=True)\nos.read(r, 1)\n"
    with Program(tmp_path, blocked) as program:
        program.expect("ready")
        figures = figures_of(cli, program, "--duration", "0.2")
        assert "ran no Python code" in figures["sampling"]["why"]
        assert program.process.poll() is None


@asked
def test_a_python_that_may_not_be_asked_is_looked_at(tmp_path: Path, cli: Cli) -> None:
    os.environ["PYTHON_DISABLE_REMOTE_DEBUG"] = "1"
    try:
        program = Program(tmp_path, "print('ready', flush=True)\nimport time\ntime.sleep(60)\n")
    finally:
        del os.environ["PYTHON_DISABLE_REMOTE_DEBUG"]
    with program:
        program.expect("ready")
        figures = figures_of(cli, program, "--duration", "0.2")
        assert "was told not to run code" in figures["sampling"]["why"]


def looking_at(program: Program, directory: Path, how: str, *options: str) -> subprocess.Popen[str]:
    """`ungil trace --pid`, as soon as it has begun."""
    command = [sys.executable, "-m", "ungil", "trace", "--pid", str(program.process.pid), *options]
    looker = subprocess.Popen(
        command, cwd=directory, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True
    )
    assert looker.stderr is not None
    line = looker.stderr.readline()
    assert how in line, line + looker.stderr.read()
    return looker


def test_ctrl_c_ends_the_looking_and_shows_what_there_is(tmp_path: Path, holders: Program) -> None:
    how = "it traces itself" if CAN_BE_ASKED else "looks a second from outside"
    looker = looking_at(holders, tmp_path, how)
    looker.send_signal(signal.SIGINT)
    _, err = looker.communicate(timeout=50)
    assert looker.returncode == 0
    assert f"of process {holders.process.pid}" in err
    assert holders.process.poll() is None


def test_a_process_that_ends_is_shown_as_far_as_it_was_seen(
    tmp_path: Path, holders: Program
) -> None:
    looker = looking_at(holders, tmp_path, "from outside", "--sample", "--duration=50")
    (tmp_path / "stop").touch()
    assert holders.end()[::2] == (0, "")
    _, err = looker.communicate(timeout=30)
    assert (looker.returncode, "Approximate: " in err) == (0, True), err


def ended(tmp_path: Path) -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_no_such_process(tmp_path: Path, cli: Cli) -> None:
    pid = ended(tmp_path)
    done = cli("trace", "--pid", str(pid))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: there is no process {pid}.\n"


def test_not_a_python(cli: Cli) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        try:
            wait_until(lambda: psutil.Process(other.pid).name() == "sleep")
            done = cli("trace", "--pid", str(other.pid))
        finally:
            other.kill()
    assert done.returncode == 2
    assert f"process {other.pid} (sleep) is not a Python" in done.stderr


def test_a_zombie_and_a_thread_are_told_apart(cli: Cli, holders: Program) -> None:
    pid = holders.process.pid
    thread = next(t.id for t in psutil.Process(pid).threads() if t.id != pid)
    done = cli("trace", "--pid", str(thread))
    assert done.returncode == 2
    assert f"{thread} is a thread of process {pid}" in done.stderr
    holders.process.kill()
    wait_until(lambda: psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    assert f"process {pid} has ended" in cli("trace", "--pid", str(pid)).stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_users_process_is_refused_with_the_remedy(holders: Program) -> None:
    program = (
        "import os, sys, ungil._ungil as native\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "os.chdir('/')\n"
        f"sys.exit(native.cli_main(['trace', '--pid', '{holders.process.pid}']))\n"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"memory of process {holders.process.pid} may not be read" in done.stderr
    assert "Run ungil as root" in done.stderr or "ptrace_scope" in done.stderr


OLD = next(iter(sorted(Path.home().glob(".pyenv/versions/3.10*/bin/python3"))), None)


@pytest.mark.skipif(OLD is None, reason="needs a Python 3.10")
def test_an_older_python_is_refused_by_its_version(cli: Cli) -> None:
    with subprocess.Popen(
        [str(OLD), "-c", "print(1, flush=True); import time; time.sleep(60)"],
        stdout=subprocess.PIPE,
    ) as old:
        try:
            assert old.stdout is not None
            old.stdout.readline()
            done = cli("trace", "--pid", str(old.pid))
        finally:
            old.kill()
    assert done.returncode == 2
    assert "ungil knows the inside of 3.11 to 3.15" in done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--pid", "1", "program.py"], "cannot be used with"),
        (["--pid", "x"], "invalid value 'x'"),
        (["--pid", "1", "--duration", "-1"], "above 0"),
        (["--pid", "1", "--rate", "1e9"], "from 1 to 20000"),
        (["--duration", "1", "program.py"], "--duration needs --pid"),
    ],
)
def test_bad_options(cli: Cli, options: list[str], message: str) -> None:
    done = cli("trace", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_it_does_not_look_at_itself(tmp_path: Path) -> None:
    program = "import os, ungil._ungil as n; n.cli_main(['trace', '--pid', str(os.getpid())])"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert "is this one, which only looks" in done.stderr
