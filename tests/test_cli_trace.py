"""`ungil trace`: the program runs as it would with Python itself, and the summary is beside it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import ENVIRONMENT, Cli


@pytest.fixture
def program(tmp_path: Path) -> Path:
    return tmp_path / "program.py"


def test_the_summary_goes_to_stderr_and_the_programs_output_to_stdout(
    cli: Cli, program: Path
) -> None:
    program.write_text("print('hello')\n")
    done = cli("trace", "program.py")
    assert (done.returncode, done.stdout) == (0, "hello\n")
    assert "MainThread" in done.stderr
    assert "The GIL is not your problem" in done.stderr


def test_quiet_leaves_only_the_program(cli: Cli, program: Path) -> None:
    program.write_text("print('hello')\n")
    done = cli("trace", "--quiet", "program.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, "hello\n", "")


SEES_ITSELF = """
import sys, pickle
class Own: pass
print(__name__, __file__, __spec__ and __spec__.name, __package__)
print(sys.argv, sys.path[0])
print(sys.modules["__main__"].Own is Own, type(pickle.loads(pickle.dumps(Own()))) is Own)
"""


@pytest.mark.parametrize(
    "command",
    [
        ["program.py", "--json", "-m", "x y"],
        ["-m", "program", "--quiet"],
        ["folder", "argument"],
        ["-m", "package.inner", "-o", "x"],
    ],
    ids=" ".join,
)
def test_the_program_sees_what_it_would_see_under_python(
    tmp_path: Path, cli: Cli, program: Path, command: list[str]
) -> None:
    program.write_text(SEES_ITSELF)
    for name in ("folder/__main__.py", "package/inner.py", "package/__init__.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("" if "init" in name else SEES_ITSELF)
    plain = subprocess.run(
        [sys.executable, *command],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert cli("trace", "--quiet", *command).stdout == plain.stdout


ENDS = {
    "code": "import sys; sys.exit(3)",
    "text": "import sys; sys.exit('that was it')",
    "nothing": "import sys; sys.exit()",
    "raises": "def f(): 1 / 0\nf()",
    "syntax": "def f(:\n",
    "hook": "import sys; sys.excepthook = lambda *a: print('mine', a[0].__name__)\n1 / 0",
    "os._exit": "import os; os._exit(5)",
    "killed": "import os; os.kill(os.getpid(), 9)",
    "interrupted": "raise KeyboardInterrupt",
    "threads": (
        "import threading, time\n"
        "threading.Thread(target=lambda: (time.sleep(0.2), print('late'))).start()"
    ),
    "atexit": "import atexit; atexit.register(print, 'bye'); print('body')",
    "thread raises": "import threading; threading.Thread(target=lambda: 1 / 0, name='t').start()",
}


@pytest.mark.parametrize("end", ENDS)
def test_the_program_ends_as_under_python(
    tmp_path: Path, cli: Cli, program: Path, end: str
) -> None:
    program.write_text(ENDS[end])
    plain = subprocess.run(
        [sys.executable, "program.py"],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    traced = cli("trace", "--quiet", "program.py")
    assert (traced.returncode, traced.stdout, traced.stderr) == (
        plain.returncode,
        plain.stdout,
        plain.stderr,
    )


def test_ctrl_c_reaches_the_program_and_the_summary_still_comes(
    tmp_path: Path, program: Path
) -> None:
    program.write_text(
        "import time\n"
        # Short sleeps: a signal that comes right before a sleep does not cut that one short.
        "try:\n    print('ready', flush=True)\n    for _ in range(600): time.sleep(0.1)\n"
        "finally:\n    print('cleaned up', flush=True)\n"
    )
    command = [sys.executable, "-m", "ungil", "trace", "program.py"]
    started = subprocess.Popen(
        command,
        cwd=tmp_path,
        env=ENVIRONMENT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "ready\n"
    os.kill(started.pid, signal.SIGINT)
    out, err = started.communicate(timeout=50)
    assert out == "cleaned up\n"
    assert started.returncode == -signal.SIGINT
    assert "KeyboardInterrupt" in err
    assert '_traced_program.py", line' not in err
    assert "MainThread" in err


def test_threads_that_outlive_the_main_program_are_traced(
    tmp_path: Path, cli: Cli, program: Path
) -> None:
    program.write_text(
        "import threading, time\n"
        "threading.Thread(target=lambda: sum(range(10**6)), name='late').start()\n"
    )
    done = cli("trace", "--quiet", "--json=x.json", "program.py")
    assert done.returncode == 0
    figures = json.loads((tmp_path / "x.json").read_text())
    assert "late" in [thread["name"] for thread in figures["threads"]]


def test_figures_and_timeline_go_to_files(tmp_path: Path, cli: Cli, program: Path) -> None:
    program.write_text("import time; time.sleep(0.01)")
    done = cli("trace", "-o", "t.json", "--json", "program.py")
    assert done.returncode == 0
    assert json.loads(done.stdout)["schema_version"] == 1
    assert json.loads((tmp_path / "t.json").read_text())["traceEvents"]


def test_help_tells_of_the_page(cli: Cli) -> None:
    assert "ungil trace -o trace.html crunch.py" in cli("trace", "--help").stdout


def test_a_page_of_the_timeline_names_the_program_and_not_its_arguments(
    tmp_path: Path, cli: Cli, program: Path
) -> None:
    program.write_text("import time; time.sleep(0.01)")
    done = cli("trace", "-q", "-o", "t.html", "program.py", "--password", "hunter2")
    assert (done.returncode, done.stderr) == (0, "")
    page = (tmp_path / "t.html").read_text()
    assert "<h1>The GIL in program.py</h1>" in page
    assert "hunter2" not in page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "t.txt", "program.py"], "`t.txt` does not say what to write there"),
        (["-o", "no/such/folder/t.html", "program.py"], "cannot write no/such/folder/t.html"),
        (["missing.py"], "can't open file 'missing.py': there is no such file"),
        (["--jsn", "program.py"], "`--jsn` is no option of `ungil trace`"),
        (["-m"], "which module?"),
        (["-o", "no/such/folder/t.json", "program.py"], "cannot write no/such/folder/t.json"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_runs(
    cli: Cli, program: Path, arguments: list[str], message: str
) -> None:
    program.write_text("print('ran')")
    done = cli("trace", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_a_full_disk_is_said_after_the_program_has_run(cli: Cli, program: Path) -> None:
    program.write_text("print('ran')")
    done = cli("trace", "-o", "/dev/full", "program.py")
    assert (done.returncode, done.stdout) == (2, "ran\n")
    assert "cannot write /dev/full: No space left on device" in done.stderr


def test_a_module_that_does_not_exist_is_told_as_python_tells_it(tmp_path: Path, cli: Cli) -> None:
    done = cli("trace", "--quiet", "-m", "no_such_module")
    assert done.returncode == 1
    assert "No module named no_such_module" in done.stderr


def test_a_forked_child_that_returns_to_us_ends_as_under_python(
    tmp_path: Path, cli: Cli, program: Path
) -> None:
    program.write_text(
        "import atexit, os, sys\n"
        "atexit.register(lambda: print('bye', flush=True))\n"
        "child = os.fork()\n"
        "if child == 0: sys.exit(3)\n"
        "_, status = os.waitpid(child, 0)\n"
        "print(os.waitstatus_to_exitcode(status))\n"
    )
    done = cli("trace", "--json=x.json", "program.py")
    assert (done.returncode, done.stdout) == (0, "bye\n3\nbye\n")
    assert done.stderr.count("The GIL, ") == 1
    assert json.loads((tmp_path / "x.json").read_text())["pid"]


def test_an_end_by_os_exit_is_said(cli: Cli, program: Path) -> None:
    program.write_text("import os; os._exit(5)")
    done = cli("trace", "program.py")
    assert done.returncode == 5
    assert done.stderr == "ungil: no summary: the program ended by os._exit(5)\n"


def test_a_file_that_grows_too_large_is_said_and_not_left(
    tmp_path: Path, cli: Cli, program: Path
) -> None:
    program.write_text(
        "import resource, time\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "for _ in range(200): time.sleep(0)\nprint('ran')"
    )
    done = cli("trace", "-o", "t.json", "program.py")
    assert (done.returncode, done.stdout) == (2, "ran\n")
    assert "cannot write t.json: File too large" in done.stderr
    assert not (tmp_path / "t.json").exists()
