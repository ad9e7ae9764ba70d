"""What it costs to trace the GIL, and what its peers read, side by side.

    pip install --group bench-gil
    python benchmarks/gil.py [--rounds 9] [--json]
    python -m gil_load benchmarks/gil.py [...]         with gil_load, which wants to be preloaded

gil_load 0.4.2 hangs in its own `stop` now and then: then run it again, or without.

Each round runs every workload untraced, traced and, where they are installed, under gilknocker,
gil_load, `py-spy record --gil` and `ungil trace --pid` by sampling, in turn, so that a disturbance
of the machine hits all of them; a ratio is taken within a round. Printed: medians, with the least
and the greatest of the rounds.

    release    one thread that drops and takes the GIL in a loop: the cost of one pair
    contended  two threads that do so at once: switches with waits
    paced      one thread, 100,000 pairs a second with Python code between them: the share of the
               time that tracing them takes
    io         four threads that sleep for 100 us at a time
    numpy      two threads that multiply matrices
    cpu        two threads that compute

Last, what each of them reads on a program whose threads know how long they hold the GIL.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import timeit
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import ungil

# A C function that does nothing, called without the GIL.
NOTHING = ctypes.CDLL(None).abs
NOTHING.argtypes, NOTHING.restype = [ctypes.c_int], ctypes.c_int
PAIRS = 200_000


def release() -> int:
    for _ in range(PAIRS):
        NOTHING(0)
    return PAIRS


def contended() -> int:
    each = PAIRS // 10
    in_threads(2, lambda: [NOTHING(0) for _ in range(each)])
    return 2 * each


def paced() -> int:
    """As much Python code after each pair as takes about 10 us."""
    each = PAIRS // 20
    for _ in range(each):
        NOTHING(0)
        sum(AMOUNT)
    return each


def calibrated() -> range:
    """What `sum` takes 10 us for, on this machine."""
    best = min(timeit.repeat(lambda: sum(range(1000)), number=100, repeat=9)) / 100
    return range(max(10, int(1000 * 10e-6 / best)))


AMOUNT = calibrated()


def with_numpy() -> int:
    numpy = import_module("numpy")
    matrix = numpy.ones((96, 96))
    in_threads(2, lambda: [matrix @ matrix for _ in range(300)])
    return 600


def io() -> int:
    in_threads(4, sleepy)
    return 4 * 500


def sleepy() -> None:
    for _ in range(500):
        time.sleep(100e-6)


def cpu() -> int:
    in_threads(2, lambda: sum(number * number for number in range(600_000)))
    return 1


WORKLOADS: dict[str, Callable[[], int]] = {
    "release": release,
    "contended": contended,
    "paced": paced,
    "io": io,
    **({"numpy": with_numpy} if find_spec("numpy") else {}),
    "cpu": cpu,
}


def in_threads(count: int, work: Callable[[], object]) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def untraced() -> contextlib.AbstractContextManager[object]:
    return contextlib.nullcontext()


@contextlib.contextmanager
def gilknocker() -> Iterator[None]:
    knocker = import_module("gilknocker").KnockKnock(polling_interval_micros=1000)
    knocker.start()
    yield
    knocker.stop()


@contextlib.contextmanager
def gil_load() -> Iterator[None]:
    load = import_module("gil_load")
    load.start(av_sample_interval=0.005)
    yield
    load.stop()


@contextlib.contextmanager
def from_outside() -> Iterator[None]:
    command = [sys.executable, "-m", "ungil", "trace", "--sample", "--pid", str(os.getpid())]
    looker = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert looker.stderr is not None
    looker.stderr.readline()  # it has begun
    try:
        yield
    finally:
        looker.terminate()
        looker.communicate()


@contextlib.contextmanager
def py_spy() -> Iterator[None]:
    program = shutil.which("py-spy")
    assert program is not None
    command = [program, "record", "--gil", "--rate", "1000", "--format", "raw", "--output"]
    spy = subprocess.Popen(
        [*command, "/dev/null", "--pid", str(os.getpid())],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(0.5)  # until it has found its way around
    try:
        yield
    finally:
        spy.terminate()
        spy.wait()


def contestants() -> dict[str, Callable[[], contextlib.AbstractContextManager[object]]]:
    found: dict[str, Any] = {"untraced": untraced, "ungil.trace": ungil.trace}
    with contextlib.suppress(ImportError):
        import_module("gilknocker")
        found["gilknocker, 1 ms"] = gilknocker
    if prepared_for_gil_load():
        found["gil_load, 5 ms"] = gil_load
    found["ungil --pid, sampled, 1 kHz"] = from_outside
    if shutil.which("py-spy"):
        found["py-spy --gil, 1 kHz"] = py_spy
    return found


def prepared_for_gil_load() -> bool:
    """Whether it is there; it wants to be told before the first thread starts."""
    try:
        import_module("gil_load").init()
    except (ImportError, RuntimeError) as reason:
        print(f"without gil_load: {str(reason).splitlines()[0]}", file=sys.stderr)
        return False
    return True


def measure(workload: Callable[[], int], observed: Any) -> float:
    """Seconds per operation."""
    with observed():
        start = time.perf_counter()
        operations = workload()
        return (time.perf_counter() - start) / operations


HOLDING = ctypes.PyDLL(None).usleep  # called with the GIL
RESTING = ctypes.CDLL(None).usleep  # called without


def known_holds(seconds: float) -> float:
    """Three threads that hold the GIL for 7, 3 and 1 ms at a time; the share that they held it."""
    held: list[float] = []
    end = time.perf_counter() + seconds

    def work(hold_us: int, rest_us: int) -> None:
        mine = 0.0
        while (start := time.perf_counter()) < end:
            HOLDING(hold_us)
            mine += time.perf_counter() - start
            RESTING(rest_us)
        held.append(mine)

    before = sys.getswitchinterval()
    sys.setswitchinterval(10)  # they drop it where they say, and nowhere else
    plans = [(7000, 20_000), (3000, 20_000), (1000, 9000)]
    threads = [threading.Thread(target=work, args=plan) for plan in plans]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.setswitchinterval(before)
    return sum(held) / (time.perf_counter() - start)


def readings(seconds: float = 3) -> dict[str, tuple[float, float]]:
    """What each tool reads for the share, and the truth in that very run."""
    found = {}
    with ungil.trace() as trace:
        truth = known_holds(seconds)
    found["ungil.trace"] = (trace.to_dict()["held_share"], truth)
    with contextlib.suppress(ImportError):
        knocker = import_module("gilknocker").KnockKnock(polling_interval_micros=1000)
        knocker.start()
        truth = known_holds(seconds)
        found["gilknocker, 1 ms"] = (knocker.contention_metric, truth)
        knocker.stop()
    if "gil_load" in os.environ.get("LD_PRELOAD", ""):
        load = import_module("gil_load")
        load.start(av_sample_interval=0.005)
        truth = known_holds(seconds)
        load.stop()
        found["gil_load, 5 ms"] = (load.get()[0]["held"], truth)
    with tempfile.NamedTemporaryFile() as file:
        command = [sys.executable, "-m", "ungil", "trace", "--sample", "--quiet"]
        where = [f"--json={file.name}", "--duration", str(seconds), "--pid", str(os.getpid())]
        looker = subprocess.Popen([*command, *where])
        truth = known_holds(seconds + 0.5)
        looker.wait()
        found["ungil --pid, sampled, 1 kHz"] = (json.load(file)["held_share"], truth)
    if program := shutil.which("py-spy"):
        rate = 1000
        with tempfile.NamedTemporaryFile() as file:
            command = [program, "record", "--gil", "--rate", str(rate), "--format", "raw"]
            where = ["--output", file.name, "--pid", str(os.getpid()), "--duration"]
            spy = subprocess.Popen(
                [*command, *where, str(int(seconds))],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            truth = known_holds(seconds + 1)
            spy.wait()
            samples = sum(int(line.rsplit(maxsplit=1)[1]) for line in open(file.name))  # noqa: SIM115
        found["py-spy --gil, 1 kHz"] = (samples / (rate * seconds), truth)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    by_name = contestants()
    times: dict[str, dict[str, list[float]]] = {
        work: {name: [] for name in by_name} for work in WORKLOADS
    }
    for _ in range(options.rounds):
        for work, run in WORKLOADS.items():
            for name, observed in by_name.items():
                times[work][name].append(measure(run, observed))
    read = readings()
    if options.json:
        print(json.dumps({"python": sys.version, "seconds": times, "readings": read}, indent=2))
        return
    print(f"Python {sys.version.split()[0]}; per operation, over {options.rounds} rounds")
    for work, row in times.items():
        base = row["untraced"]
        print(f"\n{work}: {statistics.median(base) * 1e9:,.0f} ns untraced")
        for name, seconds in row.items():
            if name == "untraced":
                continue
            more = sorted((s - b) * 1e9 for s, b in zip(seconds, base, strict=True))
            ratio = statistics.median(s / b for s, b in zip(seconds, base, strict=True))
            print(
                f"  {name:<28} {ratio:6.3f} x   {statistics.median(more):+9,.0f} ns "
                f"({more[0]:+,.0f} .. {more[-1]:+,.0f})"
            )
    print("\nshare of the time that the GIL was held, read and in truth")
    for name, (share, truth) in read.items():
        print(f"  {name:<28} {share:6.1%}  {truth:6.1%}")


if __name__ == "__main__":
    main()
