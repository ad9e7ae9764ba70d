"""`ungil.Future` is a `concurrent.futures.Future` in every respect."""

import asyncio
import logging
import pickle
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import (
    ALL_COMPLETED,
    FIRST_COMPLETED,
    FIRST_EXCEPTION,
    CancelledError,
    InvalidStateError,
    as_completed,
    wait,
)
from concurrent.futures import Future as StandardFuture
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import ungil
from programs import PATIENCE, wait_until

Future = StandardFuture[Any]
Pool = ungil.ThreadPoolExecutor | ungil.ProcessPoolExecutor
POOLS: dict[str, Callable[[int], Pool]] = {
    "thread": ungil.ThreadPoolExecutor,
    "process": ungil.ProcessPoolExecutor,
}


@pytest.fixture(params=POOLS)
def pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    with POOLS[request.param](1) as pool:
        yield pool


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """A file that tasks wait for; it is there at the end, so that no test hangs."""
    path = tmp_path / "gate"
    yield path
    path.touch()


def pass_gate(gate: Path, value: object = None) -> object:
    wait_until(gate.exists)
    return value


def fail(message: str) -> None:
    raise ValueError(message)


# --- by itself --------------------------------------------------------------------------------


def test_it_is_a_standard_future() -> None:
    assert issubclass(ungil.Future, StandardFuture)
    assert "pending" in repr(ungil.Future())


def test_it_is_settled_once() -> None:
    future: ungil.Future[int] = ungil.Future()
    future.set_result(1)
    with pytest.raises(InvalidStateError, match="FINISHED"):
        future.set_result(2)
    with pytest.raises(InvalidStateError):
        future.set_exception(ValueError())
    assert future.result() == 1
    assert future.exception() is None
    assert "returned int" in repr(future)


def test_it_holds_an_exception() -> None:
    future: ungil.Future[int] = ungil.Future()
    error = ValueError("no")
    future.set_exception(error)
    assert future.exception() is error
    with pytest.raises(ValueError, match="no") as raised:
        future.result()
    assert raised.value is error
    assert "raised ValueError" in repr(future)


def test_a_cancelled_one_stays_cancelled() -> None:
    future: ungil.Future[int] = ungil.Future()
    assert future.cancel()
    assert future.cancel()
    assert future.cancelled()
    assert future.done()
    for ask in (future.result, future.exception):
        with pytest.raises(CancelledError):
            ask()
    with pytest.raises(InvalidStateError):
        future.set_result(1)
    assert not future.set_running_or_notify_cancel()


def test_a_running_one_cannot_be_cancelled() -> None:
    future: ungil.Future[int] = ungil.Future()
    assert future.set_running_or_notify_cancel()
    assert future.running()
    assert not future.cancel()
    future.set_result(1)
    assert not future.cancel()
    with pytest.raises(RuntimeError, match="unexpected state"):
        future.set_running_or_notify_cancel()


@pytest.mark.parametrize("timeout", [0, 0.01, -1])
def test_waiting_has_a_limit(timeout: float) -> None:
    future: ungil.Future[int] = ungil.Future()
    with pytest.raises(TimeoutError):
        future.result(timeout)
    with pytest.raises(TimeoutError):
        future.exception(timeout)


@pytest.mark.parametrize("timeout", [1e10, 1e300, threading.TIMEOUT_MAX])
def test_a_limit_beyond_all_measure_is_no_limit(timeout: float) -> None:
    future: ungil.Future[int] = ungil.Future()
    threading.Timer(0.02, future.set_result, [5]).start()
    assert future.result(timeout) == 5


def test_a_limit_that_is_no_number_is_refused() -> None:
    future: ungil.Future[int] = ungil.Future()
    with pytest.raises(ValueError, match="NaN"):
        future.result(float("nan"))
    with pytest.raises(TypeError):
        future.result("1")  # type: ignore[arg-type]


def test_many_threads_wait_for_one_future() -> None:
    future: ungil.Future[int] = ungil.Future()
    results: list[int] = []
    threads = [
        threading.Thread(target=lambda: results.append(future.result(PATIENCE))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    future.set_result(3)
    for thread in threads:
        thread.join()
    assert results == [3] * 8


def test_callbacks_come_in_order_and_once(caplog: pytest.LogCaptureFixture) -> None:
    future: ungil.Future[int] = ungil.Future()
    seen: list[object] = []

    def bad(_: object) -> None:
        seen.append("bad")
        raise ValueError("in a callback")

    future.add_done_callback(seen.append)
    future.add_done_callback(bad)
    future.add_done_callback(lambda _: seen.append("last"))
    with caplog.at_level(logging.ERROR, "concurrent.futures"):
        future.set_result(1)
        future.add_done_callback(bad)
    assert seen == [future, "bad", "last", "bad"]
    assert [record.message[:17] for record in caplog.records] == ["exception calling"] * 2
    assert "in a callback" in caplog.text


def test_a_callback_may_use_its_future() -> None:
    future: ungil.Future[int] = ungil.Future()
    seen: list[object] = []

    def again(done: StandardFuture[int]) -> None:
        seen.append(done.result())
        done.add_done_callback(lambda late: seen.append(late.done()))

    future.add_done_callback(again)
    future.set_result(1)
    assert seen == [1, True]


def test_it_refuses_to_be_pickled() -> None:
    future: ungil.Future[int] = ungil.Future()
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="pickle"):
            pickle.dumps(future, protocol)


# --- from a pool ------------------------------------------------------------------------------


def test_cancel_reaches_what_has_not_begun(pool: Pool, gate: Path) -> None:
    running = pool.submit(pass_gate, gate, "run")
    wait_until(running.running)
    waiting = pool.submit(pass_gate, gate)
    assert not waiting.running()
    assert not running.cancel()
    assert waiting.cancel()
    assert waiting.cancelled()
    assert not waiting.running()
    gate.touch()
    assert running.result(PATIENCE) == "run"
    assert not running.running()


def test_thousands_of_cancelled_ones_do_not_clog_the_pool(pool: Pool, gate: Path) -> None:
    running = pool.submit(pass_gate, gate)
    wait_until(running.running)
    first = pool.submit(int, "1")  # waits at the head while those behind it are cancelled
    for _ in range(10_000):
        assert pool.submit(int, "2").cancel()
    last = [pool.submit(int, "3") for _ in range(10)]
    gate.touch()
    assert first.result(PATIENCE) == 1
    assert [future.result(PATIENCE) for future in last] == [3] * 10


def test_cancel_races_with_the_start(pool: Pool) -> None:
    for _ in range(300):
        futures = [pool.submit(abs, -n) for n in range(5)]
        cancelled = [future.cancel() for future in reversed(futures)][::-1]
        wait(futures, PATIENCE)
        for n, future in enumerate(futures):
            assert future.cancelled() == cancelled[n]
            assert cancelled[n] or future.result() == n


def test_a_callback_hears_of_result_exception_and_cancellation(pool: Pool, gate: Path) -> None:
    heard: dict[str, StandardFuture[object]] = {}
    blocker = pool.submit(pass_gate, gate)
    wait_until(blocker.running)
    futures: dict[str, Future] = {"value": pool.submit(int, "7"), "error": pool.submit(fail, "x")}
    futures["gone"] = pool.submit(int, "8")
    for name, future in futures.items():
        future.add_done_callback(partial(heard.setdefault, name))
    assert futures["gone"].cancel()
    gate.touch()
    wait_until(lambda: len(heard) == 3)
    assert heard["value"].result() == 7
    assert isinstance(heard["error"].exception(), ValueError)
    assert heard["gone"].cancelled()


def test_a_callback_may_submit_and_wait(pool: Pool) -> None:
    with POOLS["process"](2) as other:
        answer: StandardFuture[int] = StandardFuture()

        def follow(done: StandardFuture[int]) -> None:
            answer.set_result(done.result() + other.submit(int, "5").result(PATIENCE))

        pool.submit(int, "1").add_done_callback(follow)
        assert answer.result(PATIENCE) == 6


def test_wait_for_all(pool: Pool) -> None:
    futures: set[Future] = {pool.submit(int, "1"), pool.submit(fail, "x")}
    done, not_done = wait(futures, PATIENCE, ALL_COMPLETED)
    assert (done, not_done) == (futures, set())


def test_wait_for_the_first(pool: Pool, gate: Path) -> None:
    quick, slow = pool.submit(int, "1"), pool.submit(pass_gate, gate)
    both: list[Future] = [quick, slow]
    done, not_done = wait(both, PATIENCE, FIRST_COMPLETED)
    assert (done, not_done) == ({quick}, {slow})


def test_wait_for_the_first_exception(pool: Pool, gate: Path) -> None:
    fine, bad, slow = pool.submit(int, "1"), pool.submit(fail, "x"), pool.submit(pass_gate, gate)
    futures: list[Future] = [fine, bad, slow]
    done, not_done = wait(futures, PATIENCE, FIRST_EXCEPTION)
    assert (done, not_done) == ({fine, bad}, {slow})


def test_wait_for_what_ends_while_waiting(pool: Pool, gate: Path) -> None:
    futures = [pool.submit(pass_gate, gate, n) for n in range(3)]
    assert wait(futures, 0.05).done == set()
    threading.Timer(0.05, gate.touch).start()
    assert wait(futures, PATIENCE).not_done == set()


def test_wait_hears_of_a_cancelled_one(pool: Pool, gate: Path) -> None:
    blocker = pool.submit(pass_gate, gate)
    wait_until(blocker.running)
    future = pool.submit(int, "1")
    threading.Timer(0.05, future.cancel).start()
    threading.Timer(0.1, gate.touch).start()
    assert wait([future], PATIENCE).done == {future}


def test_as_completed_gives_each_once(pool: Pool) -> None:
    futures = [pool.submit(int, str(n)) for n in range(500)]
    assert sorted(future.result() for future in as_completed(futures, PATIENCE)) == [*range(500)]
    assert len(list(as_completed(futures, 0))) == 500  # they are done already


def test_as_completed_runs_out_of_time(pool: Pool, gate: Path) -> None:
    futures: list[Future] = [pool.submit(int, "1"), pool.submit(pass_gate, gate)]
    with pytest.raises(TimeoutError, match=r"1 \(of 2\) futures unfinished"):
        list(as_completed(futures, 1))


def test_futures_of_different_pools_are_waited_for_together() -> None:
    with POOLS["thread"](1) as threads, POOLS["process"](1) as processes:
        futures = [pool.submit(int, "4") for pool in (threads, processes) for _ in range(50)]
        assert [future.result() for future in as_completed(futures, PATIENCE)] == [4] * 100


# --- asyncio ----------------------------------------------------------------------------------


def test_asyncio_awaits_it(pool: Pool) -> None:
    async def main() -> tuple[object, ...]:
        loop = asyncio.get_running_loop()
        return await asyncio.gather(
            asyncio.wrap_future(pool.submit(int, "1")),
            loop.run_in_executor(pool, int, "2"),
            loop.run_in_executor(pool, fail, "x"),
            return_exceptions=True,
        )

    one, two, error = asyncio.run(main())
    assert (one, two) == (1, 2)
    assert isinstance(error, ValueError)


def test_asyncio_cancels_it(pool: Pool, gate: Path) -> None:
    blocker = pool.submit(pass_gate, gate)
    wait_until(blocker.running)
    future = pool.submit(int, "1")

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.wrap_future(future), 0.05)

    asyncio.run(main())
    assert future.cancelled()


def test_a_thousand_awaited_together() -> None:
    async def main(pool: Pool) -> list[int]:
        loop = asyncio.get_running_loop()
        return await asyncio.gather(*(loop.run_in_executor(pool, abs, -n) for n in range(1000)))

    with POOLS["process"](2) as pool:
        assert asyncio.run(main(pool)) == [*range(1000)]
