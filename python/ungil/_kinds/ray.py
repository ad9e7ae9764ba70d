"""`RayExecutor`: our executor interface on Ray."""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections.abc import Callable
from typing import Any

from ungil._executors import check_max_workers, usable_cores
from ungil._kinds.keeper import Keeper
from ungil._kinds.remote import ClusterExecutor, Sent, check_address, require, run, with_cause
from ungil._lifetime import register
from ungil._options import Call, Options, refuse_timeout
from ungil._process import WorkerCrashed

_COLOUR = re.compile("\x1b\\[[0-9;]*m")
# Tasks that ask for pids stay so long, in seconds, and are sent so often at most.
_STAY = 0.02
_ROUNDS = 10
# Ray has one session per process: whoever started it for an executor ends it with the last one.
_session = threading.Lock()
_users = 0
_ours: Keeper[None] | None = None


class RayExecutor(ClusterExecutor):
    """Runs calls on Ray.

    max_workers: cores of a Ray on this machine, started and ended with this executor; default:
        the usable cores. Not with an address, nor where this process is connected to Ray already.
    address: a running Ray ("auto", or as `ray.init` takes it).

    A task whose worker dies runs again (at least once, therefore), three times at most; then it
    fails with `ungil.WorkerCrashed`. Raises `ImportError`, with the remedy, without `ungil[ray]`.
    """

    def __init__(self, max_workers: int | None = None, *, address: str | None = None) -> None:
        check_address(address, max_workers)
        count = check_max_workers(max_workers, usable_cores())
        self._count = count
        self._ray = require("ray", "ray")
        super().__init__()
        self._connect(count, address)
        self._remote: Any = self._ray.remote(run)
        register(self)

    def _connect(self, count: int, address: str | None) -> None:
        global _users, _ours

        def start() -> None:
            how = {"address": address} if address else {"num_cpus": count, "address": "local"}
            self._ray.init(
                **how,
                include_dashboard=None if address else False,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )

        with _session:
            if not self._ray.is_initialized():
                keeper = Keeper(start, lambda _: self._ray.shutdown())
                keeper.wait()
                _ours = keeper
            _users += 1

    def _check_options(self, options: Options) -> None:
        refuse_timeout(options, "when a task starts on a cluster is not known here")
        if options.priority != 0:
            raise ValueError(f"priority={options.priority}: Ray has no priorities of tasks")

    def _send(self, options: Options, call: Call[Any]) -> Sent:
        del options  # those that are not the default were refused
        theirs = self._remote.remote(*call)
        return theirs, theirs.future().add_done_callback

    def _dumps(self) -> Callable[[object], bytes]:
        dumps: Callable[[object], bytes] = self._ray.cloudpickle.dumps
        return dumps

    def _outcome(self, theirs: Any) -> Any:
        errors = self._ray.exceptions
        error = theirs.exception()
        if error is None:
            return theirs.result()
        if isinstance(error, errors.RayTaskError):
            raise with_cause(error.cause, _COLOUR.sub("", str(error)))
        if isinstance(error, (errors.WorkerCrashedError, errors.NodeDiedError)):
            raise WorkerCrashed(
                "a Ray worker died while it ran this task, and so did those that ran it again: "
                "look for a lack of memory, or a crash in native code"
            ) from error
        raise error

    def worker_pids(self) -> list[int]:
        """The process ids of the workers that have a task now or had one lately.

        Ray tells them only through its dashboard: tasks tell them, which overlap for a moment.
        """
        found: set[int] = set()
        pid = self._ray.remote(_pid)
        for _ in range(_ROUNDS):
            found.update(self._ray.get([pid.remote(_STAY) for _ in range(self._count)]))
            if len(found) >= self._count:
                break
        return sorted(found)

    def _cancel(self, theirs: Any) -> None:
        self._ray.cancel(theirs, force=True)

    def _disconnect(self) -> None:
        global _users, _ours
        with _session:
            _users -= 1
            if _ours is not None and _users == 0:
                _ours.end()
                _ours = None


def _pid(stay: float) -> int:
    time.sleep(stay)
    return os.getpid()
