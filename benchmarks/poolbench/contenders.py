"""The pools that are compared, each behind the same four calls."""

from __future__ import annotations

import concurrent.futures
import importlib
import multiprocessing
import multiprocessing.pool
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, Protocol

from poolbench import tasks

START_METHODS = ("fork", "forkserver", "spawn")
Function = Callable[..., Any]


class Pool(Protocol):
    def burst(self, count: int) -> None:
        """Submit `count` no-op tasks one by one, then collect every result."""

    def each(self, function: Function, arguments: list[Any]) -> None:
        """Run the function on each argument, as separate tasks, and wait."""

    def call(self, function: Function, *arguments: Any) -> Any:
        """One task, there and back."""

    def pids(self) -> list[int]:
        """The worker processes; empty for threads."""

    def close(self) -> None: ...


@dataclass
class ExecutorPool:
    """Everything with the interface of concurrent.futures."""

    executor: Any

    def burst(self, count: int) -> None:
        submit = self.executor.submit
        futures = [submit(tasks.nothing) for _ in range(count)]
        for future in futures:
            future.result()

    def each(self, function: Function, arguments: list[Any]) -> None:
        for future in [self.executor.submit(function, argument) for argument in arguments]:
            future.result()

    def call(self, function: Function, *arguments: Any) -> Any:
        return self.executor.submit(function, *arguments).result()

    def pids(self) -> list[int]:
        if hasattr(self.executor, "worker_pids"):
            return list(self.executor.worker_pids())
        return list(getattr(self.executor, "_processes", None) or {})

    def close(self) -> None:
        self.executor.shutdown(wait=True)


@dataclass
class ApplyPool:
    """multiprocessing.Pool, a task at a time through `apply_async`."""

    pool: multiprocessing.pool.Pool

    def burst(self, count: int) -> None:
        apply_async = self.pool.apply_async
        for result in [apply_async(tasks.nothing) for _ in range(count)]:
            result.get()

    def each(self, function: Function, arguments: list[Any]) -> None:
        for result in [self.pool.apply_async(function, (argument,)) for argument in arguments]:
            result.get()

    def call(self, function: Function, *arguments: Any) -> Any:
        return self.pool.apply(function, arguments)

    def pids(self) -> list[int]:
        return [process.pid for process in self.pool._pool]  # type: ignore[attr-defined]

    def close(self) -> None:
        self.pool.close()
        self.pool.join()


class ImapPool(ApplyPool):
    """multiprocessing.Pool through `imap_unordered` with chunks of one task."""

    def burst(self, count: int) -> None:
        # imap wants a function of one argument; the argument's pickle is two bytes more.
        for _ in self.pool.imap_unordered(tasks.echo, (None for _ in range(count)), chunksize=1):
            pass


@dataclass
class JoblibPool:
    """joblib with its default backend and batches of one task."""

    parallel: Any
    delayed: Callable[[Function], Function]

    def burst(self, count: int) -> None:
        self.parallel(self.delayed(tasks.nothing)() for _ in range(count))

    def each(self, function: Function, arguments: list[Any]) -> None:
        self.parallel(self.delayed(function)(argument) for argument in arguments)

    def call(self, function: Function, *arguments: Any) -> Any:
        return self.parallel([self.delayed(function)(*arguments)])[0]

    def pids(self) -> list[int]:
        return []

    def close(self) -> None:
        self.parallel.__exit__(None, None, None)
        importlib.import_module("joblib.externals.loky").get_reusable_executor().shutdown(wait=True)


@dataclass
class MpirePool:
    pool: Any

    def burst(self, count: int) -> None:
        for _ in self.pool.imap_unordered(tasks.echo, (None for _ in range(count)), chunk_size=1):
            pass

    def each(self, function: Function, arguments: list[Any]) -> None:
        self.pool.map(function, arguments, chunk_size=1)

    def call(self, function: Function, *arguments: Any) -> Any:
        return self.pool.apply(function, arguments)

    def pids(self) -> list[int]:
        return []

    def close(self) -> None:
        self.pool.stop_and_join()


class PebblePool(ExecutorPool):
    def burst(self, count: int) -> None:
        schedule = self.executor.schedule
        for future in [schedule(tasks.nothing) for _ in range(count)]:
            future.result()

    def each(self, function: Function, arguments: list[Any]) -> None:
        for future in [self.executor.schedule(function, [argument]) for argument in arguments]:
            future.result()

    def call(self, function: Function, *arguments: Any) -> Any:
        return self.executor.schedule(function, arguments).result()

    def pids(self) -> list[int]:
        return []

    def close(self) -> None:
        self.executor.close()
        self.executor.join()


@dataclass(frozen=True)
class Contender:
    name: str
    kind: Literal["thread", "process"]
    package: str
    start_method: str | None  # of the contender of ours that it is compared with
    open: Callable[[int], Pool] = field(repr=False)

    def missing(self) -> str | None:
        """Why it cannot take part here; None when it can."""
        try:
            module = importlib.import_module(self.package)
        except ImportError:
            return f"{self.package} is not installed"
        if self.package == "ungil" and not hasattr(module, f"{self.kind.title()}PoolExecutor"):
            return f"this ungil has no {self.kind.title()}PoolExecutor"
        return None


def contenders() -> list[Contender]:
    """All of them, ungil's first."""
    methods = [m for m in START_METHODS if m in multiprocessing.get_all_start_methods()]
    std_futures, std_pool = "concurrent.futures", "multiprocessing"
    found = [Contender("ungil thread", "thread", "ungil", None, ungil_threads)]
    for method in methods:
        opened = partial(ungil_processes, method)
        found.append(Contender(f"ungil {method}", "process", "ungil", method, opened))
    found.append(Contender("futures thread", "thread", std_futures, None, futures_threads))
    for method in methods:
        opened = partial(futures_processes, method)
        found.append(Contender(f"futures {method}", "process", std_futures, method, opened))
    return [
        *found,
        Contender("mp.Pool apply_async", "process", std_pool, "fork", multiprocessing_apply),
        Contender("mp.Pool imap_unordered", "process", std_pool, "fork", multiprocessing_imap),
        # Starts its workers without a fork of the parent, like a fork server.
        Contender("loky", "process", "loky", "forkserver", loky),
        Contender("joblib", "process", "joblib", "forkserver", joblib),
        Contender("mpire", "process", "mpire", "fork", mpire),
        Contender("pebble", "process", "pebble", "fork", pebble),
    ]


def ungil_threads(workers: int) -> Pool:
    return ExecutorPool(importlib.import_module("ungil").ThreadPoolExecutor(workers))


def ungil_processes(start_method: str, workers: int) -> Pool:
    executor = importlib.import_module("ungil").ProcessPoolExecutor
    return ExecutorPool(executor(workers, start_method=start_method))


def futures_threads(workers: int) -> Pool:
    return ExecutorPool(concurrent.futures.ThreadPoolExecutor(workers))


def futures_processes(start_method: str, workers: int) -> Pool:
    context = multiprocessing.get_context(start_method)
    return ExecutorPool(concurrent.futures.ProcessPoolExecutor(workers, mp_context=context))


def multiprocessing_apply(workers: int) -> Pool:
    return ApplyPool(multiprocessing.get_context("fork").Pool(workers))


def multiprocessing_imap(workers: int) -> Pool:
    return ImapPool(multiprocessing.get_context("fork").Pool(workers))


def loky(workers: int) -> Pool:
    return ExecutorPool(importlib.import_module("loky").ProcessPoolExecutor(workers))


def joblib(workers: int) -> Pool:
    module = importlib.import_module("joblib")
    parallel = module.Parallel(n_jobs=workers, batch_size=1, max_nbytes=None)
    return JoblibPool(parallel.__enter__(), module.delayed)


def mpire(workers: int) -> Pool:
    return MpirePool(importlib.import_module("mpire").WorkerPool(n_jobs=workers, keep_alive=True))


def pebble(workers: int) -> Pool:
    return PebblePool(importlib.import_module("pebble").ProcessPool(max_workers=workers))
