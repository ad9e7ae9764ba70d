"""`explore`: runs a model under all schedules, or as many as there is time for."""

import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import CodeType
from typing import Any

from ungil._ungil import race as _native
from ungil.race import _checked, _threads
from ungil.race._code import Scope
from ungil.race._finding import Finding, RaceFound
from ungil.race._following import Following, Watchdog
from ungil.race._strategies import Strategy, dpor, pct
from ungil.race._telling import build

# Runs that a failure may take to become small.
_MINIMISE_RUNS = 2000
_MODES = ("gil", "free-threaded")
_EVERYTHING = Scope((), ())
# Without a strategy: all schedules first, and where the budget does not suffice some of them.
_FIRST, _THEN = dpor(), pct(3)


@dataclass(frozen=True)
class Result:
    """What `explore` has seen.

    `schedules`: how many ran to their end. `proved`: they were all there are (up to equivalence,
    and with time-outs that only come when nobody else can go on). `pruned`: runs that were ended
    early since they led to nothing new. `sampled`: how many of `schedules` were drawn at random
    after the budget for going through all of them was used up.
    """

    schedules: int
    proved: bool
    findings: tuple[Finding, ...]
    pruned: int = 0
    sampled: int = 0
    seconds: float = 0.0
    note: str = ""

    @property
    def ok(self) -> bool:
        return not self.findings

    def assert_ok(self) -> None:
        """Raises `RaceFound` with the first finding, if there is one; it says how to replay it."""
        if self.findings:
            finding = self.findings[0]
            raise RaceFound(finding, _how_to_replay(finding))

    def __str__(self) -> str:
        rate = f" in {self.seconds:.2g} s"
        if self.findings:
            return f"failed after {self.schedules} schedules{rate}\n\n{self.findings[0]}"
        if self.proved:
            return f"proved: all {self.schedules} schedules pass{rate}"
        sampled = f", {self.sampled} of them sampled" if self.sampled else ""
        note = f" ({self.note})" if self.note else ""
        return f"passed {self.schedules} schedules{sampled}{rate}; not proved{note}"


def explore(
    model: Callable[[], object] | None = None,
    *,
    setup: Callable[[], Any] | None = None,
    workers: Sequence[Callable[..., object]] = (),
    invariant: Callable[..., object] | None = None,
    strategy: Strategy | None = None,
    max_schedules: int = 20_000,
    max_seconds: float = 30.0,
    max_steps: int = 10_000,
    seed: int = 0,
    data_races: bool = True,
    benign: Sequence[str] = (),
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    max_blocked: float = 1.0,
    mode: str = "gil",
) -> Result:
    """Runs `model` under many schedules of its threads and returns what came of it.

    A model is a function without arguments that makes its state, starts threads, joins them and
    asserts. It is called once per schedule and must do the same each time the schedule is the same,
    which is seen to by a run more in the first explorations of a model, and in some of the later.
    Instead of it: `setup()` makes the state, each of `workers` gets it in a thread of its own,
    `invariant` gets it at the end and asserts, or returns False.

    `strategy` is one of `ungil.race`'s; without it all schedules are gone through (`dpor`), and
    where `max_schedules` or `max_seconds` do not suffice, half of each goes to sampling (`pct`). A
    run of more than `max_steps` steps is reported as endless. `seed` is the sampling's.

    `data_races=False` leaves conflicting accesses that nothing orders unreported where no schedule
    fails; `benign` are names of variables on which they are meant. `include` and `exclude` are
    files or folders that are, or are not, under test beside what is by default: all but the
    standard library and installed packages.

    A thread that blocks outside of what is followed (on a pipe, a socket, a process) for more than
    `max_blocked` seconds ends the exploration with a RuntimeError that names it and its line.

    `mode="free-threaded"` also takes operations of containers for as many steps as they are on a
    build without GIL, so that what would break there is found here: traversals (`in`, `sum`) read
    item by item, and others see a list that is being sorted, or whose items move, half done.

    Raises ValueError or TypeError for arguments that make no sense; RuntimeError where a model does
    not do the same twice, inside of another exploration, or on a Python that is not supported yet.
    """
    body = model_of(model, setup, workers, invariant)
    for name, number in (("max_schedules", max_schedules), ("max_steps", max_steps)):
        if number < 1:
            raise ValueError(f"{name} is 1 or more, not {number}")
    for name, limit in (("max_seconds", max_seconds), ("max_blocked", max_blocked)):
        if not limit > 0:
            raise ValueError(f"{name} is more than 0, not {limit}")
    if mode not in _MODES:
        raise ValueError(f"mode is one of {', '.join(map(repr, _MODES))}, not {mode!r}")
    begun = time.monotonic()
    scope = Scope(include, exclude) if include or exclude else _EVERYTHING
    with Following(scope, frozenset(benign), mode), Watchdog(max_blocked):
        session = session_of(body, max_steps, data_races)
        schedules = pruned = sampled = 0
        proved, note = False, ""
        race: list[tuple[int, int]] | None = None
        findings: list[Finding] = []
        for chosen, most, seconds in _phases(strategy, max_schedules, max_seconds):
            found = _checked.explore(session, body, chosen, seed, most, seconds)
            if "diverged" in found:
                raise RuntimeError(_diverged(found))
            schedules += found["schedules"]
            pruned += found["pruned"]
            sampled += found["schedules"] if chosen.name in ("pct", "random", "pos") else 0
            race = race or found.get("race")
            if "key" in found:
                findings.append(_finding(session, found["key"], found["turns"], model, mode))
                break
            if found["bound_reached"] and chosen.name == "bounded":
                note = f"all schedules of at most {chosen.number} preemptions"
            if found["proved"]:
                proved = True
                break
        if not findings and race is not None:
            findings.append(_finding(session, "data race", race, model, mode))
            proved = False
    return Result(
        schedules,
        proved and not findings,
        tuple(findings),
        pruned,
        sampled,
        time.monotonic() - begun,
        note,
    )


def _phases(
    strategy: Strategy | None, schedules: int, seconds: float
) -> list[tuple[Strategy, int, float]]:
    if strategy is not None:
        return [(strategy, schedules, seconds)]
    return [
        (_FIRST, max(1, schedules // 2), seconds / 2),
        (_THEN, max(1, schedules - schedules // 2), seconds / 2),
    ]


def model_of(
    model: Callable[[], object] | None,
    setup: Callable[[], Any] | None,
    workers: Sequence[Callable[..., object]],
    invariant: Callable[..., object] | None,
) -> Callable[[], object]:
    if model is not None:
        if setup is not None or workers or invariant is not None:
            raise TypeError("explore takes a model, or setup, workers and invariant: not both")
        if not callable(model):
            raise TypeError(f"a model is a function without arguments, not {type(model).__name__}")
        return model
    if not workers:
        raise TypeError("explore needs a model, or workers=[...] for threads")
    workers = tuple(workers)

    def made() -> None:
        state = () if setup is None else (setup(),)
        threads = [threading.Thread(target=worker, args=state) for worker in workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if invariant is not None and invariant(*state) is False:
            raise AssertionError("the invariant does not hold")

    return made


def _how_to_replay(finding: Finding) -> str:
    """Keeps the finding in a file of its own, in the folder for temporary ones."""
    if finding.model is None:
        return ""
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", prefix="ungil-race-", suffix=".json", delete=False
    ) as file:
        file.write(finding.to_json())
    return f"\nReplay it: ungil race replay {file.name}"


def _name(model: Callable[[], object] | None) -> str | None:
    code = getattr(model, "__code__", None)
    if not isinstance(code, CodeType) or code.co_qualname != code.co_name:
        return None  # made inside of a function: nobody can name it from outside
    return f"{code.co_filename}::{code.co_name}"


def session_of(body: Callable[[], object], max_steps: int, data_races: bool) -> Any:
    def main() -> None:
        try:
            body()
        except (_threads.Abandoned, KeyboardInterrupt):
            raise
        except SystemExit:
            pass
        except BaseException as error:
            _native.fail(_threads.failure_key(error), error)

    return _native.Session(main, _threads.prepare, _threads.Abandoned, max_steps, data_races)


def error_of(told: dict[str, Any]) -> Any:
    return told["failures"][0][2] if told["failures"] else None


def _finding(
    session: Any,
    key: str,
    turns: list[tuple[int, int]],
    model: Callable[[], object] | None,
    mode: str,
) -> Finding:
    small = turns
    if key != "endless":
        small = session.minimise(key, turns, _MINIMISE_RUNS)
    told = session.tell(small)
    return replace(build(key, told, _name(model), error_of(told)), mode=mode)


def _diverged(found: dict[str, Any]) -> str:
    error = found.get("failure")
    what = f" The second time it failed with {type(error).__name__}: {error}." if error else ""
    return (
        "the model does not do the same when the same schedule is run again"
        f" (schedule {found['diverged']}).{what} A model makes all its state itself, uses no random"
        " numbers, no time from outside and no threads that it does not start."
    )
