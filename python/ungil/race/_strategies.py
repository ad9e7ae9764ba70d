"""How schedules are chosen."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Strategy:
    """What `explore(strategy=)` takes; made by the functions of this module."""

    name: str
    number: int = 0

    def __str__(self) -> str:
        return f"{self.name}({self.number})" if self.number else self.name


def dpor() -> Strategy:
    """One schedule of each class of equivalent ones, until none is left: proves small models."""
    return Strategy("dpor")


def pct(depth: int = 3) -> Strategy:
    """Random priorities, lowered at `depth` - 1 random steps: finds bugs that need `depth`
    orderings.
    """
    if depth < 1:
        raise ValueError(f"pct: depth is the number of orderings, 1 or more, not {depth}")
    return Strategy("pct", depth)


def random() -> Strategy:
    """At each step any thread that can go on."""
    return Strategy("random")


def pos() -> Strategy:
    """Partial order sampling: random priorities of steps, drawn again when they race."""
    return Strategy("pos")


def bounded(preemptions: int = 2) -> Strategy:
    """All schedules of at most so many preemptions, in depth-first order."""
    if preemptions < 0:
        raise ValueError(f"bounded: preemptions cannot be negative, as {preemptions} is")
    return Strategy("bounded", preemptions)
