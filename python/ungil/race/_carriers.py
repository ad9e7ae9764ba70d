"""What the threads of a model are: fibers, or threads of the system where fibers cannot serve."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

FIBERS, REAL = "fibers", "real"

# The native half takes who sleeps for three of these for one that does not wait for the GIL.
_SWITCH_INTERVAL = 0.001
# Runs on real threads, of those that fibers may take.
_SLOWER = 10
# Runs that tell a failure that may depend on time.
TRIES = 10


def check(threads: str | None) -> None:
    if threads not in (None, FIBERS, REAL):
        raise ValueError(f"threads is {FIBERS!r}, {REAL!r} or None for either, not {threads!r}")


@contextmanager
def handed_over() -> Iterator[None]:
    """Has threads of the system hand the GIL over sooner while a model runs on them."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_INTERVAL)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def runs(carriers: str, of_fibers: int) -> int:
    return of_fibers // _SLOWER if carriers == REAL else of_fibers


def key_of(told: dict[str, Any]) -> str | None:
    """What went wrong in a run that is told."""
    key: str | None = told["key"] or ("data race" if told["races"] else None)
    return key


def told(session: Any, key: str, schedules: Sequence[list[tuple[int, int]]]) -> dict[str, Any]:
    """What is told of the first of these schedules that fails in this way.

    RuntimeError: it does so no more, since it depends on when a call that blocks outside returns.
    """
    for turns in schedules:
        for _ in range(TRIES):
            found: dict[str, Any] = session.tell(turns)
            if session.blocked is None or key_of(found) == key:
                return found
    raise RuntimeError(
        f"the model has failed ({key}), and does not fail again under the same schedule: what it"
        f" does depends on when {place(session)} returns, which ungil.race does not follow"
    )


def place(session: Any) -> str:
    """Where a thread has blocked outside of what is followed; empty where none has."""
    if session.blocked is None:
        return ""
    name, file, line = session.blocked
    return f"{file}:{line} ({name})" if file else name
