"""`ungil.sync` in asyncio: waiting without blocking the loop, tasks as owners, cancellation."""

import asyncio
import threading
import time
from collections.abc import Coroutine
from typing import Any

import pytest
from sync_support import TIMEOUT, eventually
from ungil import sync


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(work, TIMEOUT))


@pytest.mark.parametrize("kind", [sync.Lock, sync.RLock, sync.Semaphore, sync.Condition])
def test_tasks_of_one_loop_exclude_one_another(kind: Any) -> None:
    async def main() -> int:
        lock, inside, most = kind(), 0, 0

        async def task() -> None:
            nonlocal inside, most
            for _ in range(5):
                async with lock:
                    inside += 1
                    most = max(most, inside)
                    await asyncio.sleep(0.001)
                    inside -= 1

        await asyncio.gather(*(task() for _ in range(5)))
        return most

    assert run(main()) == 1


def test_the_loop_runs_on_while_a_task_waits() -> None:
    lock, ticks = sync.Lock(), 0

    def hold() -> None:
        with lock:
            time.sleep(0.2)

    lock_holder = threading.Thread(target=hold)
    lock_holder.start()
    assert eventually(lock.locked)

    async def main() -> None:
        nonlocal ticks

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.005)
                ticks += 1

        ticking = asyncio.create_task(tick())
        assert await lock.acquire_async() is True
        lock.release()
        ticking.cancel()

    run(main())
    lock_holder.join()
    assert ticks > 5


def test_a_timeout_is_false_and_leaves_nothing() -> None:
    lock = sync.Lock()

    async def main() -> None:
        await lock.acquire_async()
        assert await asyncio.create_task(wait()) is False
        lock.release()
        assert await lock.acquire_async(timeout=1) is True
        lock.release()

    async def wait() -> bool:
        return await lock.acquire_async(timeout=0.05)

    run(main())
    assert not lock.locked()


def test_another_task_is_a_thief_although_the_thread_is_the_same() -> None:
    lock = sync.Lock()

    async def thief() -> None:
        lock.release()

    async def main() -> None:
        async with lock:
            with pytest.raises(
                sync.NotOwner, match=r"task 'the thief' of thread .* owns it"
            ) as refused:
                await asyncio.create_task(thief(), name="the thief")
            assert "task 'the owner'" in str(refused.value.owner)
            assert lock.locked()

    async def named() -> None:
        await asyncio.create_task(main(), name="the owner")

    run(named())
    assert not lock.locked()


def test_an_rlock_is_taken_again_by_its_task() -> None:
    lock = sync.RLock()

    async def main() -> None:
        async with lock, lock:
            assert lock._recursion_count() == 2
        assert not lock.locked()

    run(main())


def test_a_cancelled_task_leaves_the_lock_to_others() -> None:
    lock = sync.Lock()

    async def main() -> None:
        await lock.acquire_async()
        waiting = asyncio.create_task(lock_and_hang())
        await asyncio.sleep(0.02)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        lock.release()
        assert await lock.acquire_async(timeout=TIMEOUT)
        lock.release()

    async def lock_and_hang() -> None:
        await lock.acquire_async()
        await asyncio.sleep(1000)

    for _ in range(20):  # the loop may end before it hears that the cancelled task has the lock
        run(main())
        eventually(lambda: not lock.locked())


def test_what_arrives_for_a_cancelled_task_is_given_back() -> None:
    """Cancelled in the same turn of the loop in which the helper thread has it already."""
    semaphore, queue = sync.Semaphore(0), sync.Queue()

    async def main() -> None:
        for _ in range(20):
            taking = asyncio.ensure_future(semaphore.acquire_async())
            getting = asyncio.ensure_future(queue.get_async())
            await asyncio.sleep(0.005)
            semaphore.release()
            queue.put("item")
            time.sleep(0.01)  # the loop does not run: both arrive, neither is delivered
            taking.cancel()
            getting.cancel()
            await asyncio.sleep(0.005)
            assert await semaphore.acquire_async(timeout=TIMEOUT)
            assert await queue.get_async(timeout=TIMEOUT) == "item"

    run(main())
    assert semaphore.value == 0
    assert queue.empty()


def test_events_and_queues_are_awaited() -> None:
    event, queue, full = sync.Event(), sync.Queue(), sync.Queue(maxsize=1)
    full.put(0)

    def other_thread() -> None:
        time.sleep(0.05)
        event.set()
        queue.put({"got": 1})
        full.get()

    async def main() -> None:
        threading.Thread(target=other_thread).start()
        assert await event.wait_async() is True
        assert await queue.get_async() == {"got": 1}
        await full.put_async(1)
        with pytest.raises(sync.Empty):
            await queue.get_async(timeout=0.02)
        with pytest.raises(sync.Full):
            await full.put_async(2, timeout=0.02)
        event.clear()
        assert await event.wait_async(0.02) is False

    run(main())


def test_outside_of_a_loop_is_a_clear_error() -> None:
    lock = sync.Lock()
    with pytest.raises(RuntimeError, match="no running event loop"):
        lock.acquire_async()
    assert not lock.locked()
