"""What the first items of a map cost: measured here, in the calling thread, within a moment."""

from __future__ import annotations

import pickle
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from importlib import import_module
from statistics import median
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")
R = TypeVar("R")

# Measuring ends with the item during which this much time, in seconds, has gone by ...
BUDGET = 0.1
# ... or after so many items.
MOST_ITEMS = 1000
# Of these, so many are pickled.
_SAMPLE = 100


class Measured(NamedTuple):
    """What was measured; times in seconds, per item (medians; the first item warms up)."""

    items: int
    """Items done while measuring."""
    remaining: int | None
    """Items left; None where it cannot be known."""
    seconds: float
    """Wall time."""
    cpu: float
    """Share of the time that the calling thread was computing, 0 to 1; time in which it was ready
    and the machine had no core for it does not count."""
    threads: float
    """Cores that the whole process kept busy meanwhile."""
    gil: float | None
    """Share of looks that found the GIL taken, 0 to 1; None if there were too few looks."""
    has_gil: bool
    """Whether this Python has a GIL that is switched on."""
    unpicklable: str
    """Why the function, an item or a result does not pickle; empty if they do."""
    pickled: int
    """Bytes of an item and its result, pickled."""
    pickling: float
    """Time to pickle and unpickle an item and its result."""
    workers: int
    """Workers that there would be."""


def probe(
    f: Callable[[T], R], items: Iterator[T], length: int | None, workers: int
) -> tuple[list[Future[R]], Measured]:
    """Runs the first items; gives their outcomes, in order, and what was measured.

    An exception is the last outcome. Ctrl-C comes out of here.
    """
    done: list[Future[R]] = []
    taken: list[T] = []
    walls: list[float] = []
    exhausted = True
    with _GilWatch() as watch:
        start = warm = _Clocks()
        while len(taken) < MOST_ITEMS:
            future: Future[R] = Future()
            try:
                item = next(items)
            except StopIteration:
                break
            except Exception as error:
                future.set_exception(error)
                done.append(future)
                break
            taken.append(item)
            done.append(future)
            wall = time.perf_counter()
            try:
                future.set_result(f(item))
            except Exception as error:
                # Without this frame.
                future.set_exception(
                    error.with_traceback(error.__traceback__ and error.__traceback__.tb_next)
                )
                break
            now = time.perf_counter()
            walls.append(now - wall)
            if now - start.wall >= BUDGET:
                exhausted = False
                break
            if len(taken) == 1:
                warm = _Clocks()
        else:
            exhausted = False
        cpu, threads = _Clocks().shares_since(warm)
    remaining = 0 if exhausted else None
    if length is not None:
        remaining = max(0, length - len(taken))
    pickled = _pickle(f, taken, done)
    return done, Measured(
        items=len(taken),
        remaining=remaining,
        seconds=_typical(walls),
        cpu=cpu,
        threads=threads,
        gil=watch.share(),
        has_gil=bool(getattr(sys, "_is_gil_enabled", lambda: True)()),
        unpicklable=pickled.refusal,
        pickled=pickled.size,
        pickling=pickled.seconds,
        workers=workers,
    )


class _Clocks:
    """The clocks of the calling thread and of the process, at one moment; in seconds."""

    def __init__(self) -> None:
        self.wall = time.perf_counter()
        self._cpu = time.thread_time()
        self._process = time.process_time()
        self._queued = _queued()

    def shares_since(self, start: _Clocks) -> tuple[float, float]:
        """How busy this thread was, 0 to 1, and how many cores the process kept busy."""
        wall = self.wall - start.wall
        ran = wall - (self._queued - start._queued)
        cpu = (self._cpu - start._cpu) / ran if ran > 0 else 1.0
        return min(1.0, cpu), (self._process - start._process) / max(wall, 1e-9)


def _queued() -> float:
    """Seconds that the calling thread has been ready to run and had no core; 0 if unknown."""
    try:
        with open("/proc/thread-self/schedstat", "rb") as file:
            return int(file.read().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0


def _typical(times: list[float]) -> float:
    """The median, without the first: it pays for imports and cold caches."""
    return median(times[1:] or times or [0.0])


class _Pickled(NamedTuple):
    refusal: str
    size: int
    seconds: float


def _pickle(f: Callable[[T], R], items: list[T], done: list[Future[R]]) -> _Pickled:
    """Pickles the function, then items and results together, as a chunk of them would travel."""
    results = [future.result() for future in done[:_SAMPLE] if future.exception() is None]
    items = items[:_SAMPLE]
    refusal, _, _ = _round_trip("the function", f)
    size, seconds = 0, 0.0
    for what, parts in (("an item", items), ("a result", results)):
        if parts and not refusal:
            refusal, more, needed = _round_trip(what, parts)
            size += more // len(parts)
            seconds += needed / len(parts)
    return _Pickled(refusal, size, seconds)


def _round_trip(what: str, value: object) -> _Pickled:
    buffers: list[pickle.PickleBuffer] = []
    start = time.perf_counter()
    try:
        # As for a worker process: large buffers stay outside (PEP 574).
        stream = _dumps(value, buffers.append)
        pickle.loads(stream, buffers=buffers)
    except Exception as error:
        return _Pickled(f"{what} does not pickle ({error})", 0, 0.0)
    seconds = time.perf_counter() - start
    return _Pickled("", len(stream) + sum(buffer.raw().nbytes for buffer in buffers), seconds)


def _dumps(value: object, aside: Callable[[pickle.PickleBuffer], object]) -> bytes:
    try:
        return pickle.dumps(value, protocol=5, buffer_callback=aside)
    except (pickle.PicklingError, AttributeError, TypeError):
        try:
            cloudpickle: Any = import_module("cloudpickle")
        except ImportError:
            cloudpickle = None
        if cloudpickle is None:
            raise
        pickled: bytes = cloudpickle.dumps(value, protocol=5, buffer_callback=aside)
        return pickled


class _GilWatch:
    """Looks whether the GIL is free, every few milliseconds: a thread that wakes up late.

    A thread that wants the GIL from one that computes under it gets it after the switch interval
    (5 ms by default), and from one that has let go of it at once. This cannot tell who holds it,
    and is not exact; it is meant to tell a NumPy product from a Python loop.
    """

    _PAUSE = 2e-3
    _ENOUGH = 5

    def __init__(self) -> None:
        self._looks: list[bool] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, name="ungil-probe", daemon=True)

    def __enter__(self) -> _GilWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        late = sys.getswitchinterval() / 2
        while not self._stop.is_set():
            start = time.perf_counter()
            time.sleep(self._PAUSE)
            self._looks.append(time.perf_counter() - start - self._PAUSE >= late)

    def share(self) -> float | None:
        looks = self._looks[:-1]  # the last one saw us stop
        return sum(looks) / len(looks) if len(looks) >= self._ENOUGH else None
