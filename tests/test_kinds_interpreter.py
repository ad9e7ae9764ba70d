"""`InterpreterPoolExecutor`: parallel pure Python in one process."""

import importlib.util
import os
import pickle
import subprocess
import sys
import textwrap
import time
from concurrent.futures import wait
from concurrent.futures.thread import BrokenThreadPool
from pathlib import Path

import pytest
import ungil
from kinds_tasks import (
    compute,
    divide,
    echo,
    fail_to_start,
    import_numpy,
    leave,
    make_lock,
    nap,
    pid,
    raise_odd,
    recall,
    remember,
    rendezvous,
    size_of,
    spin,
    square,
)
from ungil import InterpreterPoolExecutor

pytestmark = pytest.mark.skipif(
    sys.version_info < (3, 13), reason="interpreters in parallel need Python 3.13"
)


def test_interpreters_share_the_process_and_nothing_else() -> None:
    with InterpreterPoolExecutor(1) as pool:
        assert pool.submit(pid).result() == os.getpid()
        pool.submit(remember, "inside").result()
        assert pool.submit(recall).result()[0] == ["inside"]
    assert "inside" not in recall()[0]


def test_two_run_at_the_same_time(tmp_path: Path) -> None:
    with InterpreterPoolExecutor(2) as pool:
        first = pool.submit(rendezvous, str(tmp_path), "a", "b")
        second = pool.submit(rendezvous, str(tmp_path), "b", "a")
        assert first.result()
        assert second.result()


def test_computing_does_not_wait_for_the_main_gil() -> None:
    """A loop inside makes progress while the main thread computes without a pause."""
    with InterpreterPoolExecutor(1) as pool:
        pool.submit(square, 1).result()
        switch = sys.getswitchinterval()
        sys.setswitchinterval(100)  # the main GIL is not given away meanwhile
        try:
            future = pool.submit(compute, 200_000)
            until = time.monotonic() + 1.0
            while time.monotonic() < until:
                pass
            # The task is done inside; only its answer waits for the main GIL.
            start = time.monotonic()
            future.result(timeout=30)
            assert time.monotonic() - start < 0.9
        finally:
            sys.setswitchinterval(switch)


def test_large_data_and_buffers_survive_the_way() -> None:
    data = os.urandom(3_000_000)
    with InterpreterPoolExecutor(1) as pool:
        assert pool.submit(size_of, data).result() == len(data)
        assert pool.submit(echo, data).result() == data
        many = [pickle.PickleBuffer(bytearray([n % 256]) * n) for n in range(3000)]
        back = pool.submit(echo, many).result()
        assert isinstance(back, list)
        assert [bytes(part) for part in back] == [bytes(part.raw()) for part in many]
        assert pool.submit(echo, b"").result() == b""


def test_an_exception_carries_the_remote_traceback() -> None:
    with InterpreterPoolExecutor(1) as pool:
        error = pool.submit(divide, 0).exception()
    assert isinstance(error, ZeroDivisionError)
    assert isinstance(error.__cause__, ungil.RemoteTraceback)
    assert "in divide" in str(error.__cause__)
    assert "inside.py" not in str(error.__cause__)
    assert error.__traceback__ is None


def test_what_cannot_be_rebuilt_is_told() -> None:
    with InterpreterPoolExecutor(1) as pool:
        with pytest.raises(ungil.RemoteError, match=r"raise_odd raised Odd: 1 and 2"):
            pool.submit(raise_odd).result()
        with pytest.raises(
            pickle.PicklingError, match=r"result of task kinds_tasks.make_lock .*lock"
        ):
            pool.submit(make_lock).result()
        with pytest.raises(SystemExit):
            pool.submit(leave).result()
        assert pool.submit(square, 4).result() == 16


def test_a_module_that_refuses_is_named_with_the_remedy() -> None:
    if importlib.util.find_spec("numpy") is None:
        pytest.skip("NumPy is not installed")
    with InterpreterPoolExecutor(1) as pool:
        with pytest.raises(ImportError, match=r"needs numpy.*ProcessPoolExecutor") as caught:
            pool.submit(import_numpy).result()
        assert str(caught.value.name).startswith("numpy.")
        assert pool.submit(square, 4).result() == 16


def test_lambdas_go_through_cloudpickle() -> None:
    pytest.importorskip("cloudpickle")
    offset = 5
    with InterpreterPoolExecutor(1) as pool:
        assert pool.submit(lambda number: number + offset, 2).result() == 7


def test_what_does_not_pickle_fails_its_future() -> None:
    with InterpreterPoolExecutor(1) as pool:
        with pytest.raises((pickle.PicklingError, TypeError), match="lock"):
            pool.submit(echo, make_lock()).result()
        assert pool.submit(square, 4).result() == 16


def test_a_failing_initializer_is_the_cause() -> None:
    pool = InterpreterPoolExecutor(2, initializer=fail_to_start)
    futures = [pool.submit(square, number) for number in range(3)]
    for future in futures:
        with pytest.raises(ungil.BrokenInterpreterPool) as caught:
            future.result(timeout=30)
        assert isinstance(caught.value, BrokenThreadPool)
        assert isinstance(caught.value.__cause__, OSError)
        assert "no licence" in str(caught.value)
    pool.shutdown()


def test_waiting_tasks_can_be_cancelled() -> None:
    with InterpreterPoolExecutor(1) as pool:
        running = pool.submit(nap, 0.3)
        while not running.running():
            time.sleep(0.01)
        waiting = [pool.submit(square, number) for number in range(5)]
        assert waiting[0].cancel()
        pool.shutdown(wait=False, cancel_futures=True)
        assert wait(waiting, timeout=10).not_done == set()
        assert all(future.cancelled() for future in waiting)
        assert running.result() == 0.3


def test_tasks_are_finished_when_the_executor_is_forgotten() -> None:
    future = InterpreterPoolExecutor(1).submit(nap, 0.2)
    assert future.result(timeout=30) == 0.2


def test_an_interrupt_ends_loops_inside() -> None:
    pool = InterpreterPoolExecutor(2)
    running = [pool.submit(spin) for _ in range(2)]
    waiting = pool.submit(square, 2)
    while not all(future.running() for future in running):
        time.sleep(0.01)
    time.sleep(0.3)
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt), pool:
        raise KeyboardInterrupt
    for future in running:
        with pytest.raises(KeyboardInterrupt):
            future.result(timeout=10)
    assert time.monotonic() - start < 5
    assert waiting.cancelled()


def test_thirty_pools_leave_no_memory_file_and_no_thread() -> None:
    for _ in range(30):
        with InterpreterPoolExecutor(1) as pool:
            assert pool.submit(square, 3).result() == 9
    # Descriptors: see conftest.
    assert "_ungil_inside" not in sys.modules


def run_script(folder: Path, source: str) -> subprocess.CompletedProcess[str]:
    script = folder / "script.py"
    script.write_text(textwrap.dedent(source))
    return subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=50, check=False
    )


def test_a_scripts_own_functions_and_classes_work(tmp_path: Path) -> None:
    ran = run_script(
        tmp_path,
        """
        import datetime
        import ungil
        from ungil import InterpreterPoolExecutor, WorkerCrashed
        class Point:
            def __init__(self, x): self.x = x
        def move(point, by): return Point(point.x + by)
        if __name__ == "__main__":
            with InterpreterPoolExecutor(3) as pool:
                print([point.x for point in pool.map(move, map(Point, range(9)), [10] * 9)])
        """,
    )
    assert (ran.stdout, ran.stderr, ran.returncode) == (f"{list(range(10, 19))}\n", "", 0)


def test_an_unguarded_script_is_told_what_is_missing(tmp_path: Path) -> None:
    ran = run_script(
        tmp_path,
        """
        import ungil
        def work(): return 1
        pool = ungil.InterpreterPoolExecutor(1)
        print(pool.submit(work).result())
        """,
    )
    assert ran.returncode == 1
    assert "if __name__ == '__main__':" in ran.stderr


def test_the_program_ends_although_a_task_sleeps(tmp_path: Path) -> None:
    ran = run_script(
        tmp_path,
        """
        import time, ungil
        if __name__ == "__main__":
            pool = ungil.InterpreterPoolExecutor(1)
            pool.submit(time.sleep, 40)
            time.sleep(0.3)
            raise KeyboardInterrupt
        """,
    )
    assert "KeyboardInterrupt" in ran.stderr
    assert "Fatal" not in ran.stderr
    assert ran.returncode in {-2, 130}
