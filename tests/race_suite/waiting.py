"""Threads that wait for each other, or for what is over: deadlocks, lost signals, closed things."""

import io
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from race_suite.registry import bug, correct
from race_suite.threads import Box, together


def buffer(wakes_all: bool) -> None:
    """A buffer of one place, two who put and two who take, one condition for all."""
    items: list[int] = []
    changed = threading.Condition()

    def wake() -> None:
        if wakes_all:
            changed.notify_all()
        else:
            changed.notify()

    def put() -> None:
        with changed:
            while items:
                changed.wait()
            items.append(1)
            wake()

    def take() -> None:
        with changed:
            while not items:
                changed.wait()
            items.pop()
            wake()

    together(put, put, take, take)


@bug("lost wake-up")
def notify_that_wakes_one_of_the_wrong_side() -> None:
    buffer(wakes_all=False)


@correct()
def two_conditions_wake_the_right_side() -> None:
    items: list[int] = []
    lock = threading.Lock()
    filled, emptied = threading.Condition(lock), threading.Condition(lock)

    def put() -> None:
        with lock:
            while items:
                emptied.wait()
            items.append(1)
            filled.notify()

    def take() -> None:
        with lock:
            while not items:
                filled.wait()
            items.pop()
            emptied.notify()

    def take_two() -> None:
        take()
        take()

    together(put, put, take_two)


@bug("lost wake-up")
def event_cleared_after_it_was_set_again() -> None:
    ready, jobs = threading.Event(), [1]

    def work() -> None:
        for _ in range(2):
            ready.wait()
            jobs.pop()
            ready.clear()  # before the job is taken, that is

    def order() -> None:
        ready.set()
        jobs.append(2)
        ready.set()

    together(work, order)


@bug("hang")
def waits_under_a_lock_that_the_other_needs() -> None:
    """The nested monitor's lockout."""
    outer, changed, box = threading.Lock(), threading.Condition(), Box()

    def wait() -> None:
        with outer, changed:
            while not box.value:
                changed.wait()

    def wake() -> None:
        with outer, changed:
            box.value = 1
            changed.notify()

    together(wait, wake)


@bug("deadlock")
def transfers_between_accounts() -> None:
    accounts = [(Box(10), threading.Lock()) for _ in range(2)]

    def transfer(source: int, target: int) -> None:
        with accounts[source][1], accounts[target][1]:
            accounts[source][0].value -= 1
            accounts[target][0].value += 1

    together(lambda: transfer(0, 1), lambda: transfer(1, 0))


@correct()
def transfers_in_one_order() -> None:
    accounts = [(Box(10), threading.Lock()) for _ in range(2)]

    def transfer(source: int, target: int) -> None:
        first, second = sorted((source, target))
        with accounts[first][1], accounts[second][1]:
            accounts[source][0].value -= 1
            accounts[target][0].value += 1

    together(lambda: transfer(0, 1), lambda: transfer(1, 0))
    assert [account.value for account, _ in accounts] == [10, 10]


@bug("deadlock")
def two_readers_become_writers() -> None:
    """Both have one of two permits, and want the other one, too."""
    permits = threading.Semaphore(2)

    def upgrade() -> None:
        permits.acquire()
        permits.acquire()
        permits.release(2)

    together(upgrade, upgrade)


@bug("hang")
def barrier_that_counts_without_a_lock() -> None:
    count, all_here = Box(), threading.Event()

    def meet() -> None:
        count.value += 1
        if count.value == 2:
            all_here.set()
        all_here.wait()

    together(meet, meet)


@correct()
def barrier_that_counts_under_a_lock() -> None:
    count, lock, all_here = Box(), threading.Lock(), threading.Event()

    def meet() -> None:
        with lock:
            count.value += 1
            if count.value == 2:
                all_here.set()
        all_here.wait()

    together(meet, meet)


@bug("hang")
def task_that_waits_for_one_behind_it() -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: pool.submit(abs, -1).result()).result()


def polite(give_way: Callable[[threading.Lock, threading.Lock], None]) -> None:
    one, other = threading.Lock(), threading.Lock()
    together(lambda: give_way(one, other), lambda: give_way(other, one))


@bug("livelock")
def two_that_give_way_to_each_other() -> None:
    def give_way(mine: threading.Lock, yours: threading.Lock) -> None:
        while True:
            with mine:
                if yours.acquire(blocking=False):
                    yours.release()
                    return

    polite(give_way)


@bug("use after close")
def written_after_it_was_closed() -> None:
    file = io.StringIO()
    together(lambda: file.write("a line"), file.close)


@correct()
def closed_after_all_have_written() -> None:
    file = io.StringIO()
    together(lambda: file.write("a line"), lambda: file.write("another one"))
    file.close()


@bug("use after close")
def handed_in_after_the_pool_was_shut_down() -> None:
    pool = ThreadPoolExecutor(1)
    together(lambda: pool.submit(abs, -1), pool.shutdown)


@bug("exception")
def future_given_two_results() -> None:
    future: Future[int] = Future()

    def finish() -> None:
        if not future.done():
            future.set_result(1)

    together(finish, finish)


@correct()
def future_given_one_result() -> None:
    future: Future[int] = Future()
    together(lambda: future.set_result(1), future.result)


@correct()
def queue_ended_by_a_last_item() -> None:
    jobs: queue.SimpleQueue[int | None] = queue.SimpleQueue()

    def work() -> None:
        while jobs.get() is not None:
            pass

    def order() -> None:
        jobs.put(1)
        jobs.put(None)

    together(work, order)
