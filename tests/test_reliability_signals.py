"""Ctrl-C reaches the main thread at once, and what tasks start can be interrupted like all else."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

import pytest
import ungil
from programs import PATIENCE, output, wait_until

METHODS = ("forkserver", "spawn", "fork")
# Blocked in every thread of ours, as far as they may be blocked.
ORDINARY = {
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGCHLD,
    signal.SIGUSR1,
    signal.SIGALRM,
}


@pytest.fixture(params=METHODS)
def method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


# A listener's thread, a pump, a supervisor: all there before the first signal.
INTERRUPTED = """
    import os, signal, sys, threading, time, ungil
    from concurrent.futures import wait

    def waste(seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(0.01)

    pool = ungil.{executor}
    told = threading.Event()
    pool.submit(int).add_done_callback(lambda _: told.set())
    told.wait()

    def leave_block():
        with ungil.{executor} as inner:
            inner.submit(waste, 60)

    def interrupt(turn):
        ready.wait()
        time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    slow = [pool.submit(waste, 600) for _ in range(2)]
    for turn in range(20):
        ready = threading.Event()
        thread = threading.Thread(target=interrupt, args=(turn,))
        thread.start()
        start = time.monotonic()
        try:
            ready.set()
            {waiting}
        except KeyboardInterrupt:
            print("heard", turn, "late" if time.monotonic() - start > {seconds} else "in time")
        thread.join()
    pool._interrupt()
"""


@pytest.mark.parametrize(
    "waiting",
    ["slow[0].result()", "slow[0].exception()", "wait(slow)", "leave_block()"],
)
@pytest.mark.parametrize(
    "executor", ['ProcessPoolExecutor(2, start_method="fork")', "ThreadPoolExecutor(2)"]
)
def test_a_signal_for_the_process_wakes_its_main_thread(
    waiting: str, executor: str, tmp_path: Path
) -> None:
    # Promised is a second; the machine may be busy.
    source = INTERRUPTED.format(waiting=waiting, executor=executor, seconds=3)
    told = output(tmp_path, source).splitlines()
    assert told == [f"heard {turn} in time" for turn in range(20)]


def blocked_in(task: Path) -> set[int]:
    for line in (task / "status").read_text().splitlines():
        if line.startswith("SigBlk:"):
            bits = int(line.split()[1], 16)
            return {n for n in range(1, 65) if bits >> (n - 1) & 1}
    raise AssertionError(f"{task} has no mask")


def test_no_thread_of_ours_takes_a_signal_from_the_main_thread(method: str) -> None:
    with ungil.ProcessPoolExecutor(1, start_method=method) as pool:
        told = threading.Event()
        pool.submit(time.sleep, 0.3).add_done_callback(lambda _: told.set())
        assert told.wait(PATIENCE)
        # The listener's thread goes back to sleep after it has told.
        wait_until(lambda: all(blocked >= ORDINARY for _, blocked in ours()))
        assert {"ungil-superviso", "ungil-pump", "ungil-notifier"} <= {name for name, _ in ours()}
    faults = {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT}
    assert not any(faults & blocked for _, blocked in ours())


def ours() -> list[tuple[str, set[int]]]:
    """Our threads' names, and the signals that each blocks."""
    found = []
    for number in os.listdir("/proc/self/task"):
        task = Path("/proc/self/task", number)
        with suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            name = (task / "comm").read_text().strip()
            if name.startswith("ungil"):
                found.append((name, blocked_in(task)))
    return found


def mask() -> set[int]:
    return {int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, [])}


def mask_of_a_thread() -> set[int]:
    masks = []
    thread = threading.Thread(target=lambda: masks.append(mask()))
    thread.start()
    thread.join()
    return masks[0]


def mask_of_a_program() -> str:
    code = "import signal; print([*map(int, signal.pthread_sigmask(signal.SIG_BLOCK, []))])"
    return subprocess.check_output([sys.executable, "-c", code], text=True).strip()


@pytest.mark.parametrize("blocked", [set(), {signal.SIGUSR1, signal.SIGUSR2}])
def test_workers_have_the_signal_mask_of_their_pools_maker(
    method: str, blocked: set[signal.Signals]
) -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
    try:
        here = mask()
        with ungil.ProcessPoolExecutor(1, start_method=method) as pool:
            assert pool.submit(mask).result(PATIENCE) == here
            assert pool.submit(mask_of_a_thread).result(PATIENCE) == here
            assert pool.submit(mask_of_a_program).result(PATIENCE) == str(sorted(here))
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@pytest.mark.parametrize("executor", [ungil.ProcessPoolExecutor, ungil.ThreadPoolExecutor])
def test_a_callback_has_an_ordinary_signal_mask(
    executor: Callable[[int], ungil.ProcessPoolExecutor],
) -> None:
    masks: list[set[int]] = []
    told = threading.Event()

    def callback(_: Future[None]) -> None:
        masks.extend([mask(), mask_of_a_thread()])
        told.set()

    with executor(1) as pool:
        pool.submit(threading.Event().wait, 0.05).add_done_callback(callback)
        assert told.wait(PATIENCE)
    assert masks == [mask(), mask()]


def test_a_fork_server_can_be_ended_by_sigterm(tmp_path: Path) -> None:
    source = """
        import os, psutil, signal, time, ungil
        with ungil.ProcessPoolExecutor(1) as pool:
            server = psutil.Process(pool.submit(os.getppid).result())
            server.send_signal(signal.SIGTERM)
            psutil.wait_procs([server], 20)
            print(server.is_running() and server.status() != psutil.STATUS_ZOMBIE)
            print(pool.submit(int, "5").result(20))
    """
    assert output(tmp_path, source) == "False\n5\n"
