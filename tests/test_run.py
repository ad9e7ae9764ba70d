"""`ungil run` and `ungil.run_example`: the lecture's example."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import ungil
from command_line import ENVIRONMENT, INTERPRETER, WORKERS, Cli
from kinds_tasks import pid, raise_key_error
from programs import wait_until

# pexpect forks; nothing of ours runs in the child before it becomes the program.
pytestmark = pytest.mark.filterwarnings("ignore:.*forkpty:DeprecationWarning")

LINES = r"\[# {} = {}, # tasks = {}, workload = {}\]\nTotal time \d+\.\d{{4}} s\n"


@pytest.mark.parametrize("worker", ["thread", INTERPRETER, "process"])
@pytest.mark.parametrize("workload", ["io", "cpu"])
def test_prints_the_lectures_lines(cli: Cli, workload: str, worker: str) -> None:
    plural = {"thread": "threads", "interpreter": "interpreters", "process": "processes"}[worker]
    done = cli(
        "run", workload, "--worker", worker, "--workers", "4", "--tasks", "24", "--iterations", "50"
    )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(LINES.format(plural, 4, 24, workload), done.stdout)
    assert done.stderr == ""


def test_total_time_is_the_time_it_took(cli: Cli, tmp_path: Path) -> None:
    done = cli("run", "time:sleep", "--items", "[0.2] * 4", "--workers", "2")
    total = float(done.stdout.split()[-2])
    assert 0.4 <= total < 0.8


@pytest.mark.parametrize("worker", WORKERS)
def test_run_example(capfd: pytest.CaptureFixture[str], worker: str) -> None:
    ungil.run_example(2, 4, "time:monotonic", worker)
    out, err = capfd.readouterr()
    workers = {
        "serial": "serial",
        "thread": "# threads = 2",
        "interpreter": "# interpreters = 2",
        "process": "# processes = 2",
    }[worker]
    assert out.startswith(f"[{workers}, # tasks = 4, workload = time:monotonic]\nTotal time ")
    assert err == ""


@pytest.mark.parametrize("worker", ["thread", INTERPRETER, "process"])
def test_run_example_with_callables(capsys: pytest.CaptureFixture[str], worker: str) -> None:
    ungil.run_example(n_workers=2, n_tasks=3, workload=pid, worker=worker)
    assert "workload = kinds_tasks:pid]" in capsys.readouterr().out
    pytest.importorskip("cloudpickle")
    captured = []
    ungil.run_example(2, 3, lambda: captured.append(1), worker)
    assert "<lambda>" in capsys.readouterr().out
    assert len(captured) == (3 if worker == "thread" else 0)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((0, 1, "io", "thread"), ValueError, "n_workers must be at least 1, not 0"),
        ((1, -1, "io", "thread"), ValueError, "n_tasks must be at least 1, not -1"),
        ((1, 1, "oi", "thread"), ValueError, 'Did you mean "io"'),
        ((1, 1, "io", "treads"), ValueError, 'Did you mean "thread"'),
        ((1, 1, 7, "thread"), TypeError, "not a function"),
        ((1, 1, "test_run:nothing_there", "thread"), ValueError, "has no"),
    ],
)
def test_run_example_refuses(
    arguments: tuple[int, int, str, str], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message)):
        ungil.run_example(*arguments)


@pytest.mark.parametrize("worker", WORKERS)
def test_run_example_raises_the_tasks_own_exception(worker: str) -> None:
    with pytest.raises(KeyError, match="from the task") as caught:
        ungil.run_example(1, 1, raise_key_error, worker)
    notes = "\n".join(caught.value.__notes__)
    assert "task 1 of 1" in notes
    if worker in ("interpreter", "process"):
        assert "in raise_key_error" in notes


@pytest.mark.parametrize("worker", WORKERS)
@pytest.mark.parametrize(
    ("function", "line"),
    [
        ("fails", "ValueError: no luck today"),
        ("fails_awkwardly", "Awkward: 1 and 2"),
        ("leaves", "SystemExit: enough"),
    ],
)
def test_a_task_that_raises_shows_its_own_traceback_only(
    cli: Cli, jobs: Path, worker: str, function: str, line: str
) -> None:
    done = cli("run", f"jobs:{function}", "--worker", worker, "--workers", "2", "--tasks", "2")
    assert done.returncode == 1
    assert line in done.stderr
    assert f"of 2 of jobs:{function}, {worker}" in done.stderr
    assert done.stderr.count("File ") == 1
    assert done.stderr.count("Traceback") == 1
    assert done.stdout == ""


@pytest.mark.parametrize("worker", WORKERS)
def test_the_failing_task_is_named(cli: Cli, jobs: Path, worker: str) -> None:
    done = cli(
        "run", "jobs:fails_on_three", "--items", "range(6)", "--worker", worker, "--workers", "1"
    )
    assert done.returncode == 1
    assert "error: task 4 of 6 of jobs:fails_on_three, " in done.stderr


def test_a_killed_worker_is_told(cli: Cli, jobs: Path) -> None:
    done = cli(
        "run", "jobs:dies_on_three", "--items", "range(6)", "--worker", "process", "--workers", "1"
    )
    assert done.returncode == 1
    assert (
        "error: task 4 of 6 of jobs:dies_on_three, process x1: task jobs.dies_on_three"
        in done.stderr
    )
    assert "was killed by SIGKILL\n" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_does_not_pickle_is_named(cli: Cli, jobs: Path) -> None:
    result = cli("run", "jobs:gives_generator", "--worker", "process", "--tasks", "1")
    assert result.returncode == 1
    assert "error: task 1 of 1 of jobs:gives_generator, process x" in result.stderr
    assert "the result of task jobs.gives_generator cannot be sent back" in result.stderr
    assert "Return plain data" in result.stderr
    argument = cli(
        "run", "jobs:gives_generator", "--items", "[1, (n for n in ())]", "--worker", "process"
    )
    assert argument.returncode == 1
    assert "argument 0 (a generator) of jobs.gives_generator cannot be pickled" in argument.stderr
    assert "Pass plain data" in argument.stderr
    assert "Traceback" not in argument.stderr + result.stderr
    thread = cli("run", "jobs:gives_generator", "--worker", "thread", "--tasks", "1")
    assert thread.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["jobs"], '"jobs" is a module: name the function too, as jobs:nap. It defines: nap, '),
        (["jobs:"], '"jobs" is a module: name the function too, as jobs:nap'),
        (["jobs.py"], '"jobs.py" is a file: name the function too, as jobs.py:nap'),
        (["jobs:later"], "asyncio.run(later(...))"),
        (["io", "--iterations", "1e5"], "it must be a whole number, for example 24 or 1_000_000"),
        (["io", "--worker", "treads"], 'Did you mean "thread"?'),
    ],
)
def test_usage_errors_tell_the_remedy(
    cli: Cli, jobs: Path, arguments: list[str], expected: str
) -> None:
    done = cli("run", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert expected in done.stderr


def test_numbers_may_be_written_as_in_python(cli: Cli) -> None:
    done = cli("run", "cpu", "--iterations", "1_000", "--tasks", "2")
    assert done.returncode == 0, done.stderr


def test_more_workers_than_a_pool_takes(cli: Cli) -> None:
    done = cli("run", "io", "--iterations", "1", "--worker", "process", "--workers", "1000000")
    assert done.returncode == 2
    assert "process x1000000: max_workers must be at most" in done.stderr


def test_workers_that_cannot_be_started(tmp_path: Path) -> None:
    code = (
        "import sys, threading\nfrom ungil._ungil import cli_main\n"
        'def refuse(thread): raise RuntimeError("can\'t start new thread")\n'
        "threading.Thread.start = refuse\n"
        "sys.exit(cli_main(['run', 'io', '--workers', '3']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == "error: cannot start thread x3: can't start new thread\n"


@pytest.mark.parametrize("function", ["hangs", "spins"])
@pytest.mark.parametrize("worker", WORKERS)
def test_timeout_ends_a_task_that_hangs(cli: Cli, jobs: Path, worker: str, function: str) -> None:
    begun = time.monotonic()
    done = cli(
        "run", f"jobs:{function}", "--worker", worker, "--workers", "2", "--tasks", "2",
        "--timeout", "0.5", timeout=30,
    )  # fmt: skip
    assert time.monotonic() - begun < 10
    assert done.returncode == 1
    assert f"task 1 of 2 of jobs:{function}, {worker}" in done.stderr
    assert "still running after 0.5 s (--timeout)" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_thread_that_ignores_everything_is_left_with_the_program(
    cli: Cli, tmp_path: Path
) -> None:
    """A hang in C code that no signal ends: the program ends all the same, and says why."""
    (tmp_path / "stuck.py").write_text(
        "import threading\n\ndef work():\n"
        "    while True:\n"
        "        try:\n            threading.Lock().acquire() or threading.Event().wait()\n"
        "        except BaseException:\n            pass\n"
    )
    for worker in ["serial", "thread"]:
        done = cli("run", "stuck:work", "--worker", worker, "--timeout", "0.3", timeout=30)
        assert done.returncode == 1
        assert "still running after 0.3 s" in done.stderr


@pytest.mark.parametrize("worker", WORKERS)
def test_tasks_within_the_timeout_are_left_alone(cli: Cli, jobs: Path, worker: str) -> None:
    done = cli(
        "run", "jobs:nap", "--worker", worker, "--workers", "2", "--tasks", "250",
        "--timeout", "2",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def living_members(group: int) -> list[str]:
    """The processes of a group, without those that only nobody has waited for."""
    living = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                living.append(f"{process.pid}: {process.cmdline()}")
    return living


@pytest.mark.parametrize("worker", WORKERS)
@pytest.mark.parametrize("function", ["hangs", "spins"])
def test_ctrl_c_ends_everything_within_a_second(
    tmp_path: Path, jobs: Path, worker: str, function: str
) -> None:
    program = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "ungil",
            "run",
            f"jobs:{function}",
            "--worker",
            worker,
            "--workers",
            "2",
        ],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_until((tmp_path / "begun").exists)
    time.sleep(0.1)
    assert program.poll() is None
    os.killpg(program.pid, signal.SIGINT)
    begun = time.monotonic()
    out, err = program.communicate(timeout=20)
    assert time.monotonic() - begun < 5  # 1 s is the promise; the machine may be busy
    assert program.returncode == 130
    assert out == ""
    assert err.strip() == "ungil: interrupted"
    wait_until(lambda: living_members(program.pid) == [])


def test_progress_bar_on_a_terminal(jobs: Path) -> None:
    pexpect = pytest.importorskip("pexpect")
    child = pexpect.spawn(
        sys.executable,
        ["-m", "ungil", "run", "jobs:nap", "--tasks", "60", "--workers", "2"],
        cwd=str(jobs.parent),
        env=ENVIRONMENT | {"TERM": "xterm"},
        encoding="utf-8",
        dimensions=(24, 100),
        timeout=30,
    )
    child.expect(r"\d+%\|")
    child.expect(r"[1-9]\d?/60 \[.*/s\]")
    child.expect("60/60")
    child.expect(r"\[# threads = 2, # tasks = 60, workload = jobs:nap\]\r\n")
    child.expect(r"Total time \d+\.\d{4} s\r\n")
    child.expect(pexpect.EOF)


def test_quiet_hides_the_bar(jobs: Path) -> None:
    pexpect = pytest.importorskip("pexpect")
    text = pexpect.run(
        f"{sys.executable} -m ungil run jobs:nap --tasks 4 --quiet", cwd=str(jobs.parent)
    )
    assert text.decode().startswith("[# threads")
