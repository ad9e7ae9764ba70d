"""The end of a program: pending futures, late submissions, parents that are killed."""

import os
import signal
from pathlib import Path

import psutil
import pytest
from programs import SOON, Program, alive, output, run, wait_until

METHODS = ("forkserver", "spawn", "fork")


@pytest.fixture(params=METHODS)
def method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def in_directory(directory: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(directory) and alive(process):
                found.append(process)
        except psutil.Error:
            continue
    return found


# --- the parent is killed ---------------------------------------------------------------------

# Each says "ready" when it is in the middle of what its name says.
MIDDLES = {
    "starting workers": """
        pool = ungil.ProcessPoolExecutor(16, start_method=METHOD)
        futures = [pool.submit(time.sleep, 60) for _ in range(16)]
        ready()
    """,
    "large transfers": """
        pool = ungil.ProcessPoolExecutor(2, start_method=METHOD)
        block = bytes(64 << 20)
        pool.submit(bytes, 1).result()
        futures = [pool.submit(bytes, 128 << 20) for _ in range(4)]
        threading.Timer(0.02, ready).start()
        while True:
            futures = [pool.submit(len, block)]
            pool.submit(bytes, 64 << 20).result()
    """,
    "many small tasks": """
        pool = ungil.ProcessPoolExecutor(4, start_method=METHOD)
        pool.submit(int).result()
        threading.Timer(0.02, ready).start()
        while True:
            list(pool.map(abs, range(1000)))
    """,
    "replacing workers": """
        pool = ungil.ProcessPoolExecutor(4, start_method=METHOD)
        threading.Timer(0.1, ready).start()
        while True:
            for future in [pool.submit(os._exit, 1) for _ in range(8)]:
                future.exception()
    """,
}
MIDDLE = """
import os, sys, threading, time, ungil
METHOD = {method!r}
def ready():
    print("ready", flush=True)
if __name__ == "__main__":
{middle}
    time.sleep(60)
"""


@pytest.mark.parametrize("middle", MIDDLES)
def test_nothing_is_left_of_a_parent_that_is_killed_in_the_middle_of(
    middle: str, method: str, tmp_path: Path
) -> None:
    body = MIDDLES[middle].replace("\n    ", "\n").rstrip()
    for _ in range(2):
        with Program(tmp_path, MIDDLE.format(method=method, middle=body)) as program:
            program.expect("ready")
            program.process.send_signal(signal.SIGKILL)
            program.process.wait()
            wait_until(lambda: not in_directory(tmp_path), SOON)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may change its user")
def test_a_worker_whose_task_changed_its_user_ends_too(method: str, tmp_path: Path) -> None:
    """The kernel forgets, with the old user, that the worker shall die with its parent."""
    source = f"""
        import os, time, ungil
        if __name__ == "__main__":
            pool = ungil.ProcessPoolExecutor(1, start_method={method!r})
            for user in (65534, 0):
                pool.submit(os.seteuid, user).result()
            print("ready", flush=True)
            time.sleep(60)
    """
    with Program(tmp_path, source) as program:
        program.expect("ready")
        assert program.family
        program.process.send_signal(signal.SIGKILL)
        program.process.wait()
        wait_until(lambda: not program.leftovers(), SOON)


# --- the interpreter ends ---------------------------------------------------------------------


def test_pending_futures_with_listeners_are_told_before_the_end(
    method: str, tmp_path: Path
) -> None:
    source = f"""
        import time, ungil
        if __name__ == "__main__":
            pool = ungil.ProcessPoolExecutor(1, start_method={method!r})
            for n in range(3):
                pool.submit(abs, -n).add_done_callback(lambda f: print(f.result(), flush=True))
    """
    assert output(tmp_path, source).split() == ["0", "1", "2"]


@pytest.mark.parametrize("kind", ["ThreadPoolExecutor", "ProcessPoolExecutor"])
def test_daemon_threads_may_submit_until_the_end(kind: str, tmp_path: Path) -> None:
    source = f"""
        import threading, time, ungil
        def submit_for_ever():
            while True:
                try:
                    pool.submit(abs, -1).result()
                except RuntimeError as error:
                    refusals.append(str(error))
                    return
                count.append(1)
        if __name__ == "__main__":
            refusals, count = [], []
            pool = ungil.{kind}(2)
            for _ in range(4):
                threading.Thread(target=submit_for_ever, daemon=True).start()
            while len(count) < 50:
                time.sleep(0.001)
    """
    for _ in range(5):
        assert output(tmp_path, source) == ""


@pytest.mark.parametrize("kind", ["ThreadPoolExecutor", "ProcessPoolExecutor"])
def test_what_exit_handlers_submit_is_refused_by_name(kind: str, tmp_path: Path) -> None:
    source = f"""
        import atexit, ungil
        def late():
            for pool in (used, unused):
                try:
                    pool.submit(abs, -1)
                except RuntimeError as error:
                    print(error)
        if __name__ == "__main__":
            atexit.register(late)
            used, unused = ungil.{kind}(1), ungil.{kind}(1)
            used.submit(abs, -1).result()
    """
    told = output(tmp_path, source).splitlines()
    assert told == ["cannot schedule new futures after shutdown"] * 2


@pytest.mark.parametrize("kind", ["ThreadPoolExecutor", "ProcessPoolExecutor"])
def test_a_pool_made_by_an_exit_handler_ends_too(kind: str, tmp_path: Path) -> None:
    """concurrent.futures refuses it, as threads cannot be started any more; nothing may hang."""
    source = f"""
        import atexit, ungil
        def late():
            try:
                with ungil.{kind}(1) as pool:
                    print(pool.submit(abs, -1).result(20))
            except RuntimeError as error:
                print("refused:", error)
        if __name__ == "__main__":
            atexit.register(late)
    """
    done = run(tmp_path, source)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "1\n" or done.stdout.startswith("refused: ")
    wait_until(lambda: not in_directory(tmp_path), SOON)


def test_a_thread_that_waits_for_a_future_does_not_keep_the_program(tmp_path: Path) -> None:
    source = """
        import threading, time, ungil
        if __name__ == "__main__":
            pool = ungil.ProcessPoolExecutor(1)
            slow = pool.submit(time.sleep, 0.3)
            threading.Thread(target=lambda: print(slow.result()), daemon=False).start()
    """
    assert output(tmp_path, source) == "None\n"


def test_a_pool_that_refers_to_itself_is_collected(method: str, tmp_path: Path) -> None:
    source = f"""
        import gc, os, time, ungil
        if __name__ == "__main__":
            pool = ungil.ProcessPoolExecutor(1, start_method={method!r})
            pool.me = pool
            pid = pool.submit(os.getpid).result()
            del pool
            gc.collect()
            for _ in range(2000):
                if not os.path.exists(f"/proc/{{pid}}"):
                    break
                time.sleep(0.01)
            print(os.path.exists(f"/proc/{{pid}}"))
    """
    assert output(tmp_path, source) == "False\n"


def test_os_underscore_exit_in_the_parent_leaves_nothing(method: str, tmp_path: Path) -> None:
    source = f"""
        import os, time, ungil
        if __name__ == "__main__":
            pool = ungil.ProcessPoolExecutor(2, start_method={method!r})
            futures = [pool.submit(time.sleep, 60) for _ in range(2)]
            pool.submit(int)
            os._exit(3)
    """
    assert run(tmp_path, source).returncode == 3
    wait_until(lambda: not in_directory(tmp_path), SOON)


# --- tasks without end ------------------------------------------------------------------------

ENDLESS = """
    import os, time, ungil
    def endless():
        while True:
            pass
    if __name__ == "__main__":
        try:
            with ungil.ProcessPoolExecutor(1, start_method={method!r}) as pool:
                future = pool.submit(endless)
                while not future.running():
                    time.sleep(0.001)
                print("endless", flush=True)
                pool.shutdown()
        except KeyboardInterrupt:
            print(type(future.exception()).__name__)
"""


def test_ctrl_c_ends_the_wait_for_a_task_without_end(method: str, tmp_path: Path) -> None:
    with Program(tmp_path, ENDLESS.format(method=method)) as program:
        program.expect("endless")
        program.ctrl_c()
        assert program.end() == (0, "WorkerCrashed\n", "")
        wait_until(lambda: not program.leftovers(), SOON)
