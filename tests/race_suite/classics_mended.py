"""The classics without their bugs."""

import queue
import threading
from concurrent.futures import ThreadPoolExecutor

from race_suite.registry import correct
from race_suite.threads import Box, together


@correct()
def counter_under_a_lock() -> None:
    box, lock = Box(), threading.Lock()

    def add() -> None:
        with lock:
            box.value += 1

    together(add, add, add)
    assert box.value == 3


@correct()
def check_and_act_under_a_lock() -> None:
    account, lock = Box(100), threading.Lock()

    def withdraw() -> None:
        with lock:
            if account.value >= 60:
                account.value -= 60

    together(withdraw, withdraw)
    assert account.value == 40


@correct()
def one_order_of_locks() -> None:
    one, other = threading.Lock(), threading.Lock()

    def take() -> None:
        with one, other:
            pass

    together(take, take)


@correct()
def philosophers_with_one_left_handed() -> None:
    forks = [threading.Lock() for _ in range(3)]

    def dine(seat: int) -> None:
        first, second = sorted((seat, (seat + 1) % 3))
        with forks[first], forks[second]:
            pass

    together(*[lambda seat=seat: dine(seat) for seat in range(3)])


@correct()
def reentrant() -> None:
    box, lock = Box(), threading.RLock()

    def add() -> None:
        with lock, lock:
            box.value += 1

    together(add, add)
    assert box.value == 2


@correct()
def event_orders() -> None:
    box, ready = Box(), threading.Event()

    def prepare() -> None:
        box.value = 1
        ready.set()

    def use() -> None:
        assert ready.wait()
        assert box.value == 1

    together(prepare, use)


@correct()
def condition_in_a_loop() -> None:
    items: list[int] = []
    changed = threading.Condition()

    def take() -> None:
        with changed:
            while not items:
                changed.wait()
            items.pop()

    def put() -> None:
        with changed:
            items.append(1)
            changed.notify()

    together(take, put)


@correct()
def queue_orders() -> None:
    jobs: queue.Queue[int] = queue.Queue(1)
    got: list[int] = []

    def put() -> None:
        for number in range(2):
            jobs.put(number)

    def take() -> None:
        for _ in range(2):
            got.append(jobs.get())

    together(put, take)
    assert got == [0, 1]


@correct()
def semaphore_of_one() -> None:
    box, room = Box(), threading.Semaphore(1)

    def enter() -> None:
        with room:
            box.value += 1
            assert box.value == 1
            box.value -= 1

    together(enter, enter)


@correct()
def barrier_orders() -> None:
    boxes, barrier = [Box(), Box()], threading.Barrier(2)

    def work(me: int) -> None:
        boxes[me].value = 1
        barrier.wait()
        assert boxes[1 - me].value == 1

    together(lambda: work(0), lambda: work(1))


@correct()
def own_elements_of_a_list() -> None:
    results = [0, 0]

    def work(me: int) -> None:
        results[me] = me + 1

    together(lambda: work(0), lambda: work(1))
    assert results == [1, 2]


@correct()
def thread_local() -> None:
    mine = threading.local()

    def work(number: int) -> None:
        mine.value = number
        assert mine.value == number

    together(lambda: work(1), lambda: work(2))


@correct()
def executor() -> None:
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(abs, [-1, -2])) == [1, 2]
