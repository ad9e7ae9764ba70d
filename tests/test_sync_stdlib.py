"""CPython's own tests of `threading`'s locks and of `queue.Queue`, run against `ungil.sync`.

Every test of the interpreter's own `test.lock_tests`, and of `test.test_queue` for `Queue`, runs,
except those named in `LEFT_OUT`, each with its reason.
"""

import functools
import queue
import unittest

import pytest
from ungil import sync

lock_tests = pytest.importorskip(
    "test.lock_tests", reason="this Python ships without its test suite"
)

LEFT_OUT = {
    "LockTests.test_different_thread": "releases a lock that it does not own: NotOwner here",
    "LockTests.test_reacquire": "releases a lock that another thread holds: NotOwner here",
    "LockTests.test_at_fork_reinit": "private; a shared lock is the same lock after a fork",
    "EventTests.test_at_fork_reinit": "private; a shared event is the same event after a fork",
    "ConditionTests.test_acquire": "builds a Condition on threading.Lock: TypeError here",
    "QueueTest.test_shrinking_queue": "assigns to maxsize, which other processes could not see",
}


def adopt(base: type, **attributes: object) -> type:
    """A subclass of CPython's test case, without what is left out."""
    skipped = {}
    for klass in base.__mro__:
        for name in vars(klass):
            reason = LEFT_OUT.get(f"{base.__name__}.{name}")
            if reason:
                skipped[name] = unittest.skip(reason)(lambda self: None)
    return type(base.__name__, (base, unittest.TestCase), {**attributes, **skipped})


TestLock = adopt(lock_tests.LockTests, locktype=staticmethod(sync.Lock))
TestRLock = adopt(lock_tests.RLockTests, locktype=staticmethod(sync.RLock))
TestEvent = adopt(lock_tests.EventTests, eventtype=staticmethod(sync.Event))
TestCondition = adopt(lock_tests.ConditionTests, condtype=staticmethod(sync.Condition))
# threading's semaphore has no bound, ours has one unless told otherwise.
TestSemaphore = adopt(
    lock_tests.SemaphoreTests,
    semtype=staticmethod(functools.partial(sync.Semaphore, bound=None)),
)
TestBoundedSemaphore = adopt(
    lock_tests.BoundedSemaphoreTests, semtype=staticmethod(sync.BoundedSemaphore)
)
TestBarrier = adopt(lock_tests.BarrierTests, barriertype=staticmethod(sync.Barrier))


class Queues:
    """What test_queue expects of the module under test."""

    Queue = sync.Queue
    Full = queue.Full
    Empty = queue.Empty
    ShutDown = sync.ShutDown


test_queue = pytest.importorskip("test.test_queue")
TestQueue = adopt(test_queue.QueueTest, queue=Queues)


@pytest.mark.parametrize("left_out", LEFT_OUT)
def test_every_exclusion_is_of_a_test_that_exists(left_out: str) -> None:
    klass, name = left_out.split(".")
    assert hasattr(getattr(lock_tests, klass, None) or getattr(test_queue, klass), name)
