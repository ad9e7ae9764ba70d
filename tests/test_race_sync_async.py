"""Asynchronous methods of `ungil.sync` in models: tasks in explored threads wait like threads."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import ungil.race
from race_suite.threads import Box, together
from ungil import sync

# The first lock makes the memory of `ungil.sync`, which stays while there is one: not in a test.
_KEPT = (sync.Lock(), sync.Queue[int](), sync.Value("q", 0))
KINDS = [sync.Lock, sync.RLock, sync.Semaphore, sync.Condition]


def explore(model: Callable[[], object], **options: Any) -> ungil.race.Result:
    return ungil.race.explore(model, max_blocked=60, max_schedules=300, **options)


def in_loop(*works: Callable[[], Coroutine[Any, Any, object]]) -> Callable[[], None]:
    """A thread's target: an event loop with a task for each of these."""

    async def all_of_them() -> None:
        await asyncio.gather(*(work() for work in works))

    return lambda: asyncio.run(all_of_them())


@pytest.mark.parametrize("kind", KINDS)
def test_async_with_excludes_a_thread(kind: Any) -> None:
    def model() -> None:
        box, lock = Box(), kind()

        async def add_later() -> None:
            async with lock:
                before = box.value
                await asyncio.sleep(0)
                box.value = before + 1

        def add() -> None:
            with lock:
                box.value += 1

        together(in_loop(add_later), add)
        assert box.value == 2

    assert explore(model).ok


def test_a_task_that_awaits_in_its_critical_section_without_a_lock_is_found() -> None:
    def model() -> None:
        box, lock = Box(), sync.Lock()

        async def add_later() -> None:
            async with lock:
                before = box.value
            await asyncio.sleep(0)
            async with lock:
                box.value = before + 1

        together(in_loop(add_later), in_loop(add_later))
        assert box.value == 2

    assert explore(model).findings[0].kind == "atomicity violation"


@pytest.mark.parametrize("kind", KINDS)
def test_tasks_of_one_loop_exclude_one_another(kind: Any) -> None:
    def model() -> None:
        lock, inside = kind(), Box()

        async def work() -> None:
            async with lock:
                assert inside.value == 0
                inside.value = 1
                await asyncio.sleep(0)
                inside.value = 0

        in_loop(work, work, work)()

    assert explore(model).proved


def test_a_deadlock_of_a_task_and_a_thread_is_told_as_a_circle() -> None:
    def model() -> None:
        one, other = sync.Lock(), sync.Lock()

        async def forth() -> None:
            async with one, other:
                pass

        def back() -> None:
            with other, one:
                pass

        together(in_loop(forth), back)

    [finding] = explore(model).findings
    assert finding.kind == "deadlock"
    assert "waits for Lock#2" in finding.sentence
    assert "waits for Lock#1" in finding.sentence


def test_a_lock_that_nobody_gives_back_is_a_hang_that_names_who_has_it() -> None:
    def model() -> None:
        lock = sync.Lock()

        async def wait() -> None:
            await lock.acquire_async()

        together(lock.acquire)
        in_loop(wait)()

    [finding] = explore(model).findings
    assert finding.kind == "hang"
    assert "MainThread waits for Lock" in finding.sentence
    assert "which Thread-1 (acquire) has" in finding.sentence


def test_a_task_steals_the_lock_of_another_one() -> None:
    def model() -> None:
        lock = sync.Lock()

        async def main() -> None:
            await lock.acquire_async()
            await asyncio.create_task(steal())

        async def steal() -> None:
            lock.release()

        asyncio.run(main())

    assert "NotOwner" in explore(model).findings[0].sentence


def test_time_outs_come_in_virtual_time() -> None:
    def model() -> None:
        lock, permits, event, items = sync.Lock(), sync.Semaphore(0), sync.Event(), sync.Queue(1)

        async def main() -> None:
            await lock.acquire_async()
            assert not await asyncio.create_task(lock_later())
            assert not await permits.acquire_async(timeout=1000)
            assert not await event.wait_async(timeout=1000)
            with pytest.raises(sync.Empty):
                await items.get_async(timeout=1000)
            await items.put_async(1)
            with pytest.raises(sync.Full):
                await items.put_async(2, timeout=1000)

        async def lock_later() -> bool:
            return await lock.acquire_async(timeout=1000)

        asyncio.run(main())

    assert explore(model).ok


def test_a_cancelled_task_takes_nothing() -> None:
    def model() -> None:
        lock = sync.Lock()

        async def main() -> None:
            await lock.acquire_async()
            waiting = asyncio.create_task(lock_later())
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            lock.release()
            assert not lock.locked()

        async def lock_later() -> None:
            async with lock:
                pass

        asyncio.run(main())

    assert explore(model).proved


def test_items_go_from_a_thread_to_a_task_and_back() -> None:
    def model() -> None:
        there, back = sync.Queue[int](1), sync.Queue[int](1)

        async def answer() -> None:
            while (number := await there.get_async()) >= 0:
                await back.put_async(number + 1)

        def ask() -> None:
            there.put(1)
            assert back.get() == 2
            there.put(-1)

        together(in_loop(answer), ask)

    assert explore(model).ok


def test_an_event_wakes_tasks_of_several_loops() -> None:
    def model() -> None:
        event = sync.Event()

        async def wait() -> None:
            assert await event.wait_async()

        together(in_loop(wait, wait), in_loop(wait), event.set)

    assert explore(model).ok


def test_an_event_that_is_set_too_early_is_a_lost_wake_up() -> None:
    def model() -> None:
        event = sync.Event()

        async def wait() -> None:
            event.clear()
            await event.wait_async()

        together(in_loop(wait), event.set)

    assert explore(model).findings[0].kind == "lost wake-up"


def test_shutting_down_ends_tasks_and_threads_that_wait() -> None:
    def model() -> None:
        items = sync.Queue[int](1)
        items.put(0)

        async def take() -> None:
            assert await items.get_async() == 0
            with pytest.raises(sync.ShutDown):
                await items.get_async()

        def give() -> None:
            with pytest.raises(sync.ShutDown):
                items.put(0)

        items.shutdown()
        together(in_loop(take), give)
        assert items.is_shutdown

    def blocked() -> None:
        items = sync.Queue[int]()

        async def take() -> None:
            with pytest.raises(sync.ShutDown):
                await items.get_async()

        together(in_loop(take), items.shutdown)

    assert explore(model).ok
    assert explore(blocked).ok


def test_a_condition_gives_its_lock_to_a_task_while_it_waits() -> None:
    def model() -> None:
        changed, box = sync.Condition(), Box()

        async def set_it() -> None:
            async with changed:
                box.value = 1
                changed.notify()

        def wait() -> None:
            with changed:
                changed.wait_for(lambda: box.value)

        together(wait, in_loop(set_it))

    assert explore(model).ok


def test_a_lock_is_as_it_was_after_the_exploration() -> None:
    lock = sync.Lock()

    def model() -> None:
        async def hold() -> None:
            async with lock:
                await asyncio.sleep(1)

        in_loop(hold)()

    assert explore(model).ok
    assert not lock.locked()
