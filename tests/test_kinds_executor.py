"""`ungil.executor`: one interface for every kind."""

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, as_completed, wait

import pytest
import ungil
from kinds_tasks import add, divide, fail_to_start, recall, remember, square

LOCAL = ["serial", "thread", "process"]
if sys.version_info >= (3, 13):
    LOCAL.append("interpreter")


@pytest.fixture(params=LOCAL)
def pool(request: pytest.FixtureRequest) -> Iterator[Executor]:
    with ungil.executor(request.param, 2) as opened:
        yield opened


def test_a_call_gives_an_ungil_future(pool: Executor) -> None:
    future = pool.submit(add, 1, 2, more=3)
    assert isinstance(future, ungil.Future)
    assert future.result(timeout=30) == 6


def test_map_keeps_the_order(pool: Executor) -> None:
    assert list(pool.map(square, range(50))) == [number**2 for number in range(50)]


def test_map_takes_chunks_and_several_iterables(pool: Executor) -> None:
    assert list(pool.map(add, [1, 2, 3], [10, 20, 30], chunksize=2)) == [11, 22, 33]


def test_an_exception_is_the_tasks_own(pool: Executor) -> None:
    with pytest.raises(ZeroDivisionError, match="division by zero") as caught:
        pool.submit(divide, 0).result(timeout=30)
    assert "kinds_tasks" in "".join(traceback_files(caught.value))


def traceback_files(error: BaseException) -> Iterator[str]:
    """Where it happened: in the frames, or in the remote traceback."""
    yield str(error.__cause__)
    trace = error.__traceback__
    while trace is not None:
        yield trace.tb_frame.f_code.co_filename
        trace = trace.tb_next


def test_the_standard_waiting_works(pool: Executor) -> None:
    futures = [pool.submit(square, number) for number in range(10)]
    assert {future.result() for future in as_completed(futures, timeout=30)} == {
        number**2 for number in range(10)
    }
    assert wait(futures, timeout=30).not_done == set()


def test_a_callback_hears_of_the_end(pool: Executor) -> None:
    heard = threading.Event()
    told: list[Future[int]] = []

    def listen(future: Future[int]) -> None:
        told.append(future)
        heard.set()

    future = pool.submit(square, 3)
    future.add_done_callback(listen)
    assert heard.wait(30)
    assert told == [future]


def test_nothing_is_taken_after_the_shutdown(pool: Executor) -> None:
    pool.submit(square, 1)
    pool.shutdown()
    with pytest.raises(RuntimeError, match="after shutdown"):
        pool.submit(square, 2)


@pytest.mark.parametrize("kind", LOCAL)
def test_an_initializer_runs_before_the_tasks(kind: str) -> None:
    with ungil.executor(kind, 1, initializer=remember, initargs=(kind,)) as pool:
        words, _ = pool.submit(recall).result(timeout=30)
    assert words[-1] == kind


@pytest.mark.parametrize("kind", LOCAL)
def test_an_initializer_that_raises_breaks_the_pool(kind: str) -> None:
    pool = ungil.executor(kind, 1, initializer=fail_to_start)
    with pytest.raises(BrokenExecutor):
        pool.submit(square, 1).result(timeout=30)
    with pytest.raises(BrokenExecutor):
        pool.submit(square, 1).result(timeout=30)
    pool.shutdown()


@pytest.mark.parametrize("kind", LOCAL)
@pytest.mark.parametrize("workers", [0, -3])
def test_no_workers_is_refused(kind: str, workers: int) -> None:
    with pytest.raises(ValueError, match="greater than 0"):
        ungil.executor(kind, workers)


@pytest.mark.parametrize("kind", LOCAL)
def test_a_number_of_workers_that_is_none_is_refused(kind: str) -> None:
    with pytest.raises(TypeError, match="max_workers must be an integer, not '4'"):
        ungil.executor(kind, "4")  # type: ignore[arg-type]


def test_an_unknown_kind_gets_a_suggestion() -> None:
    with pytest.raises(ValueError, match='Did you mean "thread"'):
        ungil.executor("treads")
    with pytest.raises(ValueError, match=r"serial, thread, interpreter, process, dask, ray\.$"):
        ungil.executor("quantum")


class TestSerial:
    def test_it_runs_at_submit_in_the_calling_thread(self) -> None:
        with ungil.SerialExecutor() as pool:
            future = pool.submit(threading.get_ident)
            assert future.done()
            assert future.result() == threading.get_ident()

    def test_map_runs_a_call_when_its_result_is_asked_for(self) -> None:
        seen: list[int] = []
        with ungil.SerialExecutor() as pool:
            results = pool.map(seen.append, range(10**12))
            next(results)
            next(results)
        assert seen == [0, 1]

    def test_map_keeps_the_time(self) -> None:
        with ungil.SerialExecutor() as pool, pytest.raises(TimeoutError):
            list(pool.map(threading.Event().wait, [0.05], timeout=0.01))

    def test_ctrl_c_comes_out_of_submit(self) -> None:
        def interrupted() -> None:
            raise KeyboardInterrupt

        with ungil.SerialExecutor() as pool, pytest.raises(KeyboardInterrupt):
            pool.submit(interrupted)

    def test_no_frame_of_ours_is_in_the_traceback(self) -> None:
        with ungil.SerialExecutor() as pool:
            error = pool.submit(divide, 0).exception()
        assert error is not None
        assert error.__traceback__ is not None
        assert error.__traceback__.tb_frame.f_code.co_name == "divide"


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="3.13 and later have interpreters")
def test_an_old_python_says_why_there_are_no_interpreters() -> None:
    with pytest.raises(RuntimeError, match=r"Python 3\.1[12].*ProcessPoolExecutor"):
        ungil.executor("interpreter", 2)
