"""How the processes of a pool live and die: nothing is lost but what must be, nothing is left."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import wait
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import ungil
from process_tasks import (
    close_descriptors,
    fork_and_return,
    fork_and_wait,
    hold,
    kill_self,
)
from programs import DOZE, PATIENCE, SOON, Program, is_running, output, run, wait_until

METHODS = ("forkserver", "spawn", "fork")


@pytest.fixture(params=METHODS)
def method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def holders(marks: Path) -> list[int]:
    return sorted(int(mark.name) for mark in marks.iterdir() if mark.name.isdigit())


def held_by_two(marks: Path) -> bool:
    return len(holders(marks)) == 2


def is_gone(pool: ungil.ProcessPoolExecutor, pid: int) -> bool:
    return pid not in pool.worker_pids()


def use_closed_descriptors(path: Path) -> int:
    with path.open("wb") as file:
        file.write(b"precious")
        file.flush()
        np.ones(1_000_000).sum()
        return file.fileno()


# --- a worker dies ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "argument", "text"),
    [
        (kill_self, signal.SIGKILL, "was killed by SIGKILL"),
        (kill_self, signal.SIGTERM, "was killed by SIGTERM"),
        (kill_self, signal.SIGSEGV, "was killed by SIGSEGV"),
        (os._exit, 0, "exited with code 0"),
        (os._exit, 3, "exited with code 3"),
    ],
)
def test_a_worker_that_dies_fails_its_task(
    method: str, end: Callable[[int], None], argument: int, text: str
) -> None:
    with ungil.ProcessPoolExecutor(1, start_method=method) as pool:
        pid = pool.submit(os.getpid).result()
        error = pool.submit(end, argument).exception(PATIENCE)
        assert isinstance(error, ungil.WorkerCrashed)
        assert isinstance(error, ungil.BrokenProcessPool)
        name = "process_tasks.kill_self" if end is kill_self else "posix._exit"
        assert f"task {name} was lost: its worker, process {pid}, {text}" in str(error)
        assert pool.submit(os.getpid).result(PATIENCE) != pid


def test_only_the_task_of_the_dead_worker_is_lost(method: str, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    with ungil.ProcessPoolExecutor(3, start_method=method) as pool:
        tasks = [pool.submit(hold, tmp_path, gate) for _ in range(3)]
        waiting = [pool.submit(abs, -n) for n in range(2000)]
        wait_until(lambda: len(holders(tmp_path)) == 3)
        victim = holders(tmp_path)[1]
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: any(task.done() for task in tasks))
        gate.touch()
        wait(tasks, PATIENCE)
        assert sum(isinstance(task.exception(), ungil.WorkerCrashed) for task in tasks) == 1
        assert [task.result(PATIENCE) for task in waiting] == [*range(2000)]
        assert victim not in pool.worker_pids()


def test_an_idle_worker_that_dies_is_replaced_when_needed(method: str) -> None:
    with ungil.ProcessPoolExecutor(1, start_method=method) as pool:
        for _ in range(3):
            pid = pool.submit(os.getpid).result(PATIENCE)
            os.kill(pid, signal.SIGKILL)
            wait_until(partial(is_gone, pool, pid))
            assert pool.submit(os.getpid).result(PATIENCE) != pid


def test_a_call_to_work_that_reaches_a_dead_worker_is_not_lost(tmp_path: Path) -> None:
    with ungil.ProcessPoolExecutor(2) as pool:
        for turn in range(30):
            marks = tmp_path / str(turn)
            marks.mkdir()
            gate = marks / "gate"
            both = [pool.submit(hold, marks, gate) for _ in range(2)]
            wait_until(partial(held_by_two, marks))
            gate.touch()
            wait(both, PATIENCE)
            for pid in pool.worker_pids()[:1]:
                os.kill(pid, signal.SIGKILL)
            # The dead one is the one that would be called; it may even have got the task.
            future = pool.submit(int, "1")
            error = future.exception(PATIENCE)
            assert error is None or isinstance(error, ungil.WorkerCrashed)


def test_answers_given_before_death_count(method: str) -> None:
    with ungil.ProcessPoolExecutor(2, start_method=method) as pool:
        for _ in range(20):
            futures = [pool.submit(abs, -n) for n in range(200)]
            for pid in pool.worker_pids()[:1]:
                with suppress(ProcessLookupError):  # the last one has not been noticed yet
                    os.kill(pid, signal.SIGKILL)
            wait(futures, PATIENCE)
            lost = [future for future in futures if future.exception(PATIENCE)]
            assert len(lost) <= 1
            assert all(f.exception() or f.result() == n for n, f in enumerate(futures))


def test_arrays_of_a_dead_worker_stay_as_they_are() -> None:
    with ungil.ProcessPoolExecutor(1) as pool:
        kept: dict[int, np.ndarray] = {}
        for n in range(60):
            kept[n] = pool.submit(np.full, 3000 * (1 + n % 40), n).result()
            if n % 3 == 0:
                del kept[n // 2 if n // 2 in kept else n]
            if n % 5 == 0:
                pool.submit(os._exit, 0).exception(PATIENCE)
            for value, array in kept.items():
                assert (array == value).all()


def test_a_worker_may_die_again_and_again(method: str) -> None:
    with ungil.ProcessPoolExecutor(2, start_method=method) as pool:
        tasks: list[Callable[[int], Any]] = [os._exit, abs, abs, abs]
        futures = [pool.submit(tasks[n % 4], n) for n in range(40)]
        wait(futures, PATIENCE * 2)
        for n, future in enumerate(futures):
            if n % 4:
                assert future.result() == n
            else:
                assert isinstance(future.exception(), ungil.WorkerCrashed)


def test_a_server_that_dies_is_replaced(tmp_path: Path) -> None:
    printed = output(
        tmp_path,
        """
        import os, psutil, signal, time, ungil
        with ungil.ProcessPoolExecutor(2) as pool:
            first = pool.submit(os.getpid).result()
            task = pool.submit(time.sleep, 60)
            while not task.running(): time.sleep(0.01)
            psutil.Process(first).parent().kill()
            print(task.exception(20))
            print(pool.submit(int, "5").result(20))
            print([pool.submit(os.getpid).result(20) == first])
        """,
    )
    lines = printed.splitlines()
    assert "was killed because its fork server had died" in lines[0]
    assert lines[1:] == ["5", "[False]"]


def test_a_worker_that_closes_its_descriptors_harms_nobody(method: str, tmp_path: Path) -> None:
    with ungil.ProcessPoolExecutor(1, start_method=method) as pool:
        assert pool.submit(close_descriptors).result(PATIENCE) == "closed"
        path = tmp_path / "precious"
        pool.submit(use_closed_descriptors, path).result(PATIENCE)
        big = pool.submit(np.full, 2_000_000, 7.0).result(PATIENCE)
        assert (big == 7).all()
        assert path.read_bytes() == b"precious"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_task_may_fork(method: str) -> None:
    with ungil.ProcessPoolExecutor(1, start_method=method) as pool:
        pid = pool.submit(os.getpid).result()
        assert pool.submit(fork_and_wait).result(PATIENCE) == 5
        child = pool.submit(fork_and_return).result(PATIENCE)
        assert child > 0, "the answer is the worker's, not its child's"
        wait_until(lambda: not is_running(child))
        assert {pool.submit(os.getpid).result(PATIENCE) for _ in range(50)} == {pid}


# --- the parent dies --------------------------------------------------------------------------

BUSY = """
    import os, sys, time, ungil
    def work():
        while True:
            time.sleep(0.01)
    if __name__ == "__main__":
        pool = ungil.ProcessPoolExecutor(3, start_method={method!r})
        futures = [pool.submit(work) for _ in range(3)]
        while not all(future.running() for future in futures):
            time.sleep(0.01)
        print("busy", flush=True)
        {then}
"""


@pytest.mark.parametrize(
    "then",
    [
        "os.kill(os.getpid(), 9)",
        "os._exit(4)",
        "os.abort()",
        "os.execv('/bin/true', ['true'])",
    ],
)
def test_no_worker_outlives_its_parent(method: str, then: str, tmp_path: Path) -> None:
    source = BUSY.format(method=method, then=f"sys.stdin.read(); time.sleep(0.3); {then}")
    with Program(tmp_path, source) as program:
        program.expect("busy")
        assert len(program.family) >= 3
        program.end()
        wait_until(lambda: not program.leftovers(), SOON)


def test_no_worker_outlives_a_parent_that_dies_while_they_start(
    method: str, tmp_path: Path
) -> None:
    source = f"""
        import os, time, ungil
        if __name__ == "__main__":
            pool = ungil.ProcessPoolExecutor(8, start_method={method!r})
            for _ in range(8):
                pool.submit(time.sleep, 60)
            print("started", flush=True)
            time.sleep(60)
    """
    for _ in range(5):
        with Program(tmp_path, source) as program:
            program.expect("started")
            program.process.kill()
            program.end()
        wait_until(lambda: not ours_in(tmp_path), SOON)


def ours_in(directory: Path) -> list[int]:
    """Processes that run in a directory."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(directory):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def test_workers_outlive_the_thread_that_made_them(method: str) -> None:
    pools: list[ungil.ProcessPoolExecutor] = []
    pids: list[int] = []

    def make() -> None:
        pools.append(ungil.ProcessPoolExecutor(1, start_method=method))
        pids.append(pools[0].submit(os.getpid).result())

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    with pools[0] as pool:
        time.sleep(0.05)
        assert pool.submit(os.getpid).result(PATIENCE) == pids[0]


@pytest.mark.parametrize("forget", ["pass", "del pool, futures; gc.collect()"])
def test_pending_tasks_are_finished_at_exit(method: str, forget: str, tmp_path: Path) -> None:
    printed = output(
        tmp_path,
        f"""
        import gc, time, ungil
        def late(n):
            time.sleep(0.02)
            print(n, flush=True)
        if __name__ == "__main__":
            pool = ungil.ProcessPoolExecutor(1, start_method={method!r})
            futures = [pool.submit(late, n) for n in range(5)]
            {forget}
        """,
    )
    assert printed.split() == ["0", "1", "2", "3", "4"]


def test_sys_exit_in_the_with_block_finishes_the_tasks(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
        import sys, time, ungil
        def late(n):
            time.sleep(0.02)
            print(n, flush=True)
        if __name__ == "__main__":
            with ungil.ProcessPoolExecutor(1) as pool:
                futures = [pool.submit(late, n) for n in range(3)]
                sys.exit(9)
        """,
    )
    assert (done.returncode, done.stdout.split(), done.stderr) == (9, ["0", "1", "2"], "")


# --- Ctrl-C -----------------------------------------------------------------------------------


@pytest.mark.parametrize("waiting", [DOZE, "futures[0].result()", "pool.shutdown()"])
def test_ctrl_c_ends_everything_within_a_second(method: str, waiting: str, tmp_path: Path) -> None:
    source = BUSY.format(method=method, then=waiting)
    with Program(tmp_path, source) as program:
        program.expect("busy")
        program.ctrl_c()
        start = time.monotonic()
        status, _, err = program.end()
        took = time.monotonic() - start
        wait_until(lambda: not program.leftovers(), SOON)
    assert err.count("Traceback") == 1, err
    assert status == -signal.SIGINT
    assert took < SOON


def test_ctrl_c_ends_the_waiting_at_exit(method: str, tmp_path: Path) -> None:
    source = BUSY.format(
        method=method,
        then="__import__('threading')._register_atexit(lambda: print('leaving', flush=True))",
    )
    with Program(tmp_path, source) as program:
        program.expect("busy")
        program.expect("leaving")
        time.sleep(0.05)
        program.ctrl_c()
        assert program.end() == (0, "", "")
        wait_until(lambda: not program.leftovers(), SOON)


IN_BLOCK = """
    import os, sys, time, ungil
    def work():
        while True:
            time.sleep(0.01)
    if __name__ == "__main__":
        try:
            with ungil.ProcessPoolExecutor(2, start_method={method!r}) as pool:
                futures = [pool.submit(work) for _ in range(4)]
                while not all(future.running() for future in futures[:2]):
                    time.sleep(0.01)
                print("busy", flush=True)
                {then}
        except KeyboardInterrupt:
            print(*(f.cancelled() or type(f.exception()).__name__ for f in futures))
            print(pool.worker_pids())
"""


@pytest.mark.parametrize("then", ["futures[0].result()", "list(pool.map(abs, [1, 2]))", "pass"])
def test_ctrl_c_in_the_with_block(method: str, then: str, tmp_path: Path) -> None:
    with Program(tmp_path, IN_BLOCK.format(method=method, then=then)) as program:
        program.expect("busy")
        program.ctrl_c()
        status, out, err = program.end()
        assert (status, err) == (0, "")
        assert out == "WorkerCrashed WorkerCrashed True True\n[]\n"
        wait_until(lambda: not program.leftovers(), SOON)


def test_ctrl_c_again_and_again(method: str, tmp_path: Path) -> None:
    with Program(tmp_path, BUSY.format(method=method, then=DOZE)) as program:
        program.expect("busy")
        for _ in range(10):
            if program.process.poll() is None:
                program.ctrl_c()
                time.sleep(0.005)
        program.end()
        wait_until(lambda: not program.leftovers(), SOON)


def test_ctrl_c_while_workers_start_makes_no_noise(method: str, tmp_path: Path) -> None:
    source = f"""
        import os, time, ungil
        if __name__ == "__main__":
            try:
                with ungil.ProcessPoolExecutor(4, start_method={method!r}) as pool:
                    futures = [pool.submit(time.sleep, 60) for _ in range(4)]
                    print("starting", flush=True)
                    {DOZE}
            except KeyboardInterrupt:
                print("interrupted")
    """
    for delay in (0, 0.01, 0.03, 0.06, 0.1):
        with Program(tmp_path, source) as program:
            program.expect("starting")
            time.sleep(delay)
            program.ctrl_c()
            assert program.end() == (0, "interrupted\n", "")
        wait_until(lambda: not ours_in(tmp_path), SOON)


def test_a_program_started_by_a_task_hears_ctrl_c(method: str) -> None:
    with ungil.ProcessPoolExecutor(1, start_method=method) as pool:
        code = "import os, signal; os.kill(os.getpid(), signal.SIGINT)"
        done = pool.submit(
            subprocess.run, [sys.executable, "-c", code], stderr=subprocess.DEVNULL
        ).result(PATIENCE)
        assert done.returncode == -signal.SIGINT


# --- forks of the parent ----------------------------------------------------------------------


def test_a_forked_child_can_neither_use_nor_harm_the_pool(method: str, tmp_path: Path) -> None:
    printed = output(
        tmp_path,
        f"""
        import gc, os, sys, threading, time, ungil, warnings
        import numpy as np
        warnings.simplefilter("ignore", DeprecationWarning)
        if __name__ == "__main__":
            pool = ungil.ProcessPoolExecutor(2, start_method={method!r})
            array = pool.submit(np.full, 300_000, 7.0).result()
            slow = pool.submit(time.sleep, 0.5)
            if (child := os.fork()) == 0:
                for use in (lambda: pool.submit(int), slow.result):
                    try:
                        use()
                    except RuntimeError as error:
                        print(error)
                with ungil.ProcessPoolExecutor(1, start_method={method!r}) as mine:
                    print(mine.submit(int, "3").result())
                del array, pool, slow
                gc.collect()
                sys.exit(7)
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
            for n in range(50):
                pool.submit(np.full, 300_000, -1.0).result()
            print((array == 7).all(), slow.result(), pool.submit(int, "4").result())
        """,
    )
    lines = printed.splitlines()
    assert "make a new one in the child" in lines[0]
    assert "belongs to an executor of the parent process" in lines[1]
    assert lines[2:] == ["3", "7", "True None 4"]


def test_forking_workers_in_a_busy_parent(tmp_path: Path) -> None:
    stop = threading.Event()

    def allocate() -> None:
        while not stop.is_set():
            _ = [str(n) for n in range(1000)]

    threads = [threading.Thread(target=allocate) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):
            with ungil.ProcessPoolExecutor(3, start_method="fork") as pool:
                assert list(pool.map(abs, range(30), timeout=PATIENCE)) == [*range(30)]
    finally:
        stop.set()
        for thread in threads:
            thread.join()


# --- a poor machine ---------------------------------------------------------------------------

LIMITED = """
    import os, resource, sys, ungil
    import numpy as np
    if __name__ == "__main__":
        resource.setrlimit(resource.{limit}, ({value}, {value}))
        with ungil.ProcessPoolExecutor({workers}, start_method={method!r}) as pool:
            print(sum(pool.map(abs, range(1000))))
            print(pool.submit(np.full, 100_000, 1.0).result().sum())
"""


@pytest.mark.parametrize("workers", [4, 100])
def test_few_descriptors(method: str, workers: int, tmp_path: Path) -> None:
    source = LIMITED.format(limit="RLIMIT_NOFILE", value=64, workers=workers, method=method)
    assert output(tmp_path, source) == "499500\n100000.0\n"


@pytest.mark.parametrize("workers", [2, 8])
def test_little_address_space(method: str, workers: int, tmp_path: Path) -> None:
    source = LIMITED.format(limit="RLIMIT_AS", value=1 << 30, workers=workers, method=method)
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    assert output(tmp_path, source, env=environment) == "499500\n100000.0\n"


def test_small_files_only(method: str, tmp_path: Path) -> None:
    source = LIMITED.format(limit="RLIMIT_FSIZE", value=1 << 28, workers=2, method=method)
    assert output(tmp_path, source) == "499500\n100000.0\n"


def take_memory(limit: int) -> int:
    import resource  # noqa: PLC0415

    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    return len(bytearray(10 * limit))


def test_a_worker_out_of_memory_says_so(method: str) -> None:
    with ungil.ProcessPoolExecutor(1, start_method=method) as pool:
        assert isinstance(pool.submit(take_memory, 1 << 34).exception(PATIENCE), MemoryError)


def test_dev_shm_is_not_used(method: str) -> None:
    with ungil.ProcessPoolExecutor(1, start_method=method) as pool:
        before = set(os.listdir("/dev/shm")), os.statvfs("/dev/shm").f_bfree
        kept = pool.submit(np.ones, 20_000_000).result()
        free = os.statvfs("/dev/shm").f_bfree
        assert kept.nbytes // 4096 > 2 * abs(free - before[1])
        assert set(os.listdir("/dev/shm")) == before[0]


@pytest.mark.parametrize("closed", ["0", "1", "2", "0 1 2"])
def test_closed_standard_streams(method: str, closed: str, tmp_path: Path) -> None:
    source = f"""
        import os, sys, ungil
        def shout():
            for fd in (1, 2):
                try:
                    os.write(fd, b"!" * 100)
                except OSError:
                    pass
            return os.system("echo hello; echo hello >&2") * 0
        if __name__ == "__main__":
            with ungil.ProcessPoolExecutor(2, start_method={method!r}) as pool:
                total = sum(pool.map(abs, range(100))) + shout()
                for _ in range(4):
                    total += pool.submit(shout).result()
                total += sum(pool.map(abs, range(100)))
            with open("total", "w") as file:
                file.write(str(total))
    """
    (tmp_path / "program.py").write_text(re.sub("^ {8}", "", source, flags=re.MULTILINE))
    redirections = " ".join(f"{fd}{'<' if fd == '0' else '>'}&-" for fd in closed.split())
    command = f"exec {sys.executable} program.py {redirections}"
    subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True, timeout=50, capture_output=True)
    assert (tmp_path / "total").read_text() == "9900"


@pytest.mark.parametrize("kind", ["forkserver", "spawn"])
def test_no_program_to_start_workers_with(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "")
    with pytest.raises(RuntimeError, match=r"sys\.executable is empty"):
        ungil.ProcessPoolExecutor(1, start_method=kind)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    refused = pytest.raises(ungil.BrokenProcessPool, match="cannot start /nowhere/python")
    with ungil.ProcessPoolExecutor(1, start_method=kind) as pool, refused:
        pool.submit(int).result(PATIENCE)


def test_a_directory_that_is_gone(method: str, tmp_path: Path) -> None:
    printed = output(
        tmp_path,
        f"""
        import os, tempfile, ungil
        if __name__ == "__main__":
            directory = tempfile.mkdtemp()
            os.chdir(directory)
            os.rmdir(directory)
            with ungil.ProcessPoolExecutor(1, start_method={method!r}) as pool:
                print(pool.submit(int, "6").result())
        """,
    )
    assert printed == "6\n"


# --- many -------------------------------------------------------------------------------------


@pytest.mark.timeout(200)
def test_a_pool_of_256_workers(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    with ungil.ProcessPoolExecutor(256) as pool:
        tasks = [pool.submit(hold, tmp_path, gate) for _ in range(256)]
        wait_until(lambda: len(holders(tmp_path)) == 256, 80)
        gate.touch()
        assert len({task.result(PATIENCE) for task in tasks}) == 256


@pytest.mark.parametrize(("kind", "pools"), [("forkserver", 200), ("fork", 60), ("spawn", 20)])
def test_pools_in_a_row_leave_nothing(kind: str, pools: int) -> None:
    """What they leave, if anything, the guard in conftest.py finds."""
    for n in range(pools):
        with ungil.ProcessPoolExecutor(2, start_method=kind) as pool:
            assert list(pool.map(abs, range(4))) == [*range(4)]
            if n % 10 == 0:
                pool.submit(os._exit, 1).exception(PATIENCE)
    assert threading.active_count() < 10
    wait_until(lambda: len(os.listdir("/proc/self/task")) < 20)


def test_many_pools_at_once() -> None:
    pools = [ungil.ProcessPoolExecutor(1) for _ in range(20)]
    futures = [pool.submit(os.getpid) for pool in pools]
    assert len({future.result(PATIENCE) for future in futures}) == 20
    for pool in pools:
        pool.shutdown(wait=False)
    for pool in pools:
        pool.shutdown()


def test_memory_is_given_back_for_reuse() -> None:
    with ungil.ProcessPoolExecutor(1) as pool:
        grown = []
        for _ in range(4):
            for _ in range(25):
                pool.submit(len, np.zeros(2_000_000)).result()
                pool.submit(np.zeros, 2_000_000).result()
            grown.append(psutil.Process().memory_info().shared)
        assert grown[-1] - grown[0] < 200e6


def test_sockets_of_the_parent_are_not_kept_open_by_workers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, ungil.ProcessPoolExecutor(1) as pool:
        pool.submit(int).result()
        port = server.getsockname()[1]
        server.close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=5)
