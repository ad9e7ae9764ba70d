"""`ungil.ThreadPoolExecutor`: the standard interface on threads of the native engine."""

import gc
import logging
import signal
import subprocess
import sys
import threading
import time
import weakref
from concurrent.futures import Executor, ThreadPoolExecutor, wait
from concurrent.futures.thread import BrokenThreadPool
from pathlib import Path

import pytest
import ungil
from programs import DOZE, PATIENCE, Program, output, run, wait_until


def test_it_is_an_executor_and_no_standard_pool() -> None:
    assert issubclass(ungil.ThreadPoolExecutor, Executor)
    assert not issubclass(ungil.ThreadPoolExecutor, ThreadPoolExecutor)


def test_it_runs_calls_in_its_threads() -> None:
    with ungil.ThreadPoolExecutor(2, thread_name_prefix="mine") as pool:
        assert pool.submit(pow, 2, exp=10).result() == 1024
        assert pool.submit(lambda: threading.current_thread().name).result().startswith("mine_")
        assert list(pool.map(pow, range(5), range(5))) == [1, 1, 4, 27, 256]


@pytest.mark.parametrize("count", [0, -1])
def test_it_wants_a_thread_at_least(count: int) -> None:
    with pytest.raises(ValueError, match="max_workers must be greater than 0"):
        ungil.ThreadPoolExecutor(count)


def test_it_starts_no_more_threads_than_are_wanted() -> None:
    barrier = threading.Barrier(4)
    with ungil.ThreadPoolExecutor(4) as pool:
        wait([pool.submit(barrier.wait, PATIENCE) for _ in range(4)], PATIENCE)
        for _ in range(100):
            pool.submit(int).result()
        assert sum(t.name.startswith("ThreadPoolExecutor") for t in threading.enumerate()) == 4


def test_map_has_a_limit_and_takes_any_iterable() -> None:
    gate = threading.Event()
    with ungil.ThreadPoolExecutor(1) as pool:
        assert list(pool.map(str, (n for n in range(3)))) == ["0", "1", "2"]
        with pytest.raises(TimeoutError):
            list(pool.map(lambda _: gate.wait(PATIENCE), [1], timeout=0.05))
        gate.set()


def test_map_raises_where_the_call_raised() -> None:
    with ungil.ThreadPoolExecutor(2) as pool:
        results = pool.map(lambda n: 1 // n, [1, 0, 1])
        assert next(results) == 1
        with pytest.raises(ZeroDivisionError):
            next(results)


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_what_ends_programs_ends_only_the_task(kind: type[BaseException]) -> None:
    def leave() -> None:
        raise kind("leaving")

    with ungil.ThreadPoolExecutor(1) as pool:
        error = pool.submit(leave).exception(PATIENCE)
        assert isinstance(error, kind)
        assert pool.submit(int, "5").result(PATIENCE) == 5


def test_the_initializer_runs_once_in_each_thread() -> None:
    ran: list[tuple[int, int]] = []
    with ungil.ThreadPoolExecutor(
        3, initializer=lambda a: ran.append((threading.get_ident(), a)), initargs=(7,)
    ) as pool:
        barrier = threading.Barrier(3)
        idents = {pool.submit(lambda: (barrier.wait(PATIENCE), threading.get_ident())[1])
                  for _ in range(3)}  # fmt: skip
        assert {(future.result(), 7) for future in idents} == set(ran)
    assert len(ran) == 3


def test_a_failing_initializer_breaks_the_pool(caplog: pytest.LogCaptureFixture) -> None:
    go = threading.Event()

    def fail() -> None:
        go.wait(PATIENCE)
        raise ValueError("no thread for you")

    with caplog.at_level(logging.CRITICAL), ungil.ThreadPoolExecutor(1, initializer=fail) as pool:
        futures = [pool.submit(int) for _ in range(3)]
        go.set()
        for future in futures:
            assert isinstance(future.exception(PATIENCE), BrokenThreadPool)
        with pytest.raises(BrokenThreadPool):
            pool.submit(int)
    assert "no thread for you" in caplog.text


def test_an_initializer_must_be_callable() -> None:
    with pytest.raises(TypeError, match="initializer must be a callable"):
        ungil.ThreadPoolExecutor(1, initializer=5)  # type: ignore[arg-type]


def test_after_shutdown_nothing_is_taken() -> None:
    pool = ungil.ThreadPoolExecutor(1)
    future = pool.submit(time.sleep, 0.05)
    pool.shutdown()
    assert future.done()
    with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
        pool.submit(int)
    pool.shutdown()


def test_shutdown_can_cancel_what_waits() -> None:
    gate = threading.Event()
    pool = ungil.ThreadPoolExecutor(1)
    running = pool.submit(gate.wait, PATIENCE)
    wait_until(running.running)
    waiting = [pool.submit(int) for _ in range(10)]
    pool.shutdown(wait=False, cancel_futures=True)
    assert all(future.cancelled() for future in waiting)
    gate.set()
    pool.shutdown()
    assert running.result() is True


def test_tasks_may_submit_to_their_own_pool() -> None:
    with ungil.ThreadPoolExecutor(2) as pool:

        def outer(n: int) -> int:
            return pool.submit(abs, -n).result(PATIENCE) if n else 0

        assert pool.submit(outer, 4).result(PATIENCE) == 4


def test_a_subclass_may_have_its_own_init() -> None:
    class Named(ungil.ThreadPoolExecutor):
        def __init__(self, name: str) -> None:
            super().__init__(max_workers=1)
            self.name = name

    with Named("x") as pool:
        assert pool.submit(str.upper, pool.name).result() == "X"


def test_a_subclass_that_forgets_init_is_told() -> None:
    class Forgetful(ungil.ThreadPoolExecutor):
        def __init__(self) -> None:
            pass

    with pytest.raises(RuntimeError, match=r"super\(\).__init__"):
        Forgetful().submit(int)


def test_tens_of_thousands_of_tasks() -> None:
    with ungil.ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(abs, range(-30_000, 0))) == 30_000 * 30_001 // 2


def test_results_and_arguments_are_not_kept() -> None:
    class Thing:
        pass

    with ungil.ThreadPoolExecutor(1) as pool:
        thing = Thing()
        reference = weakref.ref(thing)
        future = pool.submit(lambda it: it, thing)
        assert future.result() is thing
        del thing, future
        pool.submit(int).result()
        gc.collect()
        assert reference() is None


def test_a_forgotten_pool_ends_its_threads() -> None:
    pool = ungil.ThreadPoolExecutor(2, thread_name_prefix="forgotten")
    done = [pool.submit(int, "1") for _ in range(10)]
    del pool
    assert [future.result(PATIENCE) for future in done] == [1] * 10
    wait_until(lambda: not any("forgotten" in thread.name for thread in threading.enumerate()))


# --- the end of the program -------------------------------------------------------------------


@pytest.mark.parametrize("forget", ["", "del pool; gc.collect()"], ids=["kept", "forgotten"])
def test_pending_tasks_are_finished_at_exit(tmp_path: Path, forget: str) -> None:
    printed = output(
        tmp_path,
        f"""
        import gc, sys, time, ungil
        def late(n):
            time.sleep(0.02)
            print(n, flush=True)
        pool = ungil.ThreadPoolExecutor(1)
        for n in range(5):
            pool.submit(late, n)
        {forget}
        """,
    )
    assert printed.split() == ["0", "1", "2", "3", "4"]


def test_an_unhandled_ctrl_c_ends_the_program(tmp_path: Path) -> None:
    source = f"""
        import time, ungil
        def work():
            print("working", flush=True)
            while True:
                time.sleep(0.01)
        pool = ungil.ThreadPoolExecutor(1)
        pool.submit(work)
        pool.submit(print, "never")
        {DOZE}
    """
    with Program(tmp_path, source) as program:
        program.expect("working")
        program.ctrl_c()
        status, out, err = program.end()
        assert (status, out) == (-signal.SIGINT, "")
        assert err.count("Traceback") == 1


def test_ctrl_c_in_the_with_block_cancels_and_interrupts(tmp_path: Path) -> None:
    source = """
        import time, ungil
        def work():
            while True:
                time.sleep(0.01)
        try:
            with ungil.ThreadPoolExecutor(1) as pool:
                running, waiting = pool.submit(work), pool.submit(int)
                while not running.running():
                    time.sleep(0.01)
                print("working", flush=True)
        except KeyboardInterrupt:
            print(type(running.exception()).__name__, waiting.cancelled())
    """
    with Program(tmp_path, source) as program:
        program.expect("working")
        program.ctrl_c()
        assert program.end() == (0, "KeyboardInterrupt True\n", "")


def test_a_task_that_will_not_stop_cannot_hold_up_the_end(tmp_path: Path) -> None:
    source = f"""
        import time, ungil
        def stubborn():
            print("working", flush=True)
            while True:
                try:
                    while True:
                        time.sleep(0.001)
                except BaseException:
                    pass
        pool = ungil.ThreadPoolExecutor(3)
        futures = [pool.submit(stubborn) for _ in range(1)]
        {DOZE}
    """
    with Program(tmp_path, source) as program:
        program.expect("working")
        program.ctrl_c()
        status, _, err = program.end()
        assert status == -signal.SIGINT, err
        assert "fatal" not in err.lower()


def test_a_forked_child_is_told_that_the_pool_is_not_its_own(tmp_path: Path) -> None:
    printed = output(
        tmp_path,
        """
        import os, sys, ungil, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        pool = ungil.ThreadPoolExecutor(2)
        pool.submit(int).result()
        if (child := os.fork()) == 0:
            try:
                pool.submit(int)
            except RuntimeError as error:
                print(error)
            with ungil.ThreadPoolExecutor(1) as mine:
                print(mine.submit(int, "3").result())
            sys.exit(7)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        print(pool.submit(int, "4").result())
        """,
    )
    assert "make a new one in the child\n3\n7\n4\n" in printed


def test_no_threads_left_is_an_error_and_no_panic(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
        import threading, ungil
        def refuse(self):
            raise RuntimeError("can't start new thread")
        threading.Thread.start = refuse
        pool = ungil.ThreadPoolExecutor(1)
        try:
            pool.submit(int)
        except RuntimeError as error:
            print(error)
        """,
    )
    assert (done.stdout, done.stderr) == ("can't start new thread\n", "")


def test_importing_the_pool_does_not_import_numpy_or_asyncio() -> None:
    code = "import ungil, sys; ungil.ThreadPoolExecutor(1).submit(int).result(); " \
        "print({'numpy', 'asyncio', 'cloudpickle'} & set(sys.modules))"  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
