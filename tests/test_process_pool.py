"""`ungil.ProcessPoolExecutor`: the standard interface on worker processes."""

import math
import multiprocessing
import os
import pickle
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import resource_sharer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ungil
from process_tasks import divide, make, pass_gate, raise_it, same
from programs import PATIENCE, output, run, wait_until
from ungil import ThreadPoolExecutor

METHODS = ("forkserver", "spawn", "fork")


@pytest.fixture(params=METHODS)
def method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def pool() -> Iterator[ungil.ProcessPoolExecutor]:
    with ungil.ProcessPoolExecutor(2) as pool:
        yield pool


# --- tasks ------------------------------------------------------------------------------------


class Unhelpful(Exception):
    """Pickles, but does not unpickle: its arguments are not those of its initializer."""

    def __init__(self, one: object, two: object) -> None:
        super().__init__(f"{one} and {two}")


class Holding(Exception):
    """Does not pickle."""

    def __init__(self) -> None:
        super().__init__("holding on")
        self.lock = threading.Lock()


class BadText(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class Mine:
    """Unpickles only in the process that pickled it."""

    def __init__(self) -> None:
        self.home = os.getpid()

    def __setstate__(self, state: dict[str, int]) -> None:
        if state["home"] != os.getpid():
            raise LookupError("far from home")
        self.__dict__.update(state)


def chained() -> None:
    try:
        divide(1, 0)
    except ZeroDivisionError as error:
        raise KeyError("missing") from error


# --- the interface ----------------------------------------------------------------------------


def test_it_is_an_executor_and_no_standard_pool() -> None:
    assert issubclass(ungil.ProcessPoolExecutor, Executor)
    assert not issubclass(ungil.ProcessPoolExecutor, ProcessPoolExecutor)


def test_it_runs_calls_in_other_processes(method: str) -> None:
    with ungil.ProcessPoolExecutor(2, start_method=method) as pool:
        assert pool.submit(pow, 2, exp=10).result() == 1024
        assert list(pool.map(pow, range(5), range(5))) == [1, 1, 4, 27, 256]
        pids = {pool.submit(os.getpid).result() for _ in range(20)}
        assert os.getpid() not in pids
        assert pids <= set(pool.worker_pids())


@pytest.mark.parametrize("name", METHODS)
def test_the_start_method_of_a_context_is_used(name: str) -> None:
    context = multiprocessing.get_context(name)
    with ungil.ProcessPoolExecutor(1, mp_context=context) as pool:
        assert pool.submit(abs, -1).result() == 1


def test_an_unknown_start_method_is_refused() -> None:
    with pytest.raises(ValueError, match="start_method must be one of"):
        ungil.ProcessPoolExecutor(1, start_method="threads")


@pytest.mark.parametrize(("count", "text"), [(0, "greater than 0"), (-3, "0"), (5000, "at most")])
def test_the_number_of_workers_is_checked(count: int, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        ungil.ProcessPoolExecutor(count)


def test_only_as_many_workers_are_started_as_there_is_work_for() -> None:
    with ungil.ProcessPoolExecutor(8) as pool:
        assert pool.worker_pids() == []
        for _ in range(20):
            pool.submit(int).result()
        assert len(pool.worker_pids()) < 3


@pytest.mark.parametrize("chunksize", [1, 2, 7, 1000])
def test_map_in_chunks(pool: ungil.ProcessPoolExecutor, chunksize: int) -> None:
    calls = pool.map(divide, (float(n) for n in range(100)), iter([2.0] * 99), chunksize=chunksize)
    assert list(calls) == [n / 2 for n in range(99)]
    assert list(pool.map(divide, [], [], chunksize=chunksize)) == []


def test_map_refuses_a_chunk_of_nothing(pool: ungil.ProcessPoolExecutor) -> None:
    with pytest.raises(ValueError, match="chunksize must be >= 1"):
        pool.map(abs, [1], chunksize=0)


@pytest.mark.parametrize("chunksize", [1, 3])
def test_map_raises_where_the_call_raised(pool: ungil.ProcessPoolExecutor, chunksize: int) -> None:
    results = pool.map(divide, [1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 1, 1], chunksize=chunksize)
    assert [next(results) for _ in range(3)] == [1, 1, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)


@pytest.mark.parametrize("chunksize", [1, 2])
def test_map_has_a_limit(pool: ungil.ProcessPoolExecutor, tmp_path: Path, chunksize: int) -> None:
    with pytest.raises(TimeoutError):
        list(pool.map(pass_gate, [tmp_path / "gate"] * 4, timeout=0.05, chunksize=chunksize))
    (tmp_path / "gate").touch()


def test_after_shutdown_nothing_is_taken(method: str) -> None:
    pool = ungil.ProcessPoolExecutor(1, start_method=method)
    future = pool.submit(time.sleep, 0.05)
    pool.shutdown()
    assert future.done()
    for _ in range(2):
        with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
            pool.submit(int)
        pool.shutdown()
    assert pool.worker_pids() == []


def test_shutdown_can_cancel_what_waits(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    pool = ungil.ProcessPoolExecutor(1)
    running = pool.submit(pass_gate, gate)
    wait_until(running.running)
    waiting = [pool.submit(int) for _ in range(3000)]
    pool.shutdown(wait=False, cancel_futures=True)
    assert all(future.cancelled() for future in waiting)
    gate.touch()
    pool.shutdown()
    assert running.result() is True


def test_shutdown_in_a_callback_does_not_wait_for_itself() -> None:
    pool = ungil.ProcessPoolExecutor(1)
    done = threading.Event()

    def stop(_: object) -> None:
        pool.shutdown()
        done.set()

    future = pool.submit(time.sleep, 0.05)
    future.add_done_callback(stop)
    assert done.wait(PATIENCE)
    pool.shutdown()


def test_a_pool_that_was_never_used_costs_nothing(method: str) -> None:
    with ungil.ProcessPoolExecutor(4, start_method=method):
        pass


def test_a_subclass_may_have_its_own_init() -> None:
    class Named(ungil.ProcessPoolExecutor):
        def __init__(self, name: str) -> None:
            super().__init__(max_workers=1)
            self.name = name

    with Named("x") as pool:
        assert pool.submit(str.upper, pool.name).result() == "X"


def test_a_subclass_that_forgets_init_is_told() -> None:
    class Forgetful(ungil.ProcessPoolExecutor):
        def __init__(self) -> None:
            pass

    with pytest.raises(RuntimeError, match=r"super\(\).__init__"):
        Forgetful().submit(int)


def test_an_executor_refuses_to_be_pickled(pool: ungil.ProcessPoolExecutor) -> None:
    with pytest.raises(TypeError, match="make one where it is needed"):
        pickle.dumps(pool)
    error = pool.submit(same, pool).exception()
    assert isinstance(error, pickle.PicklingError)


def test_many_threads_submit_to_one_pool(pool: ungil.ProcessPoolExecutor) -> None:
    with ThreadPoolExecutor(8) as threads:
        sums = threads.map(lambda n: sum(pool.map(abs, [n] * 300)), range(8))
        assert list(sums) == [300 * n for n in range(8)]


def test_tens_of_thousands_of_tasks(pool: ungil.ProcessPoolExecutor) -> None:
    assert sum(pool.map(abs, range(-50_000, 0))) == 50_000 * 50_001 // 2


# --- the initializer --------------------------------------------------------------------------

_set: list[object] = []


def set_up(*args: object) -> None:
    _set.extend(args)


def what_was_set() -> list[object]:
    return _set


def break_down() -> None:
    raise ValueError("cannot set up")


def test_the_initializer_runs_in_each_worker(method: str) -> None:
    with ungil.ProcessPoolExecutor(
        2, start_method=method, initializer=set_up, initargs=(1, "two")
    ) as pool:
        assert [pool.submit(what_was_set).result() for _ in range(10)] == [[1, "two"]] * 10


def test_a_failing_initializer_breaks_the_pool(method: str) -> None:
    with ungil.ProcessPoolExecutor(2, start_method=method, initializer=break_down) as pool:
        error = pool.submit(int).exception(PATIENCE)
        assert isinstance(error, BrokenProcessPool)
        assert "ValueError: cannot set up" in str(error)
        assert "in break_down" in str(error.__cause__)
        with pytest.raises(BrokenProcessPool, match="cannot set up"):
            pool.submit(int)


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
def test_an_initializer_that_leaves_breaks_the_pool(method: str, kind: type) -> None:
    with (
        ungil.ProcessPoolExecutor(
            1, start_method=method, initializer=raise_it, initargs=(kind, "leaving")
        ) as pool,
        pytest.raises(BrokenProcessPool, match=f"{kind.__name__}: leaving"),
    ):
        pool.submit(int).result(PATIENCE)


def test_an_initializer_that_kills_breaks_the_pool(method: str) -> None:
    with (
        ungil.ProcessPoolExecutor(
            1, start_method=method, initializer=os._exit, initargs=(3,)
        ) as pool,
        pytest.raises(BrokenProcessPool, match="exited with code 3 before it was ready"),
    ):
        pool.submit(int).result(PATIENCE)


def test_an_initializer_must_be_callable() -> None:
    with pytest.raises(TypeError, match="initializer must be a callable"):
        ungil.ProcessPoolExecutor(1, initializer="x")  # type: ignore[arg-type]


def test_an_initializer_may_be_a_closure_where_workers_are_forked() -> None:
    lock, seen = threading.Lock(), []

    def initializer() -> None:
        with lock:
            seen.append(os.getpid())
        sys.modules["__main__"].seen = seen  # type: ignore[attr-defined]

    with ungil.ProcessPoolExecutor(1, start_method="fork", initializer=initializer) as pool:
        pid = pool.submit(os.getpid).result()
        assert pool.submit(eval, "__import__('__main__').seen").result() == [pid]


def test_an_initializer_that_does_not_pickle_is_refused_at_once() -> None:
    with pytest.raises((pickle.PicklingError, TypeError), match="pickle"):
        ungil.ProcessPoolExecutor(1, initializer=print, initargs=(threading.Lock(),))


# --- exceptions -------------------------------------------------------------------------------


def test_an_exception_comes_with_its_traceback(method: str) -> None:
    with ungil.ProcessPoolExecutor(1, start_method=method) as pool:
        error = pool.submit(divide, 1, 0).exception()
        assert isinstance(error, ZeroDivisionError)
        assert isinstance(error.__cause__, ungil.RemoteTraceback)
        assert "return a / b" in str(error.__cause__)
        assert "ZeroDivisionError" in str(error.__cause__)


def test_a_chain_of_exceptions_is_told(pool: ungil.ProcessPoolExecutor) -> None:
    error = pool.submit(chained).exception()
    assert isinstance(error, KeyError)
    assert "ZeroDivisionError" in str(error.__cause__)


def test_groups_and_notes_survive(pool: ungil.ProcessPoolExecutor) -> None:
    noted = ValueError("one")
    noted.add_note("a note")
    error = pool.submit(raise_it, ExceptionGroup, "two", [noted, KeyError(2)]).exception()
    assert isinstance(error, ExceptionGroup)
    assert [type(e) for e in error.exceptions] == [ValueError, KeyError]
    assert error.exceptions[0].__notes__ == ["a note"]


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_what_ends_programs_ends_only_the_task(
    pool: ungil.ProcessPoolExecutor, kind: type[BaseException]
) -> None:
    first = pool.submit(os.getpid).result()
    error = pool.submit(raise_it, kind, "leaving").exception()
    assert type(error) is kind
    assert pool.submit(os.getpid).result() in {first, *pool.worker_pids()}


def test_an_exception_that_does_not_unpickle_is_told_by_name(
    pool: ungil.ProcessPoolExecutor,
) -> None:
    error = pool.submit(raise_it, Unhelpful, 1, 2).exception()
    assert isinstance(error, ungil.RemoteError)
    assert "process_tasks.raise_it raised Unhelpful: 1 and 2" in str(error)
    assert "missing 1 required positional argument" in str(error)
    assert "raise kind(*args)" in str(error.__cause__)


def test_an_exception_that_does_not_pickle_is_told_by_name(
    pool: ungil.ProcessPoolExecutor,
) -> None:
    error = pool.submit(raise_it, Holding).exception()
    assert isinstance(error, ungil.RemoteError)
    assert "raised Holding: holding on" in str(error)
    assert "raise kind(*args)" in str(error.__cause__)


def test_an_exception_without_a_text(pool: ungil.ProcessPoolExecutor) -> None:
    assert type(pool.submit(raise_it, BadText).exception()) is BadText


def test_a_remote_exception_prints_whole(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
        import ungil
        def deep(n):
            return deep(n - 1) if n else 1 / 0
        if __name__ == "__main__":
            with ungil.ProcessPoolExecutor(1) as pool:
                pool.submit(deep, 2).result()
        """,
    )
    assert done.returncode == 1
    assert done.stderr.count("in deep") == 3
    assert "The above exception was the direct cause" in done.stderr
    assert "ungil/_" not in done.stderr, "nothing of our insides"


# --- what does not travel ---------------------------------------------------------------------


def test_a_result_that_does_not_pickle(pool: ungil.ProcessPoolExecutor) -> None:
    error = pool.submit(make, threading.Lock).exception()
    assert isinstance(error, pickle.PicklingError)
    assert "the result of task process_tasks.make, a _thread.lock" in str(error)
    assert pool.submit(int, "1").result() == 1


def test_a_result_that_does_not_unpickle(pool: ungil.ProcessPoolExecutor) -> None:
    error = pool.submit(make, Mine).exception()
    assert isinstance(error, LookupError)
    assert "the result of task process_tasks.make cannot be unpickled" in error.__notes__[0]


def test_an_argument_that_does_not_pickle_is_named(pool: ungil.ProcessPoolExecutor) -> None:
    lock = threading.Lock()
    for future, name in (
        (pool.submit(same, lock), "argument 0 (a _thread.lock)"),
        (pool.submit(divide, 1, b=lock), "argument b (a _thread.lock)"),  # type: ignore[arg-type]
        (pool.submit(same, [[lock]]), "argument 0 (a list)"),
    ):
        error = future.exception()
        assert isinstance(error, pickle.PicklingError)
        assert str(error).startswith(f"{name} of process_tasks.")


def test_an_argument_that_does_not_unpickle(pool: ungil.ProcessPoolExecutor) -> None:
    error = pool.submit(same, Mine()).exception()
    assert isinstance(error, ungil.RemoteError)
    assert "could not be unpickled in the worker process: LookupError: far from home" in str(error)
    assert pool.submit(int, "1").result() == 1


def test_an_argument_too_deep_for_pickle(pool: ungil.ProcessPoolExecutor) -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    error = pool.submit(same, deep).exception()
    assert isinstance(error, RecursionError)
    while deep:  # or its destruction recurses in turn
        deep = deep.pop()


def test_a_lambda_and_a_closure_travel_with_cloudpickle(pool: ungil.ProcessPoolExecutor) -> None:
    offset = 5
    assert list(pool.map(lambda n: n + offset, range(3))) == [5, 6, 7]
    assert pool.submit(same, lambda: offset).result()() == 5


def test_without_cloudpickle_a_lambda_is_refused_with_advice(
    pool: ungil.ProcessPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    error = pool.submit(lambda: 1).exception()
    assert isinstance(error, pickle.PicklingError)
    assert "install cloudpickle" in str(error)
    assert isinstance(error.__cause__, Exception)


def test_sockets_travel_as_multiprocessing_sends_them(pool: ungil.ProcessPoolExecutor) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        pool.submit(send, theirs).result(PATIENCE)
        assert ours.recv(5) == b"hello"
    resource_sharer.stop(PATIENCE)  # the standard library's own thread


def send(end: socket.socket) -> None:
    with end:
        end.sendall(b"hello")


# --- payloads ---------------------------------------------------------------------------------

PLAIN = [
    None, True, False, 0, -1, 2**62, 2**63 - 1, -(2**63), 2**63, 10**50, 0.0, -0.0, math.inf,
    1e-320, "", "ünïcødé 🐍", "\ud800", "x" * 5000, b"", b"\0" * 100, b"y" * 5000, (),
    (1, ("a", (b"b", ()))), ((((((1,),),),),),), [], [1, [2]], {}, {"a": {1: 2}}, {1, 2},
    frozenset({3}), 1j, range(5), int, len, tuple(range(10_000)),
]  # fmt: skip


@pytest.mark.parametrize("value", PLAIN, ids=lambda value: f"{type(value).__name__}")
def test_a_value_comes_back_as_it_went(pool: ungil.ProcessPoolExecutor, value: object) -> None:
    back = pool.submit(same, value).result()
    assert back == value
    assert repr(back) == repr(value)
    assert type(back) is type(value)


class Odd(int):
    pass


def test_subclasses_of_plain_types_keep_their_class(pool: ungil.ProcessPoolExecutor) -> None:
    assert type(pool.submit(same, Odd(3)).result()) is Odd


def test_not_a_number_comes_back(pool: ungil.ProcessPoolExecutor) -> None:
    assert math.isnan(pool.submit(math.sqrt, math.nan).result())


ARRAYS = {
    "floats": np.linspace(0, 1, 100_000),
    "zero size": np.empty((0, 3)),
    "scalar": np.array(7),
    "structured": np.array([(1, 2.5, "a")], dtype=[("i", "i4"), ("f", "f8"), ("s", "U3")]),
    "big endian": np.arange(1000, dtype=">i8"),
    "dates": np.array(["2026-01-01", "NaT"], dtype="M8[D]"),
    "strings": np.array(["a", "bcd"] * 1000),
    "every other": np.arange(10_000)[::2],
    "backwards": np.arange(10_000)[::-1],
    "Fortran": np.asfortranarray(np.arange(10_000).reshape(100, 100)),
    "transposed view": np.arange(10_000).reshape(10, 10, 100).transpose(2, 0, 1)[3:],
    "objects": np.array([None, "x", {1: 2}, 10**40], dtype=object),
    "flags": np.arange(1000) % 3 == 0,
}


@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_comes_back_as_it_went(pool: ungil.ProcessPoolExecutor, name: str) -> None:
    array = ARRAYS[name]
    back = pool.submit(same, array).result()
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    np.testing.assert_array_equal(back, array)


def test_a_read_only_array_stays_read_only(pool: ungil.ProcessPoolExecutor) -> None:
    array = np.arange(100_000)
    array.flags.writeable = False
    assert not pool.submit(same, array).result().flags.writeable


def add_one(array: np.ndarray) -> np.ndarray:
    array += 1
    return array


def test_arrays_may_be_written_on_both_sides(pool: ungil.ProcessPoolExecutor) -> None:
    array = np.zeros(200_000)
    back = pool.submit(add_one, array).result()
    back += 1
    assert array.sum() == 0, "the worker had its own copy"
    assert back.sum() == 400_000


def test_many_buffers_in_one_call(pool: ungil.ProcessPoolExecutor) -> None:
    arrays = [np.full(n, n) for n in range(2000)]
    back = pool.submit(same, arrays).result()
    assert all((a == n).all() and len(a) == n for n, a in enumerate(back))


def test_results_stay_when_others_come_and_the_pool_goes() -> None:
    with ungil.ProcessPoolExecutor(2) as pool:
        kept = list(pool.map(np.full, [1000 * n for n in range(200)], range(200)))
        for _ in range(500):
            pool.submit(np.full, 50_000, -1).result()
    assert all((array == n).all() for n, array in enumerate(kept))


@pytest.mark.parametrize("megabytes", [1, 64, 300])
def test_large_payloads(pool: ungil.ProcessPoolExecutor, megabytes: int) -> None:
    size = megabytes << 20
    assert pool.submit(len, b"x" * size).result() == size
    assert len(pool.submit(bytes, size).result()) == size
    back = pool.submit(same, np.arange(size // 8)).result()
    assert back[-1] == size // 8 - 1


# --- what a worker knows of its parent --------------------------------------------------------


def look_around() -> dict[str, Any]:
    parent = multiprocessing.parent_process()
    assert parent is not None
    return {
        "name": multiprocessing.current_process().name,
        "pid": multiprocessing.current_process().pid,
        "parent": parent.pid,
        "parent alive": parent.is_alive(),
        "directory": os.getcwd(),
        "path": sys.path,
        "argv": sys.argv,
        "environ": os.environ.get("UNGIL_LOOK"),
        "authkey": bytes(multiprocessing.current_process().authkey),
        "main thread": threading.current_thread() is threading.main_thread(),
        "stdin": sys.stdin.read() if sys.stdin is not None else "",
    }


def test_a_worker_lives_where_its_parent_lives(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UNGIL_LOOK", "here")
    monkeypatch.syspath_prepend(str(tmp_path / "lib"))
    with ungil.ProcessPoolExecutor(1, start_method=method) as pool:
        seen = pool.submit(look_around).result()
        assert seen["name"] == "UngilWorker-1"
        assert seen["pid"] == pool.worker_pids()[0]
    assert seen["parent"] == os.getpid()
    assert seen["parent alive"]
    assert seen["directory"] == str(tmp_path)
    assert str(tmp_path / "lib") in seen["path"]
    assert seen["argv"] == sys.argv
    assert seen["environ"] == "here"
    assert seen["authkey"] == multiprocessing.current_process().authkey
    assert seen["main thread"]
    assert seen["stdin"] == ""


def nest(method: str, n: int) -> int:
    with ungil.ProcessPoolExecutor(2, start_method=method) as inner:
        return sum(inner.map(abs, range(-n, 0)))


def thread_nest(n: int) -> int:
    with ungil.ThreadPoolExecutor(2) as inner:
        return sum(inner.map(abs, range(-n, 0)))


@pytest.mark.parametrize("inner", METHODS)
def test_pools_may_nest(method: str, inner: str) -> None:
    with ungil.ProcessPoolExecutor(2, start_method=method) as pool:
        assert list(pool.map(nest, [inner] * 3, [10, 20, 30])) == [55, 210, 465]
        assert pool.submit(thread_nest, 10).result() == 55


def start_processes(n: int) -> list[int | None]:
    children = [multiprocessing.Process(target=abs, args=(1,)) for _ in range(n)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    return [child.exitcode for child in children]


def test_a_task_may_start_processes_of_its_own(pool: ungil.ProcessPoolExecutor) -> None:
    assert pool.submit(start_processes, 2).result(PATIENCE) == [0, 0]
    assert pool.submit(subprocess.check_output, ["echo", "hi"]).result(PATIENCE) == b"hi\n"


# --- the main module --------------------------------------------------------------------------

SCRIPT = """
    import ungil
    class Point:
        def __init__(self, x): self.x = x
    class Refusal(Exception): pass
    def double(point): return Point(point.x * 2)
    def refuse(): raise Refusal("no")
    def set_up(): Point.ready = True
    if __name__ == "__main__":
        with ungil.ProcessPoolExecutor(1, start_method={method!r}, initializer=set_up) as pool:
            back = pool.submit(double, Point(4)).result()
            print(type(back) is Point, back.x, type(pool.submit(refuse).exception()) is Refusal)
"""


def test_functions_and_classes_of_a_script(method: str, tmp_path: Path) -> None:
    assert output(tmp_path, SCRIPT.format(method=method)) == "True 8 True\n"


def test_functions_of_a_module_run_with_dash_m(method: str, tmp_path: Path) -> None:
    source = SCRIPT.format(method=method)
    run(tmp_path, source)  # writes program.py
    done = subprocess.run(
        [sys.executable, "-m", "program"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("True 8 True\n", "")


TYPED = """
from functools import partial
import ungil
class Point:
    def __init__(self, x): self.x = x
def double(point): return Point(point.x * 2)
def length(points): return len(points)
pool = ungil.ProcessPoolExecutor(1, start_method={method!r})
back = pool.submit(double, Point(4)).result()
counts = [pool.submit(f, [Point(1)]).result() for f in (length, len, partial(length))]
print(type(back) is Point, back.x, *counts)
pool.shutdown()
"""


def typed(how: str, source: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """Runs source given by -c, by standard input, or line by line at a prompt."""
    arguments = {"-c": ["-c", source], "stdin": ["-"], "prompt": ["-q", "-i"]}[how]
    text = None if how == "-c" else source.replace("\nd", "\n\nd").replace("\npool", "\n\npool", 1)
    return subprocess.run(
        [sys.executable, *arguments],
        input=text, cwd=directory, capture_output=True, text=True, check=False, timeout=50,
    )  # fmt: skip


@pytest.mark.parametrize("how", ["-c", "stdin", "prompt"])
def test_functions_and_classes_that_were_typed(method: str, how: str, tmp_path: Path) -> None:
    done = typed(how, TYPED.format(method=method), tmp_path)
    assert (done.returncode, done.stdout) == (0, "True 8 1 1 1\n"), done.stderr


def test_what_was_typed_needs_cloudpickle(tmp_path: Path) -> None:
    source = """import sys; sys.modules["cloudpickle"] = None
import ungil
def f(): return 1
pool = ungil.ProcessPoolExecutor(1)
print(pool.submit(f).exception())
"""
    done = typed("-c", source, tmp_path)
    assert "Functions and classes of an interactive session reach workers only" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("kind", ["forkserver", "spawn"])
def test_a_missing_guard_is_explained_and_no_bomb(kind: str, tmp_path: Path) -> None:
    done = run(
        tmp_path,
        f"""
        import ungil
        def f(x): return x
        print("run")
        with ungil.ProcessPoolExecutor(2, start_method={kind!r}) as pool:
            print(list(pool.map(f, [1, 2])))
        """,
    )
    assert done.returncode == 1
    assert "if __name__ == '__main__':" in done.stderr
    assert 1 <= done.stdout.count("run") <= 4


@pytest.mark.parametrize("kind", ["forkserver", "spawn"])
@pytest.mark.parametrize(
    ("crash", "text"),
    [
        ("raise LookupError('at import')", "LookupError: at import"),
        ("sys.exit('at import')", "SystemExit: at import"),
        ("os._exit(5)", "exited with code 5"),
        ("os.abort()", "killed by SIGABRT"),
    ],
)
def test_a_main_module_that_crashes_at_import(
    kind: str, crash: str, text: str, tmp_path: Path
) -> None:
    printed = output(
        tmp_path,
        f"""
        import os, sys, ungil
        if __name__ != "__main__":
            {crash}
        def f(): return 1
        if __name__ == "__main__":
            with ungil.ProcessPoolExecutor(1, start_method={kind!r}) as pool:
                print(pool.submit(f).exception())
                print(pool.submit(int, "7").result())
        """,
    )
    assert text in printed
    assert re.search("^7$", printed, re.MULTILINE)
