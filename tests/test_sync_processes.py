"""`ungil.sync` between processes: every start method, globals after fork, deaths."""

import contextlib
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

import pytest
import sync_support as support
from sync_support import TIMEOUT, eventually
from ungil import sync

METHODS = ["fork", "forkserver", "spawn"]


@pytest.fixture(params=METHODS)
def context(request: pytest.FixtureRequest) -> BaseContext:
    context: BaseContext = multiprocessing.get_context(request.param)
    return context


@pytest.fixture
def start(context: BaseContext) -> Iterator[Callable[..., Any]]:
    yield from starting(context)


@pytest.fixture
def fork() -> Iterator[Callable[..., Any]]:
    yield from starting(multiprocessing.get_context("fork"))


def starting(context: Any) -> Iterator[Callable[..., Any]]:
    children: list[Any] = []

    def begin(target: Callable[..., None], *args: object) -> Any:
        child = context.Process(target=target, args=args, daemon=True)
        child.start()
        children.append(child)
        return child

    yield begin
    for child in children:
        child.kill()
        child.join(TIMEOUT)
        child.close()


def join(*children: Any) -> None:
    for child in children:
        child.join(TIMEOUT)
        assert child.exitcode == 0


def test_a_lock_excludes_processes(start: Callable[..., Any]) -> None:
    lock, value = sync.Lock(), sync.Value("q", lock=False)
    join(*[start(support.add_many, lock, value, 5000) for _ in range(3)])
    assert value.value == 15_000


def test_every_kind_travels_to_a_worker(start: Callable[..., Any]) -> None:
    parts: tuple[Any, ...] = (
        sync.Lock(), sync.RLock(), sync.Semaphore(), sync.Condition(), sync.Event(),
        sync.Barrier(2), sync.Queue(), sync.Value("i", 5), sync.Array("d", 3),
    )  # fmt: skip
    child = start(support.objects, *parts)
    *_, event, barrier, queue, value, array = parts
    assert event.wait(TIMEOUT)
    barrier.wait(TIMEOUT)
    assert queue.get(timeout=TIMEOUT) == "done"
    assert (value.value, list(array)) == (6, [0.0, 2.5, 0.0])
    join(child)


def test_an_event_releases_all_processes(start: Callable[..., Any]) -> None:
    started, event, done = sync.Semaphore(0), sync.Event(), sync.Value("i")
    children = [start(support.wait_for_event, started, event, done) for _ in range(3)]
    for _ in children:
        assert started.acquire(timeout=TIMEOUT)
    event.set()
    join(*children)
    assert done.value == 3


def test_notify_wakes_as_many_processes_as_it_says(fork: Callable[..., Any]) -> None:
    condition, waiting, woken = sync.Condition(), sync.Value("i"), sync.Value("i")
    children = [fork(support.wait_on_condition, condition, waiting, woken) for _ in range(4)]

    def waiters() -> bool:
        with condition:
            return bool(waiting.value == 4)

    assert eventually(waiters)
    with condition:
        condition.notify(2)
    assert eventually(lambda: woken.value == 2)
    time.sleep(0.1)
    assert woken.value == 2
    with condition:
        condition.notify_all()
    join(*children)
    assert woken.value == 4


def test_a_barrier_meets_across_processes(start: Callable[..., Any]) -> None:
    barrier, places = sync.Barrier(3), sync.Queue()
    children = [start(support.pass_barrier, barrier, places) for _ in range(3)]
    assert sorted(places.get(timeout=TIMEOUT) for _ in range(3)) == [0, 1, 2]
    join(*children)


def test_a_queue_carries_objects_there_and_back(start: Callable[..., Any]) -> None:
    inbox, outbox = sync.Queue(), sync.Queue(maxsize=2)
    child = start(support.echo, inbox, outbox)
    items = [1, "two", [3.0, None, {"four": (5, b"6")}], {1, 2}, "x" * 1_000_000]
    for item in items:
        inbox.put(item)
    assert [outbox.get(timeout=TIMEOUT) for _ in items] == [(child.pid, item) for item in items]
    inbox.put(None)
    join(child)


def test_a_thief_in_another_process_is_named(start: Callable[..., Any]) -> None:
    lock, answers = sync.Lock(), sync.Queue()
    with lock:
        start(support.thief, lock, answers)
        kind, message, pid = answers.get(timeout=TIMEOUT)
    assert kind == "NotOwner"
    assert f"process {pid}) cannot release this lock" in message
    assert f"process {os.getpid()}) owns it" in message


LOCK, VALUE = sync.Lock(), sync.Value("q", lock=False)


def test_globals_work_after_os_fork() -> None:
    VALUE.value = 0
    LOCK.acquire()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            # The lock is the parent's, although this thread is a copy of the one that took it.
            try:
                LOCK.release()
            except sync.NotOwner:
                support.add_many(LOCK, VALUE, 1000)
                code = 0
        finally:
            os._exit(code)
    LOCK.release()
    support.add_many(LOCK, VALUE, 1000)
    assert os.waitpid(pid, 0)[1] == 0
    assert VALUE.value == 2000


def test_a_child_makes_objects_of_its_own_after_fork() -> None:
    mine = [sync.Lock() for _ in range(50)]
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            theirs = [sync.Lock() for _ in range(50)]
            for lock in theirs:
                lock.acquire()
            if not any(lock.locked() for lock in mine):
                os.write(write, pickle.dumps(theirs[0]))
                time.sleep(1000)
        finally:
            os._exit(code)
    try:
        lock = pickle.loads(os.read(read, 10_000))
        assert lock.locked()
        assert not any(lock.locked() for lock in mine)
        fresh = [sync.Lock() for _ in range(50)]
        assert not any(lock.locked() for lock in fresh)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(read)
        os.close(write)


@pytest.mark.parametrize("kind", [sync.Lock, sync.RLock])
@pytest.mark.parametrize("reap", [True, False], ids=["reaped", "zombie"])
def test_after_sigkill_of_the_owner_the_next_is_told_once(
    fork: Callable[..., Any], kind: type, reap: bool
) -> None:
    lock = kind()
    child = fork(support.acquire_and_die, lock)
    if reap:
        child.join(TIMEOUT)
    else:
        assert eventually(lambda: ") Z " in Path(f"/proc/{child.pid}/stat").read_text())
    with pytest.raises(sync.OwnerDied, match=f"thread {child.pid} died holding this lock"):
        lock.acquire(timeout=TIMEOUT)
    assert lock.locked()
    lock.release()
    assert lock.acquire(timeout=1)
    lock.release()


def test_waiters_of_a_killed_owner_go_on_and_one_is_told(fork: Callable[..., Any]) -> None:
    lock, held = sync.Lock(), sync.Event()
    owner = fork(support.hold_and_hang, lock, held)
    assert held.wait(TIMEOUT)
    told, entered = [], []

    def enter() -> None:
        try:
            lock.acquire()
        except sync.OwnerDied as error:
            told.append(error)
        entered.append(1)
        lock.release()

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.05)
    assert not entered
    os.kill(owner.pid, signal.SIGKILL)
    killed = time.monotonic()
    for thread in threads:
        thread.join(TIMEOUT)
    assert (len(told), len(entered)) == (1, 4)
    assert time.monotonic() - killed < 10  # far from any time-out


def test_with_after_a_death_leaves_the_lock_free(fork: Callable[..., Any]) -> None:
    lock = sync.Lock()
    fork(support.acquire_and_die, lock).join(TIMEOUT)
    with pytest.raises(sync.OwnerDied), lock:
        pytest.fail("the body must not run")
    with lock:
        assert lock.locked()


def test_a_thread_that_ends_with_the_lock_is_a_dead_owner() -> None:
    lock = sync.Lock()
    support.acquire_in_thread_that_ends(lock)
    with pytest.raises(sync.OwnerDied):
        lock.acquire(timeout=TIMEOUT)
    lock.release()


def test_polling_notices_a_dead_owner(fork: Callable[..., Any]) -> None:
    lock = sync.Lock()
    fork(support.acquire_and_die, lock).join(TIMEOUT)

    def poll() -> bool:
        try:
            return lock.acquire(blocking=False)
        except sync.OwnerDied:
            return True

    assert eventually(poll)


def test_a_killed_waiter_does_not_take_the_wake_up_along(fork: Callable[..., Any]) -> None:
    lock, value = sync.Lock(), sync.Value("q", lock=False)
    for _ in range(10):
        lock.acquire()
        victims = [fork(support.add_many, lock, value, 1) for _ in range(2)]
        survivor = fork(support.add_many, lock, value, 1)
        time.sleep(0.02)
        lock.release()
        for victim in victims:
            os.kill(victim.pid, signal.SIGKILL)
        with contextlib.suppress(sync.OwnerDied):
            assert lock.acquire(timeout=TIMEOUT)
        lock.release()
        survivor.join(TIMEOUT)
        # Told or not, it did not hang.
        assert survivor.exitcode in (0, 1)


def test_a_killed_party_breaks_the_barrier(fork: Callable[..., Any]) -> None:
    barrier, places = sync.Barrier(3), sync.Queue()
    victim = fork(support.pass_barrier, barrier, places)
    assert eventually(lambda: barrier.n_waiting == 1)
    os.kill(victim.pid, signal.SIGKILL)
    with pytest.raises(threading.BrokenBarrierError):
        barrier.wait(TIMEOUT)
    barrier.reset()
    assert not barrier.broken


def test_killed_producers_and_consumers_do_not_harm_the_queue(fork: Callable[..., Any]) -> None:
    """Whole records in each producer's order, whoever is killed, wherever."""
    queue = sync.Queue(max_bytes=20_000)
    last: dict[int, int] = {}
    for _ in range(15):
        victims = [fork(support.put_for_ever, queue) for _ in range(2)]
        consumer = fork(support.get_for_ever, queue)
        for _ in range(30):
            pid, number, text = queue.get(timeout=TIMEOUT)
            assert len(text) == 5000
            assert number > last.get(pid, -1)
            last[pid] = number
        for child in (*victims, consumer):
            os.kill(child.pid, signal.SIGKILL)
        for child in (*victims, consumer):
            child.join(TIMEOUT)
    while True:
        try:
            queue.get(timeout=0.5)
        except sync.Empty:
            break
    queue.put("still works")
    assert queue.get(timeout=TIMEOUT) == "still works"
    assert queue.qsize() == 0


def test_a_deadlock_of_two_processes_is_refused_to_exactly_one(fork: Callable[..., Any]) -> None:
    first, second = sync.Lock(detect=True), sync.Lock(detect=True)
    barrier, answers = sync.Barrier(2), sync.Queue()
    children = [
        fork(support.cross, first, second, barrier, answers),
        fork(support.cross, second, first, barrier, answers),
    ]
    got = dict(answers.get(timeout=TIMEOUT) for _ in children)
    assert got["got"] is True
    assert all(f"process {child.pid}" in got["Deadlock"] for child in children)
    join(*children)


def test_a_deadlock_of_threads_and_a_process_is_refused_to_exactly_one(
    fork: Callable[..., Any],
) -> None:
    first, second, third = (sync.Lock(detect=True) for _ in range(3))
    barrier, answers = sync.Barrier(3), sync.Queue()
    child = fork(support.cross, third, first, barrier, answers)
    threads = [
        threading.Thread(target=support.cross, args=(mine, next_one, barrier, answers), name=name)
        for mine, next_one, name in [(first, second, "one"), (second, third, "two")]
    ]
    for thread in threads:
        thread.start()
    got = dict(answers.get(timeout=TIMEOUT) for _ in range(3))
    assert got["got"] is True
    # The kernel's names, where the child tells: only its own threads have Python's.
    assert got["Deadlock"].count("waits for the lock at") == 3
    assert f"process {child.pid})" in got["Deadlock"]
    assert f"process {os.getpid()})" in got["Deadlock"]
    for thread in threads:
        thread.join(TIMEOUT)
    join(child)


def test_an_address_of_an_ended_process_is_a_clear_error() -> None:
    code = "import pickle; from ungil import sync; print(pickle.dumps(sync.Lock()).hex())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    with pytest.raises(ConnectionError, match="has ended or closed its descriptors"):
        pickle.loads(bytes.fromhex(done.stdout))


def test_an_address_of_a_dropped_object_is_a_clear_error() -> None:
    """The address was made without the object noticing, as an attacker or a bug would."""
    lock = sync.Lock()
    reduced: Any = lock.__reduce__()
    kind, (name, address) = reduced
    wrong = (*address[:-1], address[-1] ^ 1)
    with pytest.raises(ConnectionError, match="no longer exists"):
        kind(name, wrong)
    with pytest.raises(ValueError, match="not the address"):
        kind("Event", address)


def test_a_descriptor_can_be_handed_over() -> None:
    code = """
import pickle, sys
from ungil import sync
sync.attach_arena_fd(int(sys.argv[1]))
import os; os.close(int(sys.argv[1]))
lock = pickle.loads(bytes.fromhex(sys.argv[2]))
try:
    lock.release()
except sync.NotOwner:
    print("attached")
"""
    lock = sync.Lock()
    lock.acquire()
    fd = sync.arena_fd()
    address = pickle.dumps(lock).hex()
    done = subprocess.run(
        [sys.executable, "-c", code, str(fd), address],
        capture_output=True, text=True, check=True, pass_fds=[fd],
    )  # fmt: skip
    assert done.stdout == "attached\n"
    with pytest.raises(ValueError, match=r"not shared memory of ungil\.sync"):
        sync.attach_arena_fd(1)


def test_nothing_is_left_in_the_file_system_and_descriptors_are_closed() -> None:
    code = """
import gc, os
from ungil import sync
before = set(os.listdir("/dev/shm"))
lock = sync.Lock()
count = len(os.listdir("/proc/self/fd"))
for _ in range(300):
    queue, array, locks = sync.Queue(), sync.Array("d", 100_000), [sync.Lock() for _ in range(30)]
    queue.put(array.typecode)
del queue, array, locks
gc.collect()
assert len(os.listdir("/proc/self/fd")) == count, "descriptors leak"
assert set(os.listdir("/dev/shm")) == before
assert not os.get_inheritable(sync.arena_fd())
"""
    subprocess.run([sys.executable, "-c", code], check=True)
