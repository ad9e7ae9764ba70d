"""The name of a bug, and the one sentence that tells of it."""

import errno
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ungil.race._finding import Step

_CLOSING = ("close", "shutdown", "stop", "terminate", "disconnect", "__exit__")
_CLOSES = re.compile(rf"(\w[\w.\[\]]*)\.({'|'.join(_CLOSING)})\(")
# Of a run that does not end: so many steps at its end are looked at; a circle is at most so long.
_TAIL = 400
_LONGEST_CIRCLE = 100


@dataclass
class Run:
    """A failing run: `steps` are all that is told, `shown` those that explain something."""

    key: str
    told: dict[str, Any]
    error: BaseException | str | None
    steps: list[Step] = field(default_factory=list)
    shown: list[Step] = field(default_factory=list)
    places: dict[int, Step] = field(default_factory=dict)
    waiting: list[Step] = field(default_factory=list)

    @property
    def threads(self) -> tuple[str, ...]:
        return tuple(self.told["threads"])

    @property
    def wrong(self) -> str:
        """The exception in words."""
        text = str(self.error)
        if isinstance(self.error, BaseException):
            text = f"{type(self.error).__name__}: {text}"
        return " ".join(text.split()).rstrip(" :.")

    def who(self, step: Step) -> str:
        return self.threads[step.thread]


def name(run: Run) -> tuple[str, str]:  # noqa: PLR0911  (one for each kind)
    """Its kind, and the sentence."""
    named = {
        "deadlock": _stuck,
        "endless": _endless,
        "data race": _data_race,
    }.get(run.key)
    if named is not None:
        return named(run)
    if run.key == "thief":
        return "thief", f"Lock released by a thread that does not own it: {run.error}."
    if run.key == "over-release":
        return "over-release", f"Semaphore released beyond its initial value: {run.error}."
    if (closed := _closed_before(run)) is not None:
        return "use after close", closed
    if (lost := _lost_update(run.shown)) is not None:
        read, meanwhile = lost
        return "atomicity violation", (
            f"Lost update of {read.what}: {run.who(read)} read it, {run.who(meanwhile)} wrote it,"
            f" then {run.who(read)} wrote over that ({run.wrong})."
        )
    if (stale := _check_then_act(run.shown) or _stale_look(run.shown)) is not None:
        look, change = stale
        return "atomicity violation", (
            f"Check, then act: {run.who(look)} looked at {look.what}{_at(look)}, and"
            f" {run.who(change)} changed it{_at(change)} before {run.who(look)} acted on what it"
            f" saw ({run.wrong})."
        )
    return "exception", f"{run.wrong}, under this schedule."


def _at(step: Step) -> str:
    return f" (line {step.line})" if step.line else ""


def _data_race(run: Run) -> tuple[str, str]:
    first, second = (run.places.get(step) for step in run.told["races"][0])
    if first is None or second is None:
        text = "Data race: two threads touch the same variable with nothing that orders them."
    else:
        text = (
            f"Data race on {first.what}: {run.who(first)} {first.verb} it at line {first.line},"
            f" {run.who(second)} {second.verb} it at line {second.line}, and no lock orders them."
        )
    return "data race", text


# Nobody can go on.


def _stuck(run: Run) -> tuple[str, str]:
    if (circle := _circle(run)) is not None:
        by_thread = {step.thread: step for step in run.waiting}
        parts = [
            f"{run.who(step)} waits for {step.what}{_at(step)}, which {run.threads[holder]} "
            + ("is" if step.verb == "joins" else "has")
            for step, holder in ((by_thread[waiter], holder) for waiter, holder in circle)
        ]
        return "deadlock", "Deadlock: " + "; ".join(parts) + "."
    for step in run.waiting:
        if (lost := _lost_wake_up(run, step)) is not None:
            return "lost wake-up", lost
    stuck = [step for step in run.waiting if step.verb != "joins"] or run.waiting
    holders = {thread: holder for thread, holder, _ in run.told["waiting"]}
    for step in stuck:
        if holders.get(step.thread) is None and (have := _who_has(run.steps, step.what)):
            holders[step.thread] = have[0]
    parts = []
    for step in stuck:
        part = f"{run.who(step)} {step.verb} {step.what}{_at(step)}"
        holder = None if step.verb == "joins" else holders.get(step.thread)
        if holder is not None and holder != step.thread:
            part += f", which {run.threads[holder]} has"
        parts.append(part)
    return "hang", "Hang: " + "; ".join(parts) + ", and nobody is left to let it go on."


def _circle(run: Run) -> list[tuple[int, int]] | None:
    """Threads that wait for each other, each with the one that has what it waits for."""
    # Nobody has a condition: it is waited for until somebody notifies.
    wanted = {step.thread: step for step in run.waiting if not _is(step, "Condition")}
    holders = {thread: [holder] for thread, holder, _ in run.told["waiting"] if holder is not None}
    for thread, step in wanted.items():
        if have := _who_has(run.steps, step.what):
            holders[thread] = [one for one in have if one != thread] or have
    for first in wanted:
        chain = [first]
        while True:
            after = [one for one in holders.get(chain[-1], []) if one in wanted]
            again = [one for one in after if one in chain]
            if again:
                chain = chain[chain.index(again[0]) :]
                return list(zip(chain, [*chain[1:], chain[0]], strict=True))
            if not after:
                break
            chain.append(after[0])
    return None


def _is(step: Step, kind: str) -> bool:
    return step.verb == "waits for" and step.what.startswith(kind)


def _who_has(steps: Iterable[Step], what: str) -> list[int]:
    """Threads that have taken more than they have given back, of what it is told of: semaphores,
    locks of `ungil.sync`.
    """
    permits: dict[int, int] = {}
    for step in steps:
        if step.what == what and step.verb in ("has", "releases"):
            given = 1 if step.verb == "has" else -1
            permits[step.thread] = permits.get(step.thread, 0) + given
    return [thread for thread, count in permits.items() if count > 0]


def _lost_wake_up(run: Run, waiting: Step) -> str | None:
    """Whether what `waiting` waits for has come already, and went to nobody or to another."""
    me = run.who(waiting)
    if _is(waiting, "Event"):
        sets = [step for step in run.steps if (step.verb, step.what) == ("sets", waiting.what)]
        clears = [step for step in run.steps if (step.verb, step.what) == ("clears", waiting.what)]
        if not sets or not clears:
            return None
        return (
            f"Lost wake-up: {run.who(sets[-1])} set {waiting.what}{_at(sets[-1])},"
            f" {run.who(clears[-1])} cleared it{_at(clears[-1])}, and {me} waits for it"
            f"{_at(waiting)}: nobody sets it again."
        )
    if not _is(waiting, "Condition"):
        return None
    at = next(n for n, step in enumerate(run.steps) if step is waiting)
    notifies = [
        (n, step)
        for n, step in enumerate(run.steps)
        if step.verb.startswith("notifies")
        and step.what == waiting.what
        and step.thread != waiting.thread
    ]
    if not notifies:
        return None
    when, notify = notifies[-1]
    if when < at:
        how = "only others waited" if notify.verb == "notifies" else "nobody waited"
        return (
            f"Lost wake-up: {run.who(notify)} notified {waiting.what}{_at(notify)} while {how};"
            f" then {me} began to wait{_at(waiting)}, and nobody notifies it again."
        )
    return (
        f"Lost wake-up: {me} waits for {waiting.what}{_at(waiting)}, and the notify of"
        f" {run.who(notify)}{_at(notify)} woke another one, which had no use for it."
    )


# The run used up its steps.


def _endless(run: Run) -> tuple[str, str]:
    tail = [(step.thread, step.verb, step.what, step.value, step.line) for step in run.steps]
    tail = tail[-_TAIL:]
    length = next(
        (n for n in range(1, _LONGEST_CIRCLE + 1) if len(tail) == _TAIL and tail[n:] == tail[:-n]),
        None,
    )
    if length is None:
        run.shown = run.shown[-_LONGEST_CIRCLE:]
        return "endless", (
            "Endless: the run used up its steps; a loop that nobody ends, or a model that is too"
            " long (max_steps=)."
        )
    circle = run.steps[-length:]
    run.shown = run.steps[-2 * length :]
    parts = []
    for thread in sorted({step.thread for step in circle}):
        lines = [step.line for step in circle if step.thread == thread and step.line]
        place = f" (lines {min(lines)} to {max(lines)})" if lines else ""
        parts.append(f"{run.threads[thread]}{place}")
    if len(parts) == 1:
        return "endless", f"Endless: {parts[0]} goes round in a loop that nobody ends."
    return "livelock", (
        f"Livelock: {' and '.join(parts)} go round for ever; each gives way to what the other does,"
        " and none gets on."
    )


# An exception.


def _closed_before(run: Run) -> str | None:
    """What was used after another thread had closed it."""
    if not _says_closed(run.error) or not run.told["failures"]:
        return None
    user = run.told["failures"][0][1]
    used = max((at for at, step in enumerate(run.steps) if step.thread == user), default=-1)
    for step in reversed(run.steps[: max(used, 0)]):
        if step.thread == user:
            continue
        method = step.what.rpartition(".")[2] if step.verb in ("calls", "runs") else ""
        owner, _, function = step.function.rpartition(".")
        in_source = _CLOSES.search(step.source())
        if method in _CLOSING:
            what = step.what.rpartition(".")[0]
        elif in_source is not None:
            what = in_source.group(1)
        elif function in _CLOSING:
            what = owner.rpartition(".")[2]
        else:
            continue
        return (
            f"Used after it was closed: {run.who(step)} closed {what}{_at(step)}, and"
            f" {run.threads[user]} used it after that{_at(run.steps[used])} ({run.wrong})."
        )
    return None


def _says_closed(error: BaseException | str | None) -> bool:
    kind, text = type(error).__name__.lower(), str(error).lower()
    if isinstance(error, OSError) and error.errno == errno.EBADF:
        return True
    if "closed" in kind or "shutdown" in kind:
        return True
    return isinstance(error, ValueError | RuntimeError) and ("closed" in text or "shutdown" in text)


def _lost_update(steps: list[Step]) -> tuple[Step, Step] | None:
    """The last reading whose thread later wrote over what another one had written meanwhile."""
    for at in range(len(steps) - 1, -1, -1):
        read = steps[at]
        if read.verb != "reads":
            continue
        meanwhile = None
        for later in steps[at + 1 :]:
            if later.what != read.what or later.verb not in ("writes", "reads"):
                continue
            if later.thread != read.thread:
                meanwhile = later if later.verb == "writes" else meanwhile
            elif later.verb == "writes" and meanwhile is not None:
                return read, meanwhile
            else:
                break
    return None


def _check_then_act(steps: list[Step]) -> tuple[Step, Step] | None:
    """The last look at something that another thread changed in the middle of the looker's turn."""
    for at in range(len(steps) - 2, -1, -1):
        look, after = steps[at], steps[at + 1]
        if look.thread == after.thread or look.verb not in ("reads", "looks at"):
            continue
        returns = [n for n in range(at + 1, len(steps)) if steps[n].thread == look.thread]
        between = steps[at + 1 : returns[0]] if returns else []
        for step in between:
            if _owner(step) == _owner(look) and step.verb in ("writes", "changes", "deletes"):
                return look, step
    return None


def _stale_look(steps: list[Step]) -> tuple[Step, Step] | None:
    """The last look at something that the looker changed later, though another thread had, too."""
    changes = ("writes", "changes", "deletes")
    for at in range(len(steps) - 1, -1, -1):
        look = steps[at]
        if look.verb not in ("reads", "looks at"):
            continue
        meanwhile = None
        for later in steps[at + 1 :]:
            if _thing(later) != _thing(look):
                continue
            if later.thread != look.thread:
                meanwhile = later if later.verb in changes else meanwhile
            elif later.verb in changes and meanwhile is not None:
                return look, meanwhile
            else:
                break
    return None


def _thing(step: Step) -> str:
    """An attribute is a thing of its own, an element or a method is part of a container."""
    is_attribute = step.verb in ("reads", "writes", "deletes") and "[" not in step.what
    return step.what if is_attribute else _owner(step)


def _owner(step: Step) -> str:
    return re.split(r"[.\[]", step.what, maxsplit=1)[0]
