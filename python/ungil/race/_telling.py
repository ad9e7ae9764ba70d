"""From what the engine tells of a failing run to a finding."""

from collections.abc import Iterable, Sequence
from typing import Any

from ungil._ungil import race as _native
from ungil.race import _naming, _schedule
from ungil.race._finding import Finding, Step


def build(
    key: str, told: dict[str, Any], model: str | None, error: BaseException | str | None
) -> Finding:
    """A finding from what the engine tells of a run."""
    raw = [((*ids,), *rest) for ids, *rest in told["steps"]]
    stuck = [(thread, row) for thread, _, row in told["waiting"] if row is not None]
    hidden = _waiters(raw)
    labels = _labels(
        row for row in (*raw, *(row for _, row in stuck)) if (row[0][2], row[2]) not in hidden
    )
    telling = _telling(raw, [(row[0][2], thread) for thread, row in stuck])
    run = _naming.Run(key, told, error)
    values: dict[str, str] = {}
    at_condition: dict[int, Step] = {}
    for (number, thread, identity), verb, what, value, file, line, function in raw:
        name = labels.get((identity, what), what)
        if verb in ("writes", "deletes"):
            values[name] = value or "(nothing)"
        elif verb == "reads":
            value = values.get(name)  # noqa: PLW2901
        step = Step(thread, verb, name, value, file, line, function)
        run.steps.append(step)
        if verb == "waits for" and number == _native.NO_STEP:
            at_condition[thread] = step
        elif verb != "releases" and (identity, what) not in hidden:
            at_condition.pop(thread, None)
        if number != _native.NO_STEP:
            run.places[number] = step
        if verb in ("has", "runs", "joins") or (identity, what) in hidden:
            continue
        if verb in ("sleeps", "returns from") or identity in telling:
            run.shown.append(step)
    for thread, row in stuck:
        name = labels.get((row[0][2], row[2]), row[2])
        step = Step(thread, row[1], name, None, *row[4:])
        run.waiting.append(at_condition.get(thread, step))
    kind, sentence = _naming.name(run)
    turns = tuple((thread, count) for thread, count in told["turns"])
    exception = error if isinstance(error, BaseException) else None
    return Finding(
        kind,
        sentence,
        run.threads,
        tuple(run.shown),
        turns,
        model,
        tuple(run.waiting),
        exception,
        switches=_schedule.switches(told),
    )


def _waiters(raw: Sequence[Any]) -> set[tuple[int | None, str]]:
    """The locks that conditions make for each of those who wait: nobody has written them."""
    found = set()
    waits: set[int] = set()
    for (number, thread, identity), verb, what, *_ in raw:
        if (number, verb, what) == (_native.NO_STEP, "waits for", "Condition"):
            waits.add(thread)
        elif thread in waits:
            waits.remove(thread)
            if (verb, what) == ("acquires", "Lock"):
                found.add((identity, what))
    return found


def _telling(raw: Sequence[Any], waits: Sequence[tuple[int | None, int]]) -> set[int | None]:
    """What several threads use and somebody changes once a second thread has begun: the rest
    explains nothing.
    """
    users: dict[int | None, set[int]] = {}
    changed = {identity for identity, _ in waits}
    threads: set[int] = set()
    for identity, thread in waits:
        users.setdefault(identity, set()).add(thread)
    for (_, thread, identity), verb, *_ in raw:
        threads.add(thread)
        users.setdefault(identity, set()).add(thread)
        if verb not in ("reads", "looks at") and len(threads) > 1:
            changed.add(identity)
    return {identity for identity in changed if len(users[identity]) > 1}


def _labels(rows: Iterable[Any]) -> dict[tuple[int | None, str], str]:
    """Names of things, numbered where several have the same one."""
    parts: dict[tuple[int | None, str], tuple[str, str]] = {}
    by_name: dict[str, list[int | None]] = {}
    for (_, _, identity), verb, what, *_ in rows:
        parts[identity, what] = base, _ = _parts(verb, what)
        owners = by_name.setdefault(base, [])
        if identity not in owners:
            owners.append(identity)
    labels = {}
    for (identity, what), (base, rest) in parts.items():
        owners = by_name[base]
        if len(owners) == 1:
            labels[identity, what] = what
            continue
        owner, dot, attribute = base.partition(".")
        number = owners.index(identity) + 1
        labels[identity, what] = f"{owner}#{number}{dot}{attribute}{rest}"
    return labels


def _parts(verb: str, what: str) -> tuple[str, str]:
    """What has a number, and the rest: an attribute is a thing of its own, an element or a method
    is part of a container.
    """
    if "[" in what:
        base, bracket, rest = what.partition("[")
        return base, bracket + rest
    if verb in ("looks at", "changes", "calls"):
        base, dot, rest = what.partition(".")
        return base, dot + rest
    return what, ""
