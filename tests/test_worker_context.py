"""What an initializer returns: the context of its worker, for tasks that ask for it."""

import os
import signal
import sys
import threading
from itertools import count
from typing import Any

import pytest
import ungil
from context_tasks import Connection, use, use_context
from programs import PATIENCE
from ungil._executors import InterruptibleExecutor

KINDS = ["serial", "thread", "process"]
if sys.version_info >= (3, 13):
    KINDS.append("interpreter")
METHODS = ("forkserver", "spawn", "fork")


def where(context: Connection) -> int:
    del context
    return os.getpid()


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def open_with_context(kind: str, workers: int = 1) -> InterruptibleExecutor:
    return ungil.executor(kind, workers, initializer=Connection, initargs=("db",))


def test_a_task_asks_for_what_the_initializer_has_returned(kind: str) -> None:
    with open_with_context(kind) as pool:
        assert [pool.submit(use_context).result(PATIENCE) for _ in range(3)] == [
            ("db", 1),
            ("db", 2),
            ("db", 3),
        ]


def test_a_task_is_passed_it_with_that_option(kind: str) -> None:
    with open_with_context(kind) as pool:
        passing: Any = pool.options(pass_context=True)
        assert passing.submit(use, 2, factor=3).result(PATIENCE) == ("db", 6)
        assert list(passing.map(use, range(3))) == [("db", 0), ("db", 1), ("db", 2)]


def test_a_chunk_passes_it_to_each_call() -> None:
    with open_with_context("process") as pool:
        passing: Any = pool.options(pass_context=True)
        assert [n for _, n in passing.map(use, range(10), chunksize=3)] == [*range(10)]


def test_a_lambda_is_passed_it() -> None:
    with open_with_context("process") as pool:
        passing: Any = pool.options(pass_context=True)
        assert passing.submit(lambda context: context.name).result(PATIENCE) == "db"


def test_an_error_names_the_function_and_not_what_passes_the_context() -> None:
    with open_with_context("process") as pool:
        passing: Any = pool.options(pass_context=True)
        failed = passing.submit(use, threading.Lock()).exception(PATIENCE)
    assert f"{use.__module__}.use" in str(failed)


@pytest.mark.parametrize("method", METHODS)
def test_each_process_has_its_own(method: str) -> None:
    with ungil.ProcessPoolExecutor(
        1, initializer=Connection, initargs=("db",), start_method=method
    ) as pool:
        assert pool.submit(use_context).result(PATIENCE) == ("db", 1)
        (pid,) = pool.worker_pids()
        dead = pool.submit(signal.raise_signal, signal.SIGKILL)
        assert isinstance(dead.exception(PATIENCE), ungil.WorkerCrashed)
        assert pool.submit(use_context).result(PATIENCE) == ("db", 1)
        assert pool.options(pass_context=True).submit(where).result(PATIENCE) != pid


def test_each_thread_has_its_own() -> None:
    numbers = count()
    barrier = threading.Barrier(3)

    def ask() -> int:
        barrier.wait(PATIENCE)
        return int(ungil.worker_context())

    with ungil.ThreadPoolExecutor(3, initializer=lambda: next(numbers)) as pool:
        futures = [pool.submit(ask) for _ in range(3)]
        assert {future.result(PATIENCE) for future in futures} == {0, 1, 2}


def ask_in_a_pool(initialized: bool) -> tuple[str, str]:
    """What a thread of a pool in a task gets, and the task itself after that."""
    initializer = (lambda: Connection("inner")) if initialized else None
    with ungil.ThreadPoolExecutor(1, initializer=initializer) as pool:
        try:
            inner = pool.submit(lambda: str(ungil.worker_context().name)).result(PATIENCE)
        except LookupError:
            inner = "nothing"
    return inner, ungil.worker_context().name


def ask_in_a_thread() -> str:
    names: list[str] = []
    thread = threading.Thread(target=lambda: names.append(ungil.worker_context().name))
    thread.start()
    thread.join()
    return names[0]


@pytest.mark.parametrize("kind", ["serial", "thread", "process"])
def test_of_nested_pools_it_is_the_innermost_ones(kind: str) -> None:
    with open_with_context(kind) as pool:
        assert pool.submit(ask_in_a_pool, True).result(PATIENCE) == ("inner", "db")
        assert pool.submit(ask_in_a_pool, False).result(PATIENCE) == ("nothing", "db")


def test_threads_that_a_process_task_starts_have_the_process_context() -> None:
    with open_with_context("process") as pool:
        assert pool.submit(ask_in_a_thread).result(PATIENCE) == "db"


def test_outside_of_a_worker_there_is_none() -> None:
    with pytest.raises(LookupError, match="outside of a worker"):
        ungil.worker_context()


def test_after_a_serial_call_there_is_none() -> None:
    with open_with_context("serial") as pool:
        pool.submit(use_context).result()
        with pytest.raises(LookupError, match="outside of a worker"):
            ungil.worker_context()


def test_without_an_initializer_there_is_none(kind: str) -> None:
    with ungil.executor(kind, 1) as pool:
        error = pool.submit(use_context).exception(PATIENCE)
        assert isinstance(error, LookupError)
        assert "initializer=" in str(error)
        with pytest.raises(ValueError, match="initializer="):
            pool.options(pass_context=True)


def test_any_value_is_a_context(kind: str) -> None:
    with ungil.executor(kind, 1, initializer=int) as pool:
        assert pool.submit(ungil.worker_context).result(PATIENCE) == 0


def test_the_option_is_a_bool() -> None:
    with open_with_context("thread") as pool, pytest.raises(TypeError, match="pass_context"):
        pool.options(pass_context=1)  # type: ignore[arg-type]
