"""`ungil.sync` beside `threading` and `multiprocessing`, in one interleaved run.

    python benchmarks/sync.py [--rounds 7] [--seconds 0.3] [--append benchmarks/RESULTS.md]

Ours and theirs take turns, every other round in the opposite order; a ratio is of one round's
figures.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import mmap
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from ungil import sync

from poolbench import machine
from poolbench.machine import number, spread

Make = Callable[[], Any]

FORK = multiprocessing.get_context("fork")
CLOCK = time.perf_counter


@dataclasses.dataclass
class Task:
    name: str
    number: int
    weight: float


@dataclasses.dataclass(slots=True)
class Slotted:
    name: str
    number: int
    weight: float


MESSAGES: dict[str, Any] = {
    "int": 7,
    "tuple": ("task", 12345, {"x": 1.5}),
    "dict": {"name": "task", "number": 12345, "weight": 1.5, "parts": [1, 2, 3]},
    "set": {1, 2},
    "dataclass": Task("task", 12345, 1.5),
    "dataclass with slots (pickled)": Slotted("task", 12345, 1.5),
}


@dataclasses.dataclass(frozen=True)
class Contest:
    """One row: the same measurement of ours and of theirs, in things per second."""

    name: str
    ours: Callable[[], float]
    theirs: Callable[[], float]
    reach: float | None = None


def alone(make: Make, seconds: float) -> float:
    """Pairs of acquire and release per second, one thread; the loop itself is part of it."""
    lock = make()
    acquire, release = lock.acquire, lock.release
    done, start = 0, CLOCK()
    while (elapsed := CLOCK() - start) < seconds:
        for _ in range(10_000):
            acquire()
            release()
        done += 10_000
    return done / elapsed


def alone_with(make: Make, seconds: float) -> float:
    lock = make()
    done, start = 0, CLOCK()
    while (elapsed := CLOCK() - start) < seconds:
        for _ in range(10_000):
            with lock:
                pass
        done += 10_000
    return done / elapsed


def nothing(lock: Any, _cells: memoryview, end: float) -> int:
    acquire, release = lock.acquire, lock.release
    done = 0
    while CLOCK() < end:
        for _ in range(100):
            acquire()
            release()
        done += 100
    return done


def increment(lock: Any, cells: memoryview, end: float) -> int:
    acquire, release = lock.acquire, lock.release
    done = 0
    while CLOCK() < end:
        for _ in range(100):
            acquire()
            cells[0] += 1
            release()
        done += 100
    return done


def increment_twenty_times(lock: Any, cells: memoryview, end: float) -> int:
    acquire, release = lock.acquire, lock.release
    done = 0
    while CLOCK() < end:
        acquire()
        for _ in range(20):
            cells[0] += 1
        release()
        done += 1
    return done


def increment_and_count(lock: Any, cells: memoryview, end: float) -> int:
    """As `increment`; says how many of a million found the lock held."""
    acquire, release = lock.acquire, lock.release
    done = met = 0
    while CLOCK() < end:
        if not acquire(False):
            met += 1
            acquire()
        cells[0] += 1
        release()
        done += 1
    return met * 1_000_000 // max(1, done)


Section = Callable[[Any, memoryview, float], int]
SECTIONS: dict[str, Section] = {
    "nothing": nothing,
    "an increment": increment,
    "twenty increments": increment_twenty_times,
}


def counted(section: Section, lock: Any, processes: int, seconds: float) -> list[int]:
    """What each of these processes returns, which do nothing but pass through the section."""
    start, counts = FORK.Event(), FORK.Array("q", processes, lock=False)
    cells = memoryview(mmap.mmap(-1, mmap.PAGESIZE)).cast("q")

    def hammer(at: int) -> None:
        # Each on a core of its own: two that take turns on one hardly ever meet at the lock.
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[at % len(cores)]})
        start.wait()
        counts[at] = section(lock, cells, CLOCK() + seconds)

    children = [FORK.Process(target=hammer, args=(at,)) for at in range(processes)]
    for child in children:
        child.start()
    start.set()
    for child in children:
        child.join()
    if section is increment and cells[0] != sum(counts):
        raise AssertionError("the lock did not exclude")
    return list(counts)


def contended(section: Section, make: Make, processes: int, seconds: float) -> float:
    """Critical sections per second of all processes together."""
    return sum(counted(section, make(), processes, seconds)) / seconds


def produce(queue: Any, message: object, count: int) -> None:
    for _ in range(count):
        queue.put(message)


def messages(make: Make, message: object, count: int, producers: int) -> float:
    """Messages per second from `producers` processes to this one, their start included."""
    queue = make()
    children = [
        FORK.Process(target=produce, args=(queue, message, count // producers))
        for _ in range(producers)
    ]
    start = CLOCK()
    for child in children:
        child.start()
    for _ in range(count // producers * producers):
        got = queue.get()
    elapsed = CLOCK() - start
    if got != message:
        raise AssertionError("a message came out changed")
    for child in children:
        child.join()
    return count / elapsed


def contests(seconds: float) -> Iterator[Contest]:
    for name, ours, peer, theirs, reach in [
        ("Lock", sync.Lock, "threading.Lock", threading.Lock, 1 / 1.5),
        ("RLock", sync.RLock, "threading.RLock", threading.RLock, 1 / 1.5),
        ("Lock", sync.Lock, "multiprocessing.Lock", FORK.Lock, None),
    ]:
        yield Contest(
            f"{name} alone / {peer}",
            partial(alone, ours, seconds),
            partial(alone, theirs, seconds),
            reach,
        )
    yield Contest(
        "with Lock alone / threading.Lock",
        partial(alone_with, sync.Lock, seconds),
        partial(alone_with, threading.Lock, seconds),
        1 / 1.5,
    )
    for processes in (2, 4):
        for name, section in SECTIONS.items():
            yield Contest(
                f"Lock around {name}, {processes} processes / multiprocessing.Lock",
                partial(contended, section, sync.Lock, processes, seconds),
                partial(contended, section, FORK.Lock, processes, seconds),
                5.0 if section is increment else None,
            )
    count = int(100_000 * seconds)
    for name, message in MESSAGES.items():
        for producers in (1, 4):
            yield Contest(
                f"Queue, {name}, producers: {producers} / multiprocessing.Queue",
                # As long as theirs in time, which takes more messages.
                partial(messages, sync.Queue, message, 10 * count, producers),
                partial(messages, FORK.Queue, message, count, producers),
                10.0,
            )


def measure(entries: list[Contest], rounds: int) -> dict[str, list[tuple[float, float]]]:
    samples: dict[str, list[tuple[float, float]]] = {entry.name: [] for entry in entries}
    for turn in range(rounds):
        for entry in entries if turn % 2 == 0 else entries[::-1]:
            if sys.stderr.isatty():
                print(f"\r\x1b[K{turn + 1}/{rounds}: {entry.name}", end="", file=sys.stderr)
            if turn % 2 == 0:
                ours, theirs = entry.ours(), entry.theirs()
            else:
                theirs, ours = entry.theirs(), entry.ours()
            samples[entry.name].append((ours, theirs))
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
    return samples


def markdown(
    entries: list[Contest], samples: dict[str, list[tuple[float, float]]], seconds: float
) -> Iterator[str]:
    facts = machine.facts(("ungil",))
    rounds = len(samples[entries[0].name])
    yield f"## {facts['date']}: locks and queues, {rounds} rounds"
    yield ""
    yield machine.sentence(facts)
    yield "ratios are medians over the rounds, with the least and the greatest."
    if machine.is_busy(4):
        yield machine.BUSY
    yield ""
    yield "| ours / theirs | ours, 1000/s | theirs, 1000/s | ours is better by | to reach |"
    yield "|---|---:|---:|---|---:|"
    for entry in entries:
        pairs = samples[entry.name]
        ours, theirs = (median(side) / 1000 for side in zip(*pairs, strict=True))
        ratios = spread([ours / theirs for ours, theirs in pairs])
        reach = "" if entry.reach is None else f"{entry.reach:.2g}"
        yield f"| {entry.name} | {number(ours)} | {number(theirs)} | {ratios} | {reach} |"
    yield ""
    yield from remarks(seconds)


def remarks(seconds: float) -> Iterator[str]:
    """What the ratios are to be read with."""
    limit = contended(increment, sync.Lock, 1, seconds) / 1000
    yield f"One process alone passes through the increment {number(limit)} thousand times a second:"
    yield "no lock lets several of them do it more often together."
    locks: list[tuple[str, Make]] = [("ours", sync.Lock), ("multiprocessing's", FORK.Lock)]
    for name, make in locks:
        met = sum(counted(increment_and_count, make(), 2, seconds)) / 2 / 10_000
        counts = counted(increment, make(), 2, seconds)
        share = min(counts) / max(1, sum(counts))
        yield (
            f"Of two processes' acquires {met:.0f} % find {name} held;"
            f" the one that gets less gets {share:.0%}."
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.3, help="per measurement")
    parser.add_argument("--only", metavar="TEXT", nargs="+", help="rows with one of these in them")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every raw figure there")
    parser.add_argument("--append", type=Path, metavar="FILE", help="append the table to this file")
    options = parser.parse_args()
    entries = [
        entry
        for entry in contests(options.seconds)
        if not options.only or any(text in entry.name for text in options.only)
    ]
    if not entries:
        parser.error("no row has that in its name")
    samples = measure(entries, options.rounds)
    text = "\n".join(markdown(entries, samples, options.seconds)) + "\n"
    print(text)
    if options.append:
        with options.append.open("a") as file:
            file.write("\n" + text)
    if options.json:
        raw = {"version": 1, "machine": machine.facts(("ungil",)), "per_second": samples}
        options.json.write_text(json.dumps(raw, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
