"""Machines that have next to nothing left: what is missing is named, and nothing hangs."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from programs import output, wait_until, write

METHODS = ("forkserver", "spawn", "fork")


@pytest.fixture(params=METHODS)
def method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


# --- /dev/shm ---------------------------------------------------------------------------------

CROWDED = """
    import os, ungil
    import numpy as np
    if __name__ == "__main__":
        filler = os.open("/dev/shm/filler", os.O_WRONLY | os.O_CREAT)
        try:
            for _ in range(1000):
                os.write(filler, bytes(4096))
        except OSError as error:
            print(os.strerror(error.errno))
        with ungil.ProcessPoolExecutor(2, start_method={method!r}) as pool:
            arrays = list(pool.map(np.full, [1_000_000] * 4, range(4)))
            print([float(array.mean()) for array in arrays])
"""


def in_mount_namespace(mount: str, command: list[str]) -> list[str]:
    """The command below other mounts than the rest of the machine has."""
    script = f'{mount} && exec "$@"'
    return ["unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh", *command]


def can_mount() -> bool:
    mount = "mount -t tmpfs -o size=64k none /dev/shm"
    if shutil.which("unshare") is None:
        return False
    probe = in_mount_namespace(mount, ["true"])
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not can_mount(), reason="mount namespaces are not permitted here")
def test_a_full_dev_shm_of_64_kb(method: str, tmp_path: Path) -> None:
    program = write(tmp_path, CROWDED.format(method=method))
    command = in_mount_namespace(
        "mount -t tmpfs -o size=64k none /dev/shm", [sys.executable, str(program)]
    )
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=50, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["No space left on device", "[0.0, 1.0, 2.0, 3.0]"]


# --- processes and threads --------------------------------------------------------------------

FEW_PROCESSES = """
    import multiprocessing.spawn, os, resource, sys
    import ungil, ungil._process, ungil._worker
    if __name__ == "__main__":
        user = 60_000 + {number}
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
        resource.setrlimit(resource.RLIMIT_NPROC, ({number}, {number}))
        try:
            with ungil.{executor} as pool:
                print(sum(pool.map(abs, range(100))))
        except (RuntimeError, ungil.BrokenProcessPool) as error:
            print(type(error).__name__, error)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
@pytest.mark.parametrize("number", range(1, 8))
def test_few_processes(number: int, tmp_path: Path) -> None:
    """The limit counts threads too: a pool has two, and needs a worker."""
    executor = 'ProcessPoolExecutor(4, start_method="fork")'
    said = output(tmp_path, FEW_PROCESSES.format(number=number, executor=executor))
    if number < 4:
        refused = "RuntimeError.*refused a thread.*ulimit -u"
        assert re.search(f"{refused}|BrokenProcessPool no worker process could be started", said)
    else:
        assert said == "4950\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
@pytest.mark.parametrize("number", range(1, 4))
def test_few_threads(number: int, tmp_path: Path) -> None:
    executor = "ThreadPoolExecutor(4)"
    said = output(tmp_path, FEW_PROCESSES.format(number=number, executor=executor))
    assert said == ("RuntimeError can't start new thread\n" if number < 2 else "4950\n")


# --- descriptors ------------------------------------------------------------------------------


def test_a_limit_on_descriptors_below_what_is_open(method: str, tmp_path: Path) -> None:
    source = f"""
        import os, resource, signal, ungil
        if __name__ == "__main__":
            with ungil.ProcessPoolExecutor(20, start_method={method!r}) as pool:
                assert sum(pool.map(abs, range(1000))) == 499500
                while len(pool.worker_pids()) < 10:
                    list(pool.map(abs, range(1000)))
                resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))
                error = pool.submit(os._exit, 3).exception(20)
                print(type(error).__name__, sum(pool.map(abs, range(1000), timeout=20)))
    """
    assert output(tmp_path, source) == "WorkerCrashed 499500\n"


# --- memory -----------------------------------------------------------------------------------

NO_ROOM = """
    import resource, ungil
    import numpy as np
    if __name__ == "__main__":
        with ungil.ProcessPoolExecutor(1, start_method={method!r}, on_crash={policy!r}) as pool:
            pool.submit(int).result()
            with open("/proc/self/statm") as file:
                here = int(file.read().split()[0]) * 4096
            limit = here + (200 << 20)
            block = 1 << (150 << 23)  # pickled as bytes that have to be made first
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
            error = pool.submit(bool, block).exception(20)
            print(type(error).__name__)
            del block
            print(pool.submit(len, bytes(1 << 20)).result(20))
"""


@pytest.mark.parametrize("policy", ["isolate", "retry"])
def test_an_argument_without_room_to_pickle_it(method: str, policy: str, tmp_path: Path) -> None:
    printed = output(tmp_path, NO_ROOM.format(method=method, policy=policy))
    assert printed == "MemoryError\n1048576\n"


NO_ROOM_FOR_RESULT = """
    import resource, ungil
    def make(size):
        return b"x" * size
    if __name__ == "__main__":
        with ungil.ProcessPoolExecutor(1, start_method={method!r}) as pool:
            pool.submit(make, 1).result()
            with open("/proc/self/statm") as file:
                here = int(file.read().split()[0]) * 4096
            limit = here + (100 << 20)
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
            print(type(pool.submit(make, 400 << 20).exception(20)).__name__)
            print(len(pool.submit(make, 1 << 20).result(20)))
"""


def test_a_result_without_room_to_unpickle_it(method: str, tmp_path: Path) -> None:
    printed = output(tmp_path, NO_ROOM_FOR_RESULT.format(method=method))
    assert printed == "MemoryError\n1048576\n"


GROUPS = Path("/sys/fs/cgroup/memory")


@pytest.fixture
def group() -> Iterator[Path]:
    """A memory control group with 300 MiB."""
    group = GROUPS / f"ungil-test-{os.getpid()}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(300 << 20))
    except OSError:
        pytest.skip("no memory control group (version 1) can be made here")
    yield group
    # The group has to be empty: a worker that was killed is there until it is reaped.
    wait_until(lambda: not (group / "cgroup.procs").read_text())
    group.rmdir()


TOO_MUCH = """
    import os, ungil
    import numpy as np
    if __name__ == "__main__":
        with open({group!r} + "/cgroup.procs", "w") as file:
            file.write(str(os.getpid()))
        with ungil.ProcessPoolExecutor(1, start_method={method!r}) as pool:
            pool.submit(int).result()
            print(pool.submit(np.ones, 1 << 27).exception(40))
            print(pool.submit(np.ones, 1 << 20).result(40).sum())
"""


def test_memory_that_is_used_up_ends_a_worker_and_is_named(
    method: str, group: Path, tmp_path: Path
) -> None:
    said = output(tmp_path, TOO_MUCH.format(method=method, group=str(group)))
    crash, after = said.splitlines()
    assert f"was killed by {signal.SIGKILL.name}" in crash
    assert "perhaps out of memory" in crash
    assert after == "1048576.0"
