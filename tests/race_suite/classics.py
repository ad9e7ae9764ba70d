"""The classics that fail: updates, orders, locks, conditions, queues."""

import queue
import threading
import time

from race_suite.registry import bug
from race_suite.threads import Box, together


@bug("atomicity violation")
def lost_update() -> None:
    box = Box()

    def add() -> None:
        box.value += 1

    together(add, add)
    assert box.value == 2


@bug("atomicity violation")
def lost_update_of_three() -> None:
    box = Box()

    def add() -> None:
        box.value += 1

    together(add, add, add)
    assert box.value >= 2  # only two preemptions lose two of three


@bug("atomicity violation")
def check_then_act() -> None:
    account, lock = Box(100), threading.Lock()

    def withdraw() -> None:
        if account.value >= 60:
            with lock:
                account.value -= 60

    together(withdraw, withdraw)
    assert account.value >= 0


@bug("atomicity violation")
def account_read_outside_of_the_lock() -> None:
    account, lock = Box(100), threading.Lock()

    def deposit() -> None:
        with lock:
            balance = account.value
        with lock:
            account.value = balance + 10

    together(deposit, deposit)
    assert account.value == 120


@bug("atomicity violation")
def wrong_lock() -> None:
    box, one, other = Box(), threading.Lock(), threading.Lock()

    def add(lock: threading.Lock) -> None:
        with lock:
            box.value += 1

    together(lambda: add(one), lambda: add(other))
    assert box.value == 2


@bug("exception")
def two_stage() -> None:
    box, first, second = Box(), threading.Lock(), threading.Lock()

    def write() -> None:
        with first:
            box.value = 1
        with second:
            box.other = box.value + 1

    def read() -> None:
        with first:
            seen = box.value
        if seen:
            with second:
                assert box.other == seen + 1

    together(write, read)


@bug("exception")
def order_violation() -> None:
    names: dict[str, str] = {}
    together(lambda: names.__setitem__("name", "Ada"), lambda: print(end=names["name"][:0]))


@bug("exception")
def order_by_sleeping() -> None:
    box = Box()

    def prepare() -> None:
        box.other = 1
        box.value = 1

    def use() -> None:
        time.sleep(0.1)
        assert box.value == 1

    together(prepare, use)


@bug("deadlock")
def opposite_orders() -> None:
    one, other = threading.Lock(), threading.Lock()

    def take(first: threading.Lock, second: threading.Lock) -> None:
        with first, second:
            pass

    together(lambda: take(one, other), lambda: take(other, one))


@bug("deadlock")
def dining_philosophers() -> None:
    forks = [threading.Lock() for _ in range(3)]

    def dine(seat: int) -> None:
        with forks[seat], forks[(seat + 1) % 3]:
            pass

    together(*[lambda seat=seat: dine(seat) for seat in range(3)])


@bug("lost wake-up")
def lost_wake_up() -> None:
    box, changed = Box(), threading.Condition()

    def wait() -> None:
        if not box.value:
            with changed:
                changed.wait()

    def wake() -> None:
        box.value = 1
        with changed:
            changed.notify()

    together(wait, wake)


@bug("atomicity violation")
def bounded_buffer_with_if() -> None:
    items: list[int] = []
    changed = threading.Condition()

    def take() -> None:
        with changed:
            if not items:  # `while`, that is
                changed.wait()
            items.pop()

    def put() -> None:
        with changed:
            items.append(1)
            changed.notify()

    together(take, take, put, put)


@bug("exception")
def double_checked_locking() -> None:
    lock = threading.Lock()

    class Config:
        ready = False
        value = 0

    def load() -> None:
        if not Config.ready:
            with lock:
                if not Config.ready:
                    Config.ready = True
                    Config.value = 1
        assert Config.value == 1

    together(load, load)


@bug("atomicity violation")
def stack_pop_after_a_look() -> None:
    stack = [1]

    def pop() -> None:
        if stack:
            stack.pop()

    together(pop, pop)


@bug("atomicity violation")
def dictionary_changed_while_it_is_gone_through() -> None:
    table = {1: 1, 2: 2}

    def go_through() -> None:
        for key in table:
            assert key < 4

    together(lambda: table.setdefault(3, 3), go_through)


@bug("atomicity violation")
def dekker_with_a_flag_set_too_late() -> None:
    flags, inside = [Box(), Box()], Box()

    def enter(me: int) -> None:
        if not flags[1 - me].value:
            flags[me].value = 1
            inside.value += 1
            assert inside.value == 1
            inside.value -= 1
            flags[me].value = 0

    together(lambda: enter(0), lambda: enter(1))


@bug("atomicity violation")
def work_taken_twice() -> None:
    jobs, done = [1], []

    def work() -> None:
        if len(jobs) > 0:
            job = jobs[0]
            done.append(job)
            jobs.clear()

    together(work, work)
    assert len(done) == 1


@bug("exception")
def queue_asked_before_it_is_emptied() -> None:
    jobs: queue.Queue[int] = queue.Queue()
    jobs.put(1)

    def work() -> None:
        if not jobs.empty():
            jobs.get_nowait()

    together(work, work)


@bug("thief")
def thief() -> None:
    lock = threading.Lock()

    def own() -> None:
        with lock:
            pass

    def steal() -> None:
        if lock.locked():
            lock.release()

    together(own, steal)


@bug("over-release")
def broken_semaphore() -> None:
    room = threading.Semaphore(1)
    together(room.release, room.release)


@bug("data race")
def published_without_a_lock() -> None:
    box = Box()

    def write() -> None:
        box.value = 1

    def read() -> None:
        assert box.value in (0, 1)

    together(write, read)
