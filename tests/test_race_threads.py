"""What threads of a model may use: `_thread`, `ungil.sync`, executors, event loops."""

import _thread
import asyncio
import concurrent.futures
import threading
import time
from collections.abc import Callable

import pytest
import ungil
import ungil.race
from race_suite.threads import Box, together
from ungil import sync

# The first lock makes the memory of `ungil.sync`, which stays while there is one: not in a test.
_KEPT = (sync.Lock(), sync.Queue[int](), sync.Value("q", 0))


def test_threads_of_the_low_level_module_are_explored() -> None:
    def model() -> None:
        box, done = Box(), [threading.Lock(), threading.Lock()]

        def add(lock: threading.Lock) -> None:
            box.value += 1
            lock.release()

        for lock in done:
            lock.acquire()
            _thread.start_new_thread(add, (lock,))
        for lock in done:
            lock.acquire()
        assert box.value == 2

    kinds = {finding.kind for finding in ungil.race.explore(model).findings}
    assert kinds & {"exception", "thief"}


def counted(make: Callable[[], object]) -> Callable[[], None]:
    """Two threads that add to a counter under what `make` makes."""

    def model() -> None:
        box, lock = Box(), make()

        def add() -> None:
            with lock:  # type: ignore[attr-defined]
                box.value += 1

        together(add, add)
        assert box.value == 2

    return model


@pytest.mark.parametrize(
    "make", [sync.Lock, sync.RLock, sync.Semaphore, sync.Condition], ids=lambda it: it.__name__
)
def test_locks_of_ungil_sync_exclude(make: Callable[[], object]) -> None:
    assert ungil.race.explore(counted(make)).proved


def test_a_deadlock_of_ungil_sync_s_locks_is_found() -> None:
    def model() -> None:
        one, other = sync.Lock(), sync.Lock()

        def forth() -> None:
            with one, other:
                pass

        def back() -> None:
            with other, one:
                pass

        together(forth, back)

    assert ungil.race.explore(model).findings[0].kind == "deadlock"


def test_a_thief_is_told_as_ungil_sync_tells_it() -> None:
    def model() -> None:
        lock = sync.Lock()
        lock.acquire()
        together(lock.release)

    assert "NotOwner" in ungil.race.explore(model).findings[0].sentence


def test_an_event_a_queue_and_a_barrier_of_ungil_sync_are_followed() -> None:
    def model() -> None:
        ready, items, barrier = sync.Event(), sync.Queue[int](), sync.Barrier(2)

        def give() -> None:
            ready.wait()
            items.put(7)
            barrier.wait()

        def take() -> None:
            ready.set()
            assert items.get() == 7
            barrier.wait()

        together(give, take)

    assert ungil.race.explore(model, max_schedules=200).ok


def test_a_condition_of_ungil_sync_with_if_for_while_is_found() -> None:
    def model() -> None:
        items: list[int] = []
        changed = sync.Condition()

        def take() -> None:
            with changed:
                if not items:
                    changed.wait()
                items.pop()

        def give() -> None:
            with changed:
                items.append(1)
                changed.notify_all()

        together(take, take, give)

    found = ungil.race.explore(model).findings[0]
    assert "IndexError" in found.sentence or found.kind == "deadlock"


def test_adding_to_a_value_is_one_step_and_setting_it_is_two() -> None:
    def adding() -> None:
        value = sync.Value("q", 0)
        together(lambda: value.add(1), lambda: value.add(1))
        assert value.value == 2

    def setting() -> None:
        value = sync.Value("q", 0)

        def add() -> None:
            value.value += 1

        together(add, add)
        assert value.value == 2

    assert ungil.race.explore(adding).proved
    assert not ungil.race.explore(setting).ok


def test_ungil_sync_is_left_as_it_was() -> None:
    lock = sync.Lock()
    before = sync.Lock.acquire
    assert ungil.race.explore(counted(lambda: lock)).proved
    assert sync.Lock.acquire is before
    assert not lock.locked()


@pytest.mark.parametrize(
    "executor",
    [concurrent.futures.ThreadPoolExecutor, ungil.ThreadPoolExecutor],
    ids=["standard", "ungil"],
)
def test_tasks_of_an_executor_are_explored(
    executor: type[concurrent.futures.ThreadPoolExecutor],
) -> None:
    def model() -> None:
        box = Box()

        def add(_: int) -> None:
            box.value += 1

        with executor(max_workers=2) as pool:
            list(pool.map(add, range(2)))
        assert box.value == 2

    [finding] = ungil.race.explore(model).findings
    assert "Lost update of Box.value" in finding.sentence


def test_an_executor_made_before_the_model_is_refused() -> None:
    with ungil.ThreadPoolExecutor(max_workers=1) as pool:
        [finding] = ungil.race.explore(lambda: pool.submit(int).result()).findings
        assert "this one was made before" in finding.sentence
        assert pool.submit(int).result() == 0


def test_an_event_loop_waits_for_other_threads_and_for_virtual_time() -> None:
    def model() -> None:
        box = Box()

        async def work() -> None:
            await asyncio.sleep(3600)
            await asyncio.to_thread(setattr, box, "value", 1)
            assert box.value == 1

        asyncio.run(work())

    begun = time.monotonic()
    result = ungil.race.explore(model, max_schedules=100, max_blocked=60)
    assert result.ok, result
    assert time.monotonic() - begun < 60


def test_a_task_races_with_a_thread() -> None:
    def model() -> None:
        box = Box()

        def add() -> None:
            box.value += 1

        async def work() -> None:
            other = asyncio.create_task(asyncio.to_thread(add))
            await asyncio.sleep(0)
            add()
            await other

        asyncio.run(work())
        assert box.value == 2

    assert not ungil.race.explore(model, max_blocked=60).ok


def test_a_queue_of_ungil_sync_is_shut_down() -> None:
    def model() -> None:
        items = sync.Queue[int]()

        def take() -> None:
            with pytest.raises(sync.ShutDown):
                items.get()

        together(take, items.shutdown)

    assert ungil.race.explore(model).ok
