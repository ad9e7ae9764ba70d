"""Which kind of worker suits what was measured: a table of rules; the first that holds decides."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ungil._probe import Measured

# Times in seconds, measured on a small machine; they only have to be of the right size.
THREADS_START = 1e-3
PROCESSES_START = 0.1
HAND_OVER = 20e-6


class Choice(NamedTuple):
    """A kind, its number of workers, and why, in a sentence."""

    kind: str
    workers: int
    reason: str

    def __str__(self) -> str:
        who = {"serial": "the calling thread", "thread": "threads", "process": "processes"}
        name = who.get(self.kind, f"{self.kind} workers")
        count = "" if self.kind == "serial" else f"{self.workers} "
        return f"{count}{name}: {self.reason}"


class Rule(NamedTuple):
    """`kind`, when `holds`, because of `reason`."""

    name: str
    kind: str
    holds: Callable[[Measured], bool]
    reason: Callable[[Measured], str]


def rest(measured: Measured) -> float:
    """Seconds that the remaining items take one after the other; infinite if unknown."""
    if measured.remaining is None:
        return float("inf")
    return measured.remaining * measured.seconds


def saved(measured: Measured) -> float:
    """Seconds that perfect workers save."""
    return rest(measured) * (1 - 1 / measured.workers)


RULES = (
    Rule(
        "nothing left",
        "serial",
        lambda m: m.remaining == 0,
        lambda m: f"all {m.items} items were done while measuring",
    ),
    Rule(
        "not worth threads",
        "serial",
        lambda m: rest(m) < THREADS_START,
        lambda m: f"the remaining {m.remaining} items take {time(rest(m))} in all",
    ),
    Rule(
        "parallel already",
        "serial",
        lambda m: m.threads > 1.5,
        lambda m: (
            f"an item keeps {m.threads:.1f} cores busy by itself (threads of native code), and "
            "workers would only get into each other's way"
        ),
    ),
    Rule(
        "waiting",
        "thread",
        lambda m: m.cpu < 0.5 and m.seconds > HAND_OVER,
        lambda m: (
            f"an item takes {time(m.seconds)} and waits for {1 - m.cpu:.0%} of it, and threads "
            "wait side by side"
        ),
    ),
    Rule(
        "one worker",
        "serial",
        lambda m: m.workers == 1,
        lambda m: f"an item computes for {m.cpu:.0%} of its time and there is one worker for it",
    ),
    Rule(
        "no GIL",
        "thread",
        lambda m: not m.has_gil and m.seconds > HAND_OVER,
        lambda m: f"this Python has no GIL, and an item of {time(m.seconds)} is worth handing over",
    ),
    Rule(
        "GIL released",
        "thread",
        lambda m: m.gil is not None and m.gil < 0.25 and m.seconds > HAND_OVER,
        lambda m: (
            f"an item of {time(m.seconds)} computes without the GIL (it was taken in {m.gil:.0%} "
            "of the looks), so threads compute side by side and nothing is pickled"
        ),
    ),
    Rule(
        "does not pickle",
        "serial",
        lambda m: bool(m.unpicklable),
        lambda m: (
            f"{m.unpicklable}, so it cannot go to processes, and threads would compute one at a "
            "time under the GIL"
        ),
    ),
    Rule(
        "pickling costs more",
        "serial",
        lambda m: m.pickling >= m.seconds,
        lambda m: (
            f"pickling an item and its result ({size(m.pickled)}) takes {time(m.pickling)}, "
            f"computing it {time(m.seconds)}"
        ),
    ),
    Rule(
        "not worth processes",
        "serial",
        lambda m: saved(m) < PROCESSES_START,
        lambda m: (
            f"the remaining {m.remaining} items take {time(rest(m))} in all, and processes need "
            f"about {time(PROCESSES_START)} to start"
        ),
    ),
    Rule(
        "computing",
        "process",
        lambda _: True,
        lambda m: (
            f"an item takes {time(m.seconds)} and computes under the GIL for {m.cpu:.0%} of it; "
            f"pickling it takes {time(m.pickling)}"
        ),
    ),
)


def choose(measured: Measured) -> Choice:
    """The choice of the first rule that holds."""
    rule = next(rule for rule in RULES if rule.holds(measured))
    workers = 1 if rule.kind == "serial" else measured.workers
    return Choice(rule.kind, workers, rule.reason(measured))


def time(seconds: float) -> str:
    """`1.2 ms`."""
    for factor, unit in ((1, "s"), (1e3, "ms")):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e6:.2g} us"


def size(count: int) -> str:
    """`1.2 MB`."""
    amount = float(count)
    for unit in ("bytes", "KB", "MB"):
        if amount < 1000:
            return f"{amount:.3g} {unit}"
        amount /= 1000
    return f"{amount:.3g} GB"
