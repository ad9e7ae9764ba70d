"""`DaskExecutor`: our executor interface on a Dask cluster."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib import import_module
from multiprocessing import resource_tracker
from typing import Any

from ungil._executors import check_max_workers, usable_cores
from ungil._kinds.keeper import Keeper
from ungil._kinds.remote import ClusterExecutor, Sent, check_address, require, run, with_cause
from ungil._lifetime import register
from ungil._options import Call, Options, refuse_timeout
from ungil._process import WorkerCrashed


class DaskExecutor(ClusterExecutor):
    """Runs calls on a Dask cluster.

    max_workers: worker processes of one thread each of a cluster on this machine, started and
        ended with this executor; default: the usable cores. Not with an address: that cluster has
        the workers that it has.
    address: the scheduler of a running cluster ("tcp://host:8786").

    A task whose worker dies runs again on another one (at least once, therefore); one that keeps
    killing its workers fails with `ungil.WorkerCrashed`. Functions and arguments are pickled by
    Dask, with cloudpickle. Raises `ImportError`, with the remedy, without `ungil[dask]`.
    """

    def __init__(self, max_workers: int | None = None, *, address: str | None = None) -> None:
        check_address(address, max_workers)
        count = check_max_workers(max_workers, usable_cores())
        distributed = require("distributed", "dask")
        super().__init__()
        self._killed: type[Exception] = distributed.KilledWorker

        def start() -> tuple[Any, Any]:
            cluster = None
            if address is None:
                cluster = distributed.LocalCluster(
                    n_workers=count,
                    threads_per_worker=1,
                    dashboard_address=None,
                    silence_logs=logging.CRITICAL,
                )
            try:
                # Not the process' default client: that is the user's to have.
                where = address if cluster is None else cluster
                return cluster, distributed.Client(where, set_as_default=False)
            except BaseException:
                if cluster is not None:
                    cluster.close()
                raise

        # Now: where it is started, it leaves SIGINT unblocked, which the keeper's thread must not.
        resource_tracker.ensure_running()
        self._keeper = Keeper(start, _close)
        self._client: Any = self._keeper.wait()[1]
        register(self)

    def _check_options(self, options: Options) -> None:
        refuse_timeout(options, "Dask does not stop a task that runs")

    def _send(self, options: Options, call: Call[Any]) -> Sent:
        # Through `run`: `client.submit` has keywords of its own. Impure: each call counts.
        theirs = self._client.submit(run, *call, pure=False, priority=options.priority)
        return theirs, theirs.add_done_callback

    def _dumps(self) -> Callable[[object], bytes]:
        dumps: Callable[[object], bytes] = import_module("cloudpickle").dumps
        return dumps

    def _outcome(self, theirs: Any) -> Any:
        try:
            return theirs.result()
        except self._killed as killed:
            raise _crashed(killed) from killed
        except BaseException as error:
            trace = theirs.traceback() if theirs.status == "error" else error.__traceback__
            with_cause(error, _users(trace))
            raise

    def worker_pids(self) -> list[int]:
        """The process ids of the workers, on whichever machine they are."""
        return [int(pid) for pid in self._client.run(_pid).values()]

    def _cancel(self, theirs: Any) -> None:
        theirs.cancel()

    def _disconnect(self) -> None:
        self._keeper.end()


def _close(kept: tuple[Any, Any]) -> None:
    cluster, client = kept
    client.close()
    if cluster is not None:
        cluster.close()


def _pid() -> int:
    import os  # noqa: PLC0415 (runs in a worker)

    return os.getpid()


def _users(trace: Any) -> Any:
    """A traceback from the user's function on."""
    if trace is not None and trace.tb_frame.f_code.co_name == run.__name__:
        return trace.tb_next
    return trace


def _crashed(killed: Any) -> WorkerCrashed:
    worker = getattr(killed.last_worker, "address", killed.last_worker)
    return WorkerCrashed(
        f"{killed.allowed_failures + 1} Dask workers died while they ran this task, the last one "
        f"at {worker}: it was given up. Look for a lack of memory, or a crash in native code"
    )
