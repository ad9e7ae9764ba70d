"""`explore`: runs a model under all schedules, or as many as there is time for."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ungil._ungil import race as _native
from ungil.race import _carriers, _checked, _threads
from ungil.race._code import Scope
from ungil.race._finding import Finding
from ungil.race._following import Following, Watchdog
from ungil.race._model import check_lists, check_numbers, ends_the_test, model_of, name_of
from ungil.race._result import Result
from ungil.race._strategies import Strategy, dpor, pct
from ungil.race._telling import build

# Runs that a failure may take to become small.
_MINIMISE_RUNS = 2000
_MODES = ("gil", "free-threaded")
_EVERYTHING = Scope((), ())
# Without a strategy: all schedules first, and where the budget does not suffice some of them.
_FIRST, _THEN = dpor(), pct(3)


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
    threads: str | None = None,
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

    `threads="fibers"`: the model's threads share one thread of the system, and a switch takes less
    than a microsecond. `threads="real"`: each has its own, which takes some ten, so that one that
    blocks outside of what is followed (on a pipe, a socket, a process, a lock of a C extension) is
    left there while others go on, and waits for its turn when its call returns. By default the
    exploration begins with fibers, and anew with real threads where one has blocked for
    `max_blocked` seconds; the result says so. With real threads, where nobody else can go on for as
    long, and always with fibers, that is a RuntimeError that names the thread and its line.

    `mode="free-threaded"` also takes operations of containers for as many steps as they are on a
    build without GIL, so that what would break there is found here: traversals (`in`, `sum`) read
    item by item, and others see a list that is being sorted, or whose items move, half done.

    Raises ValueError or TypeError for arguments that make no sense; RuntimeError where a model does
    not do the same twice, inside of another exploration, or on a Python that is not supported yet.
    """
    body = model_of(model, setup, workers, invariant)
    check_numbers(max_schedules=max_schedules, max_steps=max_steps, seed=seed)
    check_numbers(max_seconds=max_seconds, max_blocked=max_blocked)
    check_lists(benign=benign, include=include, exclude=exclude)
    if strategy is not None and not isinstance(strategy, Strategy):
        raise TypeError(f"strategy is one of ungil.race's, as ungil.race.dpor(), not {strategy!r}")
    if mode not in _MODES:
        raise ValueError(f"mode is one of {', '.join(map(repr, _MODES))}, not {mode!r}")
    _carriers.check(threads)
    plan = _Plan(
        body,
        strategy,
        max_schedules,
        max_seconds,
        max_steps,
        seed,
        data_races,
        max_blocked,
        model,
        mode,
    )
    scope = Scope(include, exclude) if include or exclude else _EVERYTHING
    with Following(scope, frozenset(benign), mode), Watchdog(max_blocked):
        begun = time.monotonic()
        session = plan.session(threads or _carriers.FIBERS)
        try:
            return plan.run(session, threads or _carriers.FIBERS)
        except RuntimeError:
            if threads is not None or session.blocked is None:
                raise
        spent = time.monotonic() - begun
        plan = replace(plan, max_seconds=max(max_seconds - spent, max_seconds / 2))
        result = plan.run(plan.session(_carriers.REAL), _carriers.REAL)
        return replace(result, seconds=result.seconds + spent)


@dataclass
class _Plan:
    """What `explore` was asked for."""

    body: Callable[[], object]
    strategy: Strategy | None
    max_schedules: int
    max_seconds: float
    max_steps: int
    seed: int
    data_races: bool
    max_blocked: float
    model: Callable[[], object] | None
    mode: str

    def session(self, carriers: str) -> Any:
        return session_of(self.body, self.max_steps, self.data_races, carriers, self.max_blocked)

    def run(self, session: Any, carriers: str) -> Result:
        if carriers == _carriers.FIBERS:
            return self._explored(session, carriers)
        with _carriers.handed_over():
            return self._explored(session, carriers)

    def _explored(self, session: Any, carriers: str) -> Result:
        begun = time.monotonic()
        schedules = pruned = sampled = 0
        proved, note = False, ""
        race: list[tuple[int, int]] | None = None
        failure: tuple[str, list[tuple[int, int]]] | None = None
        for chosen, most, seconds in self._phases():
            # On real threads it may be a matter of time what it does.
            repeats = carriers == _carriers.FIBERS
            found = _checked.explore(
                session, self.body, chosen, self.seed, most, seconds, repeats=repeats
            )
            if "diverged" in found:
                raise RuntimeError(_diverged(found))
            schedules += found["schedules"]
            pruned += found["pruned"]
            sampled += found["schedules"] if chosen.name in ("pct", "random", "pos") else 0
            race = race or found.get("race")
            if "key" in found:
                failure = found["key"], found["turns"]
                break
            if found["bound_reached"] and chosen.name == "bounded":
                note = f"all schedules of at most {chosen.number} preemptions"
            if found["proved"]:
                proved = True
                break
        # What blocks outside may order accesses that nothing else does.
        if failure is None and race is not None and session.blocked is None:
            failure = "data race", race
        findings = []
        if failure is not None:
            findings.append(self._finding(session, *failure, carriers))
        _threads.tell_of_leaks(not findings)
        return Result(
            schedules,
            proved and not findings and session.blocked is None,
            tuple(findings),
            pruned,
            sampled,
            time.monotonic() - begun,
            note,
            carriers,
            _carriers.place(session),
        )

    def _phases(self) -> list[tuple[Strategy, int, float]]:
        most, seconds = self.max_schedules, self.max_seconds
        if self.strategy is not None:
            return [(self.strategy, most, seconds)]
        return [
            (_FIRST, max(1, most // 2), seconds / 2),
            (_THEN, max(1, most - most // 2), seconds / 2),
        ]

    def _finding(
        self, session: Any, key: str, turns: list[tuple[int, int]], carriers: str
    ) -> Finding:
        small = turns
        if key != "endless":
            small = session.minimise(key, turns, _carriers.runs(carriers, _MINIMISE_RUNS))
        told = _carriers.told(session, key, [small, turns])
        finding = build(key, told, name_of(self.model), error_of(told))
        return replace(finding, mode=self.mode, carriers=carriers)


def session_of(
    body: Callable[[], object],
    max_steps: int,
    data_races: bool,
    carriers: str = _carriers.FIBERS,
    max_blocked: float = 1.0,
) -> Any:
    def main() -> None:
        try:
            body()
            _threads.at_the_end_of_the_model()
        except (_threads.Abandoned, KeyboardInterrupt):
            raise
        except SystemExit:
            pass
        except BaseException as error:
            if ends_the_test(error):
                raise
            _native.fail(_threads.failure_key(error), error)

    return _native.Session(
        main,
        _threads.prepare,
        _threads.Abandoned,
        max_steps,
        data_races,
        carriers == _carriers.REAL,
        max_blocked,
    )


def error_of(told: dict[str, Any]) -> Any:
    return told["failures"][0][2] if told["failures"] else None


def _diverged(found: dict[str, Any]) -> str:
    error = found.get("failure")
    what = f" The second time it failed with {type(error).__name__}: {error}." if error else ""
    return (
        "the model does not do the same when the same schedule is run again"
        f" (schedule {found['diverged']}).{what} A model makes all its state itself, uses no random"
        " numbers, no time from outside and no threads that it does not start."
    )
