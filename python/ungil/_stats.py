"""What `executor.stats()` gives."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass, field
from typing import Any

from ungil import _ungil


@dataclass(frozen=True)
class TaskCounts:
    """Tasks by their ends.

    finished: ended with a result; failed: with an exception of their own; cancelled; crashed: lost
    with their workers; timed_out: stopped when their time was over. retried counts the runs that
    were begun anew because a worker had died (`on_crash="retry"`).
    """

    submitted: int
    finished: int
    failed: int
    cancelled: int
    crashed: int
    timed_out: int
    retried: int

    @property
    def unfinished(self) -> int:
        """Those that wait or run."""
        ended = self.finished + self.failed + self.cancelled + self.crashed + self.timed_out
        return max(0, self.submitted - ended)


@dataclass(frozen=True)
class Latencies:
    """Quantiles of times, in seconds, within 1.6 % of the true ones; `max` is exact."""

    p50: float
    p95: float
    p99: float
    max: float


@dataclass(frozen=True)
class WorkerStats:
    """One worker; where processes were replaced, all that had its place.

    pid: the process id; of a thread its `threading.get_native_id()`. None before it has one.
    tasks: how many it has run.
    working, waiting: seconds that it spent in tasks, and between them.
    busy: the share of its life that it spent in tasks; None before it was ready.
    start_up: seconds from being asked for until it was ready; None before.
    pss, uss: bytes of its memory now (its share of shared pages counted; private pages only); None
        for threads and for processes that have ended.
    restarts: how often it was replaced.
    """

    pid: int | None
    tasks: int
    working: float
    waiting: float
    busy: float | None
    start_up: float | None
    pss: int | None
    uss: int | None
    restarts: int


@dataclass(frozen=True)
class LongTask:
    """One of the five tasks that ran longest: its function, and for how many seconds."""

    label: str
    seconds: float


@dataclass(frozen=True)
class PoolStats:
    """What a pool has done, at one moment; `print()` shows it as tables.

    tasks: counts by their ends.
    waiting, running, round_trip: from being submitted to the start; in the worker; from being
        submitted until the result was back. Of the tasks that a worker has answered; None as long
        as there are none.
    bytes_sent, bytes_received: of calls and their answers; None for threads, where nothing travels.
    workers: those that have ended, too.
    longest: the five tasks that ran longest, longest first.
    """

    tasks: TaskCounts
    waiting: Latencies | None
    running: Latencies | None
    round_trip: Latencies | None
    bytes_sent: int | None
    bytes_received: int | None
    workers: tuple[WorkerStats, ...]
    longest: tuple[LongTask, ...]
    _figures: _ungil.PoolFigures = field(repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain dictionaries, lists and numbers."""
        return self._figures.to_dict()

    def __str__(self) -> str:
        """Tables, as wide as the terminal, with colour if standard output is one."""
        return self._figures.report(shutil.get_terminal_size((100, 0)).columns, _is_coloured())


def pool_stats(figures: _ungil.PoolFigures) -> PoolStats:
    """The figures as an object."""
    told = figures.to_dict()
    times = {name: told.pop(name) for name in ("waiting", "running", "round_trip")}
    return PoolStats(
        tasks=TaskCounts(**told["tasks"]),
        **{name: quantiles and Latencies(**quantiles) for name, quantiles in times.items()},
        bytes_sent=told["bytes_sent"],
        bytes_received=told["bytes_received"],
        workers=tuple(WorkerStats(**worker) for worker in told["workers"]),
        longest=tuple(LongTask(**task) for task in told["longest"]),
        _figures=figures,
    )


def _is_coloured() -> bool:
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return sys.stdout is not None and sys.stdout.isatty()
