"""What holds for every test: it ends in time and leaves nothing behind.

The time limits are in pyproject.toml: pytest-timeout fails a test that hangs and shows every
thread's stack; where the interpreter itself is stuck, faulthandler ends the run a minute later,
again with every stack.
"""

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing import forkserver, resource_tracker
from pathlib import Path

import psutil
import pytest
import ungil
from command_line import ENVIRONMENT, JOBS, Cli

# Every process started from here carries this: one whose parent has died is still known for ours.
MARK = "UNGIL_TEST_SESSION"
os.environ[MARK] = str(os.getpid())
# A shell starts what it puts into the background with Ctrl-C ignored, and programs inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# What a pool may take to wind down: a process that was told to end, a thread that closes a pipe.
GRACE_SECONDS = 5.0
# Shared memory that Python or ungil would make; other programs on the machine have their own names.
SHM_NAMES = ("ungil", "psm_", "sem.mp", "pym-")


def pytest_report_header() -> str:
    return f"ungil: {ungil.__version__} from {Path(ungil.__file__).parent}"


@pytest.fixture(scope="session", autouse=True)
def standing_helpers() -> None:
    """Starts what lives as long as the session: the fork server, its socket, the supervisor."""
    with ungil.ProcessPoolExecutor(1) as pool:
        pool.submit(int).result()


@pytest.fixture(autouse=True)
def nothing_left_behind(standing_helpers: None) -> Iterator[None]:
    """Fails a test that leaves a process, a file descriptor or a shared-memory object behind."""
    before = {probe: probe() for probe in PROBES}
    yield
    left = leftovers(before)
    deadline = time.monotonic() + GRACE_SECONDS
    while left and time.monotonic() < deadline:
        gc.collect()
        time.sleep(0.02)
        left = leftovers(before)
    if left:
        pytest.fail("left behind: " + "; ".join(sorted(left)), pytrace=False)


def leftovers(before: dict[Callable[[], set[str]], set[str]]) -> set[str]:
    return {item for probe in PROBES for item in probe() - before[probe]}


def processes() -> set[str]:
    """Our descendants, and those who were when they started."""
    here = psutil.Process()
    family = {child.pid: child for child in here.children(recursive=True)}
    for process in psutil.process_iter():
        try:
            if process.pid != here.pid and process.environ().get(MARK) == str(here.pid):
                family[process.pid] = process
        except psutil.Error:
            continue
    return {line for process in family.values() if (line := described(process)) is not None}


def described(process: psutil.Process) -> str | None:
    try:
        command = " ".join(process.cmdline())[:200]
        # The standard library's helpers live as long as the interpreter that started them.
        if any(helper in command for helper in STANDING):
            return None
        return f"process {process.pid} ({process.status()}): {command or process.name()}"
    except psutil.NoSuchProcess:
        return None


STANDING = (
    "multiprocessing.resource_tracker",
    "multiprocessing.forkserver",
    f"_run_server({os.getpid()})",
)


def descriptors() -> set[str]:
    """Open file descriptors with their targets, but for the standard library's helpers'."""
    standing = standing_descriptors()
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{name}")
        except FileNotFoundError:  # the descriptor that listdir itself had open
            continue
        # multiprocessing's heap keeps the memory of its shared values for the next ones, and libffi
        # the file that the code of its callbacks comes from.
        kept = (
            target.startswith(("/dev/shm/pym-", f"/proc/{os.getpid()}/fd")) or "/libffi." in target
        )
        if int(name) not in standing and not kept:
            found.add(f"descriptor {name} -> {target}")
    return found


def standing_descriptors() -> set[int | None]:
    tracker, server = resource_tracker._resource_tracker, forkserver._forkserver
    return {getattr(tracker, "_fd", None), getattr(server, "_forkserver_alive_fd", None)}


def shared_memory() -> set[str]:
    return {
        f"shared memory /dev/shm/{name}"
        for name in os.listdir("/dev/shm")
        if name.startswith(SHM_NAMES)
    }


PROBES = (processes, descriptors, shared_memory)


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """Runs `python -m ungil ...` in the test's own directory."""

    def run(
        *arguments: str, timeout: float = 50, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "ungil", *arguments],
            cwd=tmp_path,
            env=ENVIRONMENT | {MARK: os.environ[MARK]} | (env or {}),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run


@pytest.fixture
def jobs(tmp_path: Path) -> Path:
    """A user's file `jobs.py` with a neighbour `helper.py`."""
    (tmp_path / "helper.py").write_text("def twice(x):\n    return 2 * x\n")
    file = tmp_path / "jobs.py"
    file.write_text(JOBS)
    return file
