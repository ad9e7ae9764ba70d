"""Schedules per second, and how many it takes, of `ungil.race` beside frontrun and interleave-test.

    python benchmarks/race.py [--rounds 3] [--seconds 3] [--append FILE]

Threads add to a counter under a lock. Each tool runs in a process of its own, in turn, with the
same model. A tool that is not installed is left out, and told. Needs Python 3.12 or newer:
interleave-test does. Install the peers with `pip install frontrun interleave-test`; frontrun
starts programs itself.

    all schedules   of the model, until the tool says that there are no more: how many it ran. Two
                    threads have 2 orders of one critical section each, three 6, four 24; two
                    threads with three each 20.
    schedules/s     over the time of whole calls, each of which runs all schedules of two threads,
                    or (interleave-test, and `ungil.race` once more like it) 500 at random
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from typing import Any

TOOLS = ("ungil", "ungil, at random", "frontrun", "interleave_test")
SAMPLES = 500
PROVING = ("ungil", "frontrun")
# Threads, and how often each takes the lock.
MODELS = ((2, 1), (3, 1), (4, 1), (2, 3))


class Counter:
    def __init__(self, times: int) -> None:
        self.value = 0
        self.times = times
        self.lock = threading.Lock()

    def add(self) -> None:
        for _ in range(self.times):
            with self.lock:
                self.value += 1


def model(threads: int, times: int) -> Callable[[], None]:
    def run() -> None:
        counter = Counter(times)
        running = [threading.Thread(target=counter.add) for _ in range(threads)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
        assert counter.value == threads * times

    return run


def with_ungil(threads: int, times: int) -> int:
    import ungil  # noqa: PLC0415 (a peer's process does without)

    result = ungil.race.explore(model(threads, times))
    assert result.ok
    assert result.proved
    return result.schedules


def with_ungil_at_random(threads: int, times: int) -> int:
    import ungil  # noqa: PLC0415

    strategy = ungil.race.random()
    result = ungil.race.explore(model(threads, times), strategy=strategy, max_schedules=SAMPLES)
    assert result.ok
    return result.schedules


def with_frontrun(threads: int, times: int) -> int:
    result = import_module("frontrun").explore(
        setup=lambda: Counter(times),
        workers=Counter.add,
        count=threads,
        invariant=lambda counter: counter.value == threads * times,
    )
    assert result.property_holds
    return int(result.num_explored)


def with_interleave_test(threads: int, times: int) -> int:
    result = import_module("interleave_test").explore(
        model(threads, times), iterations=SAMPLES, seed=1
    )
    assert result.ok
    return SAMPLES


EXPLORE = dict(
    zip(TOOLS, (with_ungil, with_ungil_at_random, with_frontrun, with_interleave_test), strict=True)
)


def measure(tool: str, seconds: float) -> dict[str, Any]:
    """In the tool's own process: how many schedules each model takes; how fast two threads go."""
    explore = EXPLORE[tool]
    counts = [explore(*shape) for shape in MODELS]
    begun = time.perf_counter()
    schedules = 0
    while time.perf_counter() - begun < seconds:
        schedules += explore(2, 1)
    return {"counts": counts, "rate": schedules / (time.perf_counter() - begun)}


def in_its_own_process(tool: str, seconds: float) -> dict[str, Any]:
    command = [sys.executable, __file__, "--tool", tool, "--seconds", str(seconds)]
    if tool == "frontrun":
        command = [os.path.join(os.path.dirname(sys.executable), "frontrun"), *command]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{tool} failed:\n{done.stdout}{done.stderr}")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def table(measured: dict[str, list[dict[str, Any]]]) -> str:
    lines = [
        "| | schedules/s | least - greatest | ungil is faster by "
        "| 2 threads | 3 | 4 | 2, thrice each |",
        "|---|---:|---:|---|---:|---:|---:|---:|",
    ]
    for tool, rounds in measured.items():
        rates = [round["rate"] for round in rounds]
        like = "ungil" if tool in PROVING else "ungil, at random"
        ours = [round["rate"] for round in measured[like]]
        ratios = [a / b for a, b in zip(ours, rates, strict=True)]
        faster = f"{statistics.median(ratios):.0f} times ({min(ratios):.0f} - {max(ratios):.0f})"
        counts = rounds[0]["counts"] if tool in PROVING else ["samples"] * len(MODELS)
        lines.append(
            f"| {tool} | {statistics.median(rates):,.0f} | {min(rates):,.0f} - {max(rates):,.0f} "
            f"| {'' if tool == like else faster} | " + " | ".join(map(str, counts)) + " |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--append", metavar="FILE")
    parser.add_argument("--tool", choices=TOOLS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.tool:
        print(json.dumps(measure(options.tool, options.seconds)))
        return
    tools = [tool for tool in TOOLS if find_spec(tool.split(",")[0])]
    for tool in set(TOOLS) - set(tools):
        print(f"{tool} is not installed, and left out", file=sys.stderr)
    if "ungil" not in tools:
        sys.exit("ungil is not installed")
    measured: dict[str, list[dict[str, Any]]] = {tool: [] for tool in tools}
    for at in range(options.rounds):
        for tool in tools[at % len(tools) :] + tools[: at % len(tools)]:
            measured[tool].append(in_its_own_process(tool, options.seconds))
    load = " ".join(f"{number:.2f}" for number in os.getloadavg())
    text = (
        f"\n## {datetime.now(UTC):%Y-%m-%d %H:%M} UTC: explored schedules, "
        f"{options.rounds} rounds\n\n"
        f"{len(os.sched_getaffinity(0))} usable cores; {platform.system()} {platform.release()}; "
        f"CPython {platform.python_version()}; load {load}.\n\n{table(measured)}\n"
    )
    print(text)
    if options.append:
        with open(options.append, "a") as file:
            file.write(text)


if __name__ == "__main__":
    main()
