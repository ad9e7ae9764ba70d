"""Programs that tests write, run and kill; and waiting for what they do."""

import functools
import importlib.util
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil
import ungil.race

PATIENCE = 20.0
SOON = 5.0  # a second is the promise; the machine may be busy


def wait_until(true: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Waits for a condition; fails when it does not come true in time."""
    deadline = time.monotonic() + seconds
    pause = 0.001
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} s: {true}"
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)  # hundreds of processes may be waiting


def write(directory: Path, source: str, name: str = "program.py") -> Path:
    path = directory / name
    path.write_text(textwrap.dedent(source))
    return path


def loaded(file: Path, **given: object) -> ModuleType:
    """The module that a file is, with names that it finds there already."""
    specification = importlib.util.spec_from_file_location(file.stem, file)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    module.__dict__.update(given)
    specification.loader.exec_module(module)
    return module


def run(
    directory: Path, source: str, *flags: str, timeout: float = 50, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end."""
    command = [sys.executable, *flags, str(write(directory, source))]
    settings: dict[str, Any] = {"capture_output": True, "text": True}
    settings |= {"timeout": timeout, "cwd": directory, **options}
    return subprocess.run(command, check=False, **settings)


def output(directory: Path, source: str, *flags: str, **options: Any) -> str:
    """What a program prints that succeeds and says nothing on stderr."""
    done = run(directory, source, *flags, **options)
    ended = (done.returncode, done.stderr)
    assert ended == (0, ""), ended
    assert isinstance(done.stdout, str)
    return done.stdout


# Waits for Ctrl-C. (A signal that comes right before a sleep does not cut that one short.)
DOZE = "for _ in range(600): time.sleep(0.1)"

# A first line of programs: one that hangs says where.
TELLS_WHERE = (
    '__name__ == "__main__" and __import__("faulthandler")'
    '.register(__import__("signal").SIGUSR2, chain=False); '
)


class Program:
    """A running program, in a process group of its own as a shell starts it."""

    def __init__(self, directory: Path, source: str) -> None:
        self.directory = directory
        self.process = subprocess.Popen(
            [sys.executable, str(write(directory, TELLS_WHERE + textwrap.dedent(source)))],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )
        self.family: set[psutil.Process] = set()

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()

    def expect(self, line: str) -> None:
        """Reads the next line, which must be this one; remembers the family as it is then."""
        assert self.process.stdout is not None
        got = self.process.stdout.readline().strip()
        if got != line:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise AssertionError(f"{got!r}, not {line!r}: {self.process.communicate()[1]}")
        self.remember()

    def remember(self) -> None:
        self.family |= set(psutil.Process(self.process.pid).children(recursive=True))

    def ctrl_c(self) -> None:
        """What a terminal does: the whole process group gets the signal."""
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self, seconds: float = PATIENCE) -> tuple[int, str, str]:
        """Waits for its end: exit status, and what it wrote to stdout and stderr."""
        try:
            out, err = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGUSR2)
            time.sleep(0.5)
            os.killpg(self.process.pid, signal.SIGKILL)
            out, err = self.process.communicate()
            raise AssertionError(f"no end within {seconds} s: {out!r}\n{err}") from None
        return self.process.returncode, out, err

    def leftovers(self) -> set[psutil.Process]:
        return {process for process in self.family if alive(process)}


def alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def is_running(pid: int) -> bool:
    return psutil.pid_exists(pid) and alive(psutil.Process(pid))


@functools.cache
def explores() -> bool:
    """Whether ungil.race does on this Python."""
    try:
        return ungil.race.explore(lambda: None).ok
    except RuntimeError:
        return False
