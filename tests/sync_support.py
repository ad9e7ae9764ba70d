"""What the tests of `ungil.sync` run in other processes: importable, for spawn and forkserver."""

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import ungil
from ungil import sync

TIMEOUT = 20.0

# The first object makes the process's arena, which stays: made here, no test is blamed for it.
ARENA = sync.Lock()


def eventually(condition: Callable[[], bool], timeout: float = TIMEOUT) -> bool:
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.005)
    return condition()


def add_many(lock: Any, value: Any, count: int) -> None:
    for _ in range(count):
        with lock:
            value.value += 1


def hold_and_hang(lock: Any, held: Any) -> None:
    lock.acquire()
    held.set()
    time.sleep(1000)


def acquire_and_die(lock: Any) -> None:
    lock.acquire()
    os.kill(os.getpid(), signal.SIGKILL)


def acquire_in_thread_that_ends(lock: Any) -> None:
    thread = threading.Thread(target=lock.acquire)
    thread.start()
    thread.join()


def wait_for_event(started: Any, event: Any, done: Any) -> None:
    started.release()
    if event.wait(TIMEOUT):
        done.add(1)


def wait_on_condition(condition: Any, waiting: Any, woken: Any) -> None:
    with condition:
        waiting.add(1)
        if condition.wait(TIMEOUT):
            woken.add(1)


def pass_barrier(barrier: Any, places: Any) -> None:
    places.put(barrier.wait(TIMEOUT))


def echo(inbox: Any, outbox: Any) -> None:
    while (item := inbox.get(timeout=TIMEOUT)) is not None:
        outbox.put((os.getpid(), item))


def put_for_ever(queue: Any) -> None:
    number = 0
    while True:
        queue.put((os.getpid(), number, "x" * 5000))
        number += 1


def get_for_ever(queue: Any) -> None:
    while True:
        queue.get()


def thief(lock: Any, answers: Any) -> None:
    try:
        lock.release()
    except Exception as error:
        answers.put((type(error).__name__, str(error), os.getpid()))
    else:
        answers.put(("released", "", os.getpid()))


def cross(first: Any, second: Any, barrier: Any, answers: Any) -> None:
    """One half of a deadlock."""
    first.acquire()
    barrier.wait(TIMEOUT)
    try:
        got = second.acquire(timeout=TIMEOUT)
        answers.put(("got", got))
        if got:
            second.release()
    except Exception as error:
        answers.put((type(error).__name__, str(error)))
    first.release()


def objects(*parts: Any) -> None:
    """Uses one object of each kind, as a worker would."""
    lock, rlock, semaphore, condition, event, barrier, queue, value, array = parts
    with lock, rlock, semaphore, condition:
        value.add(1)
        array[1] = 2.5
    event.set()
    barrier.wait(TIMEOUT)
    queue.put("done")


def meet(parts: tuple[Any, ...]) -> int:
    """Uses one object of each kind in a task; two of these meet at the barrier and the event."""
    lock, rlock, semaphore, bounded, condition, event, barrier, queue, value, array = parts
    if barrier.wait(TIMEOUT) == 0:
        event.set()
    assert event.wait(TIMEOUT)
    with lock, rlock, semaphore, bounded, condition:
        value.value += 1
        array[1] += 1
    queue.put(os.getpid())
    return os.getpid()


REMEMBERED: tuple[Any, ...] = ()


def remember(*parts: Any) -> None:
    global REMEMBERED
    REMEMBERED = parts


def meet_remembered(_number: int) -> int:
    return meet(REMEMBERED)


def make_and_keep_a_lock() -> Any:
    remember(sync.Lock())
    return REMEMBERED[0]


def name_of_error(lock: Any) -> str:
    try:
        lock.release()
    except Exception as error:
        return type(error).__name__
    return ""


def add_in_grandchildren(lock: Any, value: Any, count: int, method: str) -> None:
    with ungil.ProcessPoolExecutor(2, start_method=method) as pool:
        for future in [pool.submit(add_many, lock, value, count) for _ in range(2)]:
            future.result()
