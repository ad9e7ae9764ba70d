"""The measures, each a function of a contender; times in seconds, sizes in bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from poolbench import tasks
from poolbench.contenders import Contender, Pool, contenders

MIB = 1 << 20
# Long enough for every worker to take part in the warm-up, however lazily a pool starts them.
WARM_UP_TASK_SECONDS = 0.01
WARM_UP_TASKS_PER_WORKER = 8
# A fast pool is through with a burst in milliseconds, too short to time one of them.
BURSTS_SECONDS = 0.5
# A worker counts as idle when nothing has come for this long.
IDLE_SECONDS = 0.3
PROBE_TIMEOUT_SECONDS = 120


@dataclass(frozen=True)
class Measure:
    """One column of figures: its name in the JSON, what it says, and which way is better."""

    key: str
    title: str
    unit: str
    scale: float  # from seconds and bytes to the unit
    more_is_better: bool


RATE = Measure("rate", "no-op tasks, submitted one by one and collected", "tasks/s", 1, True)
P50 = Measure("p50", "round trip of one warm no-op task, p50", "us", 1e6, False)
P99 = Measure("p99", "round trip of one warm no-op task, p99", "us", 1e6, False)
ARRAY_64 = Measure("array_64mib", "64 MiB array there and back", "MiB/s", 1 / MIB, True)
ARRAY_1 = Measure("array_1mib", "1 MiB array there and back", "MiB/s", 1 / MIB, True)
BYTES_64 = Measure("bytes_64mib", "64 MiB bytes there and back", "MiB/s", 1 / MIB, True)
START = Measure("start", "4 workers, from nothing to four results", "ms", 1e3, False)
PSS = Measure("pss", "memory of an idle worker, PSS", "MiB", 1 / MIB, False)
USS = Measure("uss", "memory of an idle worker, USS", "MiB", 1 / MIB, False)
MEASURES = (RATE, P50, P99, ARRAY_64, ARRAY_1, BYTES_64, START, PSS, USS)

Figures = dict[str, float]


@contextmanager
def warm(contender: Contender, workers: int) -> Iterator[Pool]:
    """A pool whose workers have all worked already."""
    pool = contender.open(workers)
    try:
        pool.each(tasks.pause, [WARM_UP_TASK_SECONDS] * (workers * WARM_UP_TASKS_PER_WORKER))
        pool.burst(workers * WARM_UP_TASKS_PER_WORKER)
        here = pool.call(os.getpid) == os.getpid()
        if here != (contender.kind == "thread"):
            raise RuntimeError(f"{contender.name} does not run its tasks in a {contender.kind}")
        yield pool
    finally:
        pool.close()


def seconds(action: Callable[..., Any], *arguments: Any) -> float:
    began = time.perf_counter()
    action(*arguments)
    return time.perf_counter() - began


def rate(contender: Contender, workers: int, count: int) -> Figures:
    """Bursts of `count` tasks, again and again until there is enough to time."""
    with warm(contender, workers) as pool:
        bursts = [seconds(pool.burst, count)]
        while sum(bursts) < BURSTS_SECONDS:
            bursts.append(seconds(pool.burst, count))
    return {RATE.key: count * len(bursts) / sum(bursts)}


def latency(contender: Contender, workers: int, count: int) -> Figures:
    with warm(contender, workers) as pool:
        trips = [seconds(pool.call, tasks.nothing) for _ in range(count)]
    percentiles = quantiles(trips, n=100, method="inclusive")
    return {P50.key: percentiles[49], P99.key: percentiles[98]}


def arrays(contender: Contender, workers: int) -> Figures:
    """Bytes of one array, or of one bytes object, per second of a round trip: twice that crosses
    between the processes."""
    if contender.kind == "thread":
        return {}
    import numpy  # noqa: PLC0415  (only in the parent: the workers import it with their first array)

    figures = {}
    with warm(contender, workers) as pool:
        for measure, size, repeats in ((ARRAY_1, MIB, 40), (ARRAY_64, 64 * MIB, 4)):
            array = numpy.arange(size // 8, dtype=numpy.float64)
            back = pool.call(tasks.echo, array)
            if not numpy.array_equal(array, back):
                raise RuntimeError(f"{contender.name} returned another array than it was sent")
            del back
            trips = [seconds(pool.call, tasks.echo, array) for _ in range(repeats)]
            figures[measure.key] = array.nbytes / median(trips)
        del array
        data = os.urandom(MIB) * 64
        if pool.call(tasks.echo, data) != data:
            raise RuntimeError(f"{contender.name} returned other bytes than it was sent")
        trips = [seconds(pool.call, tasks.echo, data) for _ in range(4)]
        figures[BYTES_64.key] = len(data) / median(trips)
    return figures


def copy_rate() -> float:
    """Bytes per second of one 64 MiB copy inside this process; a copy each way is half of it."""
    import numpy  # noqa: PLC0415

    source = numpy.ones(64 * MIB // 8)
    target = numpy.empty_like(source)
    return source.nbytes / min(seconds(numpy.copyto, target, source) for _ in range(7))


def start(contender: Contender) -> Figures:
    """Measured in a new interpreter: the standard library's fork server outlives the first pool."""
    script = Path(__file__).parents[1] / "pools.py"
    command = [sys.executable, str(script), "--probe", contender.name]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=PROBE_TIMEOUT_SECONDS, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"the probe of {contender.name} failed:\n{done.stderr}")
    figures: Figures = json.loads(done.stdout)
    return figures


def probe(name: str) -> Figures:
    """What `start` runs in its new interpreter, with NumPy imported as a user's program has it."""
    import numpy  # noqa: F401, PLC0415

    contender = next(c for c in contenders() if c.name == name)
    began = time.perf_counter()
    pool = contender.open(4)
    pool.burst(4)
    figures = {START.key: time.perf_counter() - began}
    pool.each(tasks.pause, [WARM_UP_TASK_SECONDS] * (4 * WARM_UP_TASKS_PER_WORKER))
    time.sleep(IDLE_SECONDS)
    if pids := pool.pids():
        memory = [proportional_and_unique(pid) for pid in pids]
        figures[PSS.key] = sum(pss for pss, _ in memory) / len(memory)
        figures[USS.key] = sum(uss for _, uss in memory) / len(memory)
    pool.close()
    return figures


def proportional_and_unique(pid: int) -> tuple[int, int]:
    """PSS and USS of a process in bytes, as proc_pid_smaps(5) has them; USS is what is private."""
    fields = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, size, *_ = line.split()
        fields[name] = int(size) * 1024
    return fields["Pss:"], fields["Private_Clean:"] + fields["Private_Dirty:"]
