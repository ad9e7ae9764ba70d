"""`ungil.map`: the kind of worker picked by a short measurement, results in order."""

from __future__ import annotations

import logging
import pickle
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from itertools import chain, islice
from typing import Any, Generic, TypeVar

from ungil import _kinds
from ungil._choice import Choice, choose
from ungil._executors import check_max_workers, usable_cores
from ungil._mapping import bounded
from ungil._probe import Measured, probe
from ungil._progress import Progress, show

T = TypeVar("T")
R = TypeVar("R")

_log = logging.getLogger("ungil")

# Tasks submitted ahead of the one asked for, per worker: enough that none waits for the consumer.
_AHEAD = 4
# A task of this many seconds hides what it costs to hand it over.
_WORTH_HANDING_OVER = 1e-3
_MAX_CHUNK = 1000


def map(
    f: Callable[[T], R],
    items: Iterable[T],
    kind: str = "auto",
    workers: int | None = None,
    *,
    chunksize: int | None = None,
    progress: bool | str = False,
    **options: Any,
) -> MapResults[R]:
    """Like the built-in `map(f, items)`, by the workers that suit `f`; results in order.

    kind: "auto" runs the first items here, briefly (for about 0.1 seconds, one item at least),
        and picks serial, thread or process from what it measures; or a kind of `ungil.executor`.
    workers: how many; default: for threads the usable cores + 4, at most 32; else the cores.
    chunksize: items that travel to a worker process together; default: for "auto" as many as
        take a millisecond, else 1.
    progress: True, or a label: shows a bar of the items whose calls have ended, on stderr if that
        is a terminal, or in a notebook (with tqdm).
    options: go to `ungil.executor`.

    The result is an iterator, with the choice and its reason in `kind`, `workers` and `reason`;
    they are also logged (logger "ungil", level INFO). Items are taken only a few ahead of the
    results asked for, so endless iterators are welcome. The first exception ends it, as it ends
    `Executor.map`; so do `close()`, the end of a `with` block, and Ctrl-C.
    """
    _kinds.check_kind(kind, "auto", *_kinds.KINDS)
    check_max_workers(workers, 1)
    if chunksize is not None and chunksize < 1:
        raise ValueError(f"chunksize must be at least 1, not {chunksize}")
    bar = show(progress, _length(items))
    remaining = iter(items)
    if kind != "auto":
        choice = Choice(kind, workers or _default_workers(kind), "as was asked for")
        executor = _kinds.executor(kind, workers, **options)
        if kind == "serial":
            rest = _counted(executor.map(f, remaining), bar)
        else:
            rest = _Ahead(executor, f, remaining, choice.workers, chunksize or 1, bar=bar).results()
        return MapResults([], rest, choice, None)
    done, measured = probe(f, remaining, _length(items), workers or usable_cores())
    if bar is not None:
        bar.advance(len(done))
    choice = choose(measured)
    if choice.kind == "thread":
        choice = choice._replace(workers=workers or _default_workers("thread"))
    _log.info("map: %s", choice)
    if measured.remaining == 0 or any(future.exception() is not None for future in done):
        rest = _counted(iter(()), bar)
    elif choice.kind == "serial":
        rest = _counted((f(item) for item in remaining), bar)
    else:
        executor = _kinds.executor(choice.kind, choice.workers, **options)
        chunk = chunksize or (_chunk(measured) if choice.kind == "process" else 1)
        rest = _Ahead(executor, f, remaining, choice.workers, chunk, bar=bar).results()
    return MapResults(done, rest, choice, measured)


def _length(items: object) -> int | None:
    try:
        return len(items)  # type: ignore[arg-type]
    except TypeError:
        return None


def _counted(results: Iterator[R], bar: Progress | None) -> Iterator[R]:
    """The results as they are, each counted."""
    if bar is None:
        return results

    def counted() -> Iterator[R]:
        try:
            for result in results:
                bar.advance()
                yield result
        finally:
            bar.close()

    return counted()


def _default_workers(kind: str) -> int:
    if kind == "serial":
        return 1
    return min(32, usable_cores() + 4) if kind == "thread" else usable_cores()


def _chunk(measured: Measured) -> int:
    """Items per task so that a task is worth handing over and all workers have some."""
    size = min(_MAX_CHUNK, int(_WORTH_HANDING_OVER / max(measured.seconds, 1e-9)) + 1)
    if measured.remaining is not None:
        size = min(size, measured.remaining // (_AHEAD * measured.workers))
    return max(1, size)


class MapResults(Iterator[R], Generic[R]):
    """The results of `ungil.map`, in order, as they come.

    kind, workers: who does the work (workers is 1 for "serial").
    reason: why, in a sentence.
    measured: what was measured of the first items (`ungil._probe.Measured`); None if the kind
        was given.
    """

    def __init__(
        self,
        done: list[Future[R]],
        rest: Iterator[R],
        choice: Choice,
        measured: Measured | None,
    ) -> None:
        self.kind = choice.kind
        self.workers = choice.workers
        self.reason = choice.reason
        self.measured = measured
        self._rest = rest
        self._results = chain((future.result() for future in done), rest)

    def __iter__(self) -> MapResults[R]:
        return self

    def __next__(self) -> R:
        return next(self._results)

    def close(self) -> None:
        """Ends the work: waiting tasks are dropped; there are no more results."""
        self._results = chain()
        if hasattr(self._rest, "close"):
            self._rest.close()

    def __enter__(self) -> MapResults[R]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<ungil.map: {Choice(self.kind, self.workers, self.reason)}>"


class _Ahead(Generic[R]):
    """Tasks submitted a bounded way ahead of the results taken."""

    def __init__(
        self,
        executor: Executor,
        f: Callable[[Any], R],
        items: Iterator[Any],
        workers: int,
        chunksize: int,
        *,
        bar: Progress | None,
    ) -> None:
        self._executor = executor
        self._bar = bar
        self._call: Callable[[Any], Any] = f if chunksize == 1 else _Chunk(f)
        self._items = items
        self._items_error: Exception | None = None
        self._window = bounded(_AHEAD * workers, getattr(executor, "_max_pending", None)) or 1
        self._chunksize = chunksize
        self._waiting: deque[Future[Any]] = deque()
        try:
            self._submit()
        except BaseException:
            self._drop()
            raise

    def _submit(self) -> None:
        while len(self._waiting) < self._window and (chunk := self._next_chunk()):
            argument = chunk if self._chunksize > 1 else chunk[0]
            self._waiting.append(self._executor.submit(self._call, argument))
            if self._bar is not None:
                self._bar.watch(self._waiting[-1], len(chunk))

    def _next_chunk(self) -> list[Any]:
        chunk: list[Any] = []
        if self._items_error is None:
            try:
                # Not list(): what came before an exception of the iterator counts.
                chunk.extend(islice(self._items, self._chunksize))
            except Exception as error:
                self._items_error = error
        return chunk

    def results(self) -> Iterator[R]:
        try:
            while self._waiting:
                # Popped before it is waited for: nothing here keeps a result alive.
                result = self._waiting.popleft().result()
                self._submit()
                if self._chunksize > 1:
                    yield from result.values()
                    del result
                else:
                    yield result
                    del result
            if self._items_error is not None:
                raise self._items_error
        except BaseException as error:
            self._drop(now=isinstance(error, KeyboardInterrupt))
            raise
        if self._bar is not None:
            self._bar.all_ended()
            self._bar.close()
        self._executor.shutdown(wait=True)

    def __del__(self) -> None:
        # Results of which none was ever asked for.
        if self._waiting:
            self._drop()

    def _drop(self, now: bool = False) -> None:
        if self._bar is not None:
            self._bar.close()
        for future in self._waiting:
            future.cancel()
        self._waiting.clear()
        if now and hasattr(self._executor, "_interrupt"):
            self._executor._interrupt()
        else:
            self._executor.shutdown(wait=False, cancel_futures=True)


class _Chunk(Generic[R]):
    """Calls a function for each item of a chunk, in a worker."""

    def __init__(self, f: Callable[[Any], R]) -> None:
        self._f = f
        self.__module__ = getattr(f, "__module__", __name__)
        self.__qualname__ = getattr(f, "__qualname__", type(f).__name__)

    def __call__(self, items: list[Any]) -> _ChunkResults[R]:
        done: list[R] = []
        for item in items:
            try:
                done.append(self._f(item))
            except Exception as error:
                if not done:
                    raise
                return _ChunkResults(done, *_packed(error))
        return _ChunkResults(done)


def _packed(error: Exception) -> tuple[bytes, str]:
    """An exception and its traceback, to be raised after the results that came before it."""
    import traceback  # noqa: PLC0415 (only on the way to failure)

    error = error.with_traceback(error.__traceback__ and error.__traceback__.tb_next)
    shown = "".join(traceback.format_exception(error))
    try:
        pickled = pickle.dumps(error)
        pickle.loads(pickled)
    except Exception:
        pickled = b""
    return pickled, shown


class _ChunkResults(Generic[R]):
    """A chunk's results, up to the exception that ended it, if one did."""

    def __init__(self, done: list[R], pickled: bytes = b"", traceback: str = "") -> None:
        self._done = done
        self._pickled = pickled
        self._traceback = traceback

    def values(self) -> Iterator[R]:
        from ungil._process import RemoteError, RemoteTraceback  # noqa: PLC0415 (parent only)

        yield from self._done
        if self._traceback:
            last = self._traceback.strip().rpartition("\n")[2]
            error: BaseException = RemoteError(f"a task raised {last} (it does not pickle)")
            if self._pickled:
                error = pickle.loads(self._pickled)
            raise error from RemoteTraceback(self._traceback)
