"""joblib on ungil's workers: `joblib.parallel_config(backend="ungil")`.

Import this module once, or call `register()`; then `Parallel`, and whatever is built on it
(scikit-learn for one), runs on `ungil.ProcessPoolExecutor`:

    import ungil.joblib
    with joblib.parallel_config(backend="ungil", n_jobs=4):
        joblib.Parallel()(joblib.delayed(f)(x) for x in items)

Lambdas and closures need cloudpickle. Arguments and results travel in shared memory, so joblib's
own memory mapping of large arrays (`max_nbytes`, `temp_folder`) is not needed and not used.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from queue import Empty
from typing import Any

import joblib
from joblib.parallel import (
    AutoBatchingMixin,
    FallbackToBackend,
    ParallelBackendBase,
    SequentialBackend,
)

from ungil._executors import usable_cores
from ungil._process import ProcessPoolExecutor

__all__ = ["UngilBackend", "register"]


class UngilBackend(AutoBatchingMixin, ParallelBackendBase):  # type: ignore[misc]
    """joblib's parallel backend on a `ungil.ProcessPoolExecutor`.

    Further arguments of `joblib.parallel_config(backend="ungil", ...)` go to the executor:
    `on_crash="retry"`, `start_method="fork"`, `initializer=` ...

    The workers live as long as the `with joblib.parallel_config(...)` or `with Parallel()`
    block, or the one call where there is no such block.
    """

    supports_retrieve_callback = True
    supports_inner_max_num_threads = True
    supports_sharedmem = False
    uses_threads = False

    _executor: ProcessPoolExecutor | None = None

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """The number of workers; as with joblib's own, -1 means all usable cores."""
        if n_jobs == 0:
            raise ValueError("n_jobs == 0 in Parallel has no meaning")
        if n_jobs is None:
            return 1
        if n_jobs < 0:
            return max(usable_cores() + 1 + n_jobs, 1)
        return n_jobs

    def configure(
        self,
        n_jobs: int = 1,
        parallel: Any = None,
        prefer: str | None = None,
        require: str | None = None,
        **options: Any,
    ) -> int:
        """Makes the executor and gives its number of workers."""
        del prefer, require
        n_jobs = self.effective_n_jobs(n_jobs)
        if n_jobs == 1:
            raise FallbackToBackend(SequentialBackend(nesting_level=self.nesting_level))
        self.parallel = parallel
        # What joblib passes to every backend (folders for its memory maps and the like) is in
        # `options`, and says nothing here.
        wanted = dict(self.backend_kwargs)
        environment = self._prepare_worker_env(n_jobs=n_jobs)
        user = (wanted.pop("initializer", None), wanted.pop("initargs", ()))
        self._executor = ProcessPoolExecutor(
            n_jobs, initializer=_set_up, initargs=(environment, *user), **wanted
        )
        return n_jobs

    def submit(
        self, func: Callable[[], Any], callback: Callable[[Future[Any]], object] | None = None
    ) -> Future[Any]:
        """Schedules a batch of calls."""
        if self._executor is None:
            raise RuntimeError("the backend is not configured: use it through joblib.Parallel")
        future = self._executor.submit(func)
        if callback is not None:
            future.add_done_callback(partial(self._tell, self._executor, callback))
        return future

    def _tell(
        self,
        executor: ProcessPoolExecutor,
        callback: Callable[[Future[Any]], object],
        future: Future[Any],
    ) -> None:
        # What an aborted call has left must not be counted as the next call's.
        if executor is self._executor:
            callback(future)

    def retrieve_result_callback(self, future: Future[Any]) -> Any:
        """The results of a batch, for joblib's callback."""
        return future.result()

    def terminate(self) -> None:
        """Ends the workers."""
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)
            self._executor = None
        self.reset_batch_stats()

    def abort_everything(self, ensure_ready: bool = True) -> None:
        """Ends the workers at once; with `ensure_ready` new ones can take the next call."""
        if self._executor is not None:
            executor, self._executor = self._executor, None
            executor.kill_workers()
        self.reset_batch_stats()
        self._forget_batches()
        if ensure_ready:
            self.configure(n_jobs=self.parallel.n_jobs, parallel=self.parallel)

    def _forget_batches(self) -> None:
        # joblib takes tasks out of its iterator some ahead, and after a failed call the next one
        # would begin with those.
        ahead = getattr(self.parallel, "_ready_batches", None)
        if ahead is not None:
            with suppress(Empty):
                while True:
                    ahead.get_nowait()


def _set_up(
    environment: dict[str, str],
    initializer: Callable[..., object] | None,
    initargs: tuple[Any, ...],
) -> object:
    """In a worker: keeps its libraries from starting a thread for each core."""
    import os  # noqa: PLC0415 (in the worker)

    os.environ.update(environment)
    return None if initializer is None else initializer(*initargs)


def register() -> None:
    """Makes "ungil" a name that joblib knows."""
    joblib.register_parallel_backend("ungil", UngilBackend)


register()
