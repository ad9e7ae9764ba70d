"""Nobody else on the machine can read what travels through a pool, or send it anything."""

import json
import os
import stat
import subprocess
import sys
import textwrap
from contextlib import suppress
from pathlib import Path

import pytest
import ungil

METHODS = ("forkserver", "spawn", "fork")
OWNER, STRANGER = 65532, 65533


@pytest.fixture(params=METHODS)
def method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


# Not through `subprocess`, whose child could not execute a Python in root's home.
BECOME = """
    import ctypes, json, os, subprocess, sys
    import multiprocessing.spawn, ungil, ungil._process, ungil._worker  # while they can be read
    user = int(sys.argv[1])
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE: as if it had been this user's from the start
"""

# Prints the pool's processes: this one, a worker, and the worker's parent.
OWNS = (
    BECOME
    + """
    if __name__ == "__main__":
        with ungil.ProcessPoolExecutor(1, start_method={method!r}) as pool:
            try:
                print(os.getpid(), *(pool.submit(f).result() for f in (os.getpid, os.getppid)))
            except ungil.BrokenProcessPool as error:
                print(error)
            sys.stdout.flush()
            sys.stdin.read()
"""
)

# Tries every way to another process' memory and descriptors; prints those that are open.
BREAKS_IN = (
    BECOME
    + """
    SYS_PIDFD_GETFD = 438
    ways = []
    for pid in sys.argv[2:]:
        numbers = range(100)
        for path in ["mem", "maps", "environ", *(f"fd/{n}" for n in numbers)]:
            for mode in (os.O_RDONLY, os.O_RDWR):
                try:
                    os.close(os.open(f"/proc/{pid}/{path}", mode))
                    ways.append([pid, path])
                except OSError:
                    pass
        theirs = os.pidfd_open(int(pid))
        ways += [
            [pid, f"pidfd_getfd {n}"]
            for n in numbers
            if libc.syscall(SYS_PIDFD_GETFD, theirs, n, 0) >= 0
        ]
        try:
            os.kill(int(pid), 0)
            ways.append([pid, "kill"])
        except PermissionError:
            pass
    print(json.dumps(ways))
"""
)


def start_as(user: int, source: str, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(source), str(user), *arguments],
        cwd="/", text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
def test_another_user_finds_no_way_in(method: str) -> None:
    with start_as(OWNER, OWNS.format(method=method)) as owner:
        assert owner.stdout is not None
        told = owner.stdout.readline()
        if method != "fork" and "Permission denied" in told:
            owner.communicate(timeout=40)
            pytest.skip("this Python's program is not for everybody, so nobody else can start it")
        assert len(told.split()) == 3, told
        found = {}
        for user in (OWNER, STRANGER):
            out, _ = start_as(user, BREAKS_IN, *told.split()).communicate(timeout=40)
            found[user] = json.loads(out)
        owner.communicate(timeout=40)
    assert found[OWNER], "the burglar knows its trade"
    assert found[STRANGER] == []


def descriptors(pid: int) -> dict[str, str]:
    folder, found = f"/proc/{pid}/fd", {}
    for name in os.listdir(folder):
        with suppress(FileNotFoundError):  # the descriptor that listdir itself had open
            found[name] = os.readlink(f"{folder}/{name}")
    return found


def test_segments_have_no_name_and_are_their_owners_alone(method: str) -> None:
    before = set(os.listdir("/dev/shm"))
    with ungil.ProcessPoolExecutor(1, start_method=method) as pool:
        pid = pool.submit(os.getpid).result()
        assert set(os.listdir("/dev/shm")) == before
        for process in (os.getpid(), pid):
            segments = [n for n, to in descriptors(process).items() if "ungil-pool" in to]
            assert segments
            for number in segments:
                assert descriptors(process)[number] == "/memfd:ungil-pool (deleted)"
                mode = os.stat(f"/proc/{process}/fd/{number}").st_mode
                assert stat.S_IMODE(mode) == 0o600


def test_sockets_have_no_address_that_anybody_could_connect_to(method: str) -> None:
    with ungil.ProcessPoolExecutor(1, start_method=method) as pool:
        family = {os.getpid(), *(pool.submit(f).result() for f in (os.getpid, os.getppid))}
        inodes = {
            to.removeprefix("socket:[").removesuffix("]")
            for pid in family
            for to in descriptors(pid).values()
            if to.startswith("socket:")
        }
        lines = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
        addresses = {line[6]: line[7:] for line in lines if line[6] in inodes}
    assert method == "fork" or addresses
    assert all(address == [] for address in addresses.values())


def test_a_program_that_a_task_starts_gets_none_of_it(method: str) -> None:
    code = "import os; os.system('ls -l /proc/self/fd')"
    with ungil.ProcessPoolExecutor(1, start_method=method) as pool:
        told = pool.submit(subprocess.check_output, [sys.executable, "-c", code], text=True)
        assert "ungil" not in told.result()
        assert "socket" not in told.result()
