"""What was found: the failing run in source lines, and one sentence that names the bug."""

import json
import linecache
import os
import shutil
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

FORMAT = "ungil.race.finding/1"


@dataclass(frozen=True)
class Step:
    """One step of the failing run."""

    thread: int
    verb: str
    what: str
    value: str | None
    file: str
    line: int
    function: str

    def source(self) -> str:
        """The line of its source."""
        return linecache.getline(self.file, self.line).strip()

    def __str__(self) -> str:
        value = "" if self.value is None else f" = {self.value}"
        return f"{self.verb} {self.what}{value}"


@dataclass(frozen=True)
class Finding:
    """A failure, with the schedule that leads to it.

    `kind` is "exception", "deadlock", "endless", "thief", "over-release" or "data race".
    `turns` are (thread, steps) pairs; `steps` are what was done, in order; `waiting` is what each
    thread waits for at the end (of a deadlock).
    """

    kind: str
    sentence: str
    threads: tuple[str, ...]
    steps: tuple[Step, ...]
    turns: tuple[tuple[int, int], ...]
    model: str | None = None
    waiting: tuple[Step, ...] = ()
    error: BaseException | None = field(default=None, compare=False)

    def to_json(self) -> str:
        """For `ungil race replay` and for other programs."""
        facts = {
            "format": FORMAT,
            "python": sys.version.split()[0],
            "kind": self.kind,
            "sentence": self.sentence,
            "model": self.model,
            "threads": self.threads,
            "turns": self.turns,
            "steps": [asdict(step) for step in self.steps],
            "waiting": [asdict(step) for step in self.waiting],
        }
        return json.dumps(facts, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "Finding":
        """What `to_json` wrote. ValueError: something else."""
        try:
            facts = json.loads(text)
            if facts["format"] != FORMAT:
                raise ValueError(f"its format is {facts['format']!r}, not {FORMAT!r}")
            return cls(
                kind=facts["kind"],
                sentence=facts["sentence"],
                threads=tuple(facts["threads"]),
                steps=tuple(Step(**step) for step in facts["steps"]),
                turns=tuple((thread, steps) for thread, steps in facts["turns"]),
                model=facts["model"],
                waiting=tuple(Step(**step) for step in facts["waiting"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"this is no finding of ungil.race: {error}") from error

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes it as JSON, for `ungil race replay`."""
        Path(path).write_text(self.to_json(), encoding="utf-8")

    def __str__(self) -> str:
        return self.render()

    def render(self, width: int | None = None, color: bool = False) -> str:
        """The sentence, then a column per thread with its source lines in order of execution."""
        width = width or shutil.get_terminal_size((100, 24)).columns
        bold, red, dim, end = ("\x1b[1m", "\x1b[31m", "\x1b[2m", "\x1b[0m") if color else [""] * 4
        lines = textwrap.wrap(self.sentence, width)
        lines = [f"{bold}{red}{line}{end}" for line in lines]
        lines.append("")
        lines += _columns(self, width, bold, dim, end)
        for step in self.waiting:
            lines.append(
                f"{self.threads[step.thread]} waits for ever: {step}"
                f" at {Path(step.file).name or '?'}:{step.line}: {step.source()}"
            )
        return "\n".join(lines)


def _columns(finding: Finding, width: int, bold: str, dim: str, end: str) -> list[str]:
    seen = sorted({step.thread for step in finding.steps})
    if not seen:
        return []
    column = max(24, (width - 3 * (len(seen) - 1)) // len(seen))
    bar = " | "

    def row(thread: int, text: str, before: str = "", after: str = "") -> str:
        cells = [
            f"{before if one == thread else ''}{(text if one == thread else '')[:column]:<{column}}"
            f"{after if one == thread else ''}"
            for one in seen
        ]
        return bar.join(cells).rstrip()

    names = bar.join(f"{finding.threads[one][:column]:<{column}}" for one in seen)
    lines = [f"{bold}{names.rstrip()}{end}", "-+-".join(["-" * column] * len(seen))]
    previous: Step | None = None
    for step in finding.steps:
        switched = previous is not None and previous.thread != step.thread
        if switched:
            lines.append(f"{dim}{'~ switch ~':^{min(width, column * len(seen))}}{end}".rstrip())
        place = (step.file, step.line, step.thread)
        if switched or previous is None or place != (previous.file, previous.line, previous.thread):
            name = Path(step.file).name if step.file else "?"
            lines.append(row(step.thread, f"{name}:{step.line}: {step.source()}"))
        lines.append(row(step.thread, f"    {step}", dim, end))
        previous = step
    return lines


class RaceFound(AssertionError):
    """A model failed under some schedule; `finding` has it."""

    def __init__(self, finding: Finding, hint: str = "") -> None:
        super().__init__(f"{finding}\n{hint}" if hint else str(finding))
        self.finding = finding


def build(
    key: str, told: dict[str, Any], model: str | None, error: BaseException | str | None
) -> Finding:
    """A finding from what the engine tells of a run."""
    raw = [((*ids,), *rest) for ids, *rest in told["steps"]]
    labels = _labels([*raw, *(row for _, _, row in told["waiting"] if row is not None)])
    steps: list[Step] = []
    places: dict[int, Step] = {}
    waits = [(row[0][2], thread) for thread, _, row in told["waiting"] if row is not None]
    telling = _telling(raw, waits)
    values: dict[Any, str] = {}
    for (number, thread, identity), verb, what, value, file, line, function in raw:
        name = labels[identity, what]
        if verb in ("writes", "deletes"):
            values[name] = value or "(nothing)"
        elif verb == "reads":
            value = values.get(name)  # noqa: PLW2901
        step = Step(thread, verb, name, value, file, line, function)
        places[number] = step
        if verb == "sleeps" or (verb != "joins" and identity in telling):
            steps.append(step)
    waiting = tuple(
        Step(thread, row[1], labels[row[0][2], row[2]], None, *row[4:])
        for thread, _, row in told["waiting"]
        if row is not None
    )
    threads = tuple(told["threads"])
    kind = (
        key if key in ("deadlock", "endless", "thief", "over-release", "data race") else "exception"
    )
    sentence = _sentence(kind, told, steps, places, waiting, threads, error)
    turns = tuple((thread, count) for thread, count in told["turns"])
    exception = error if isinstance(error, BaseException) else None
    return Finding(kind, sentence, threads, tuple(steps), turns, model, waiting, exception)


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


def _labels(rows: Sequence[Any]) -> dict[tuple[int | None, str], str]:
    """Names of things, numbered where several have the same one."""
    by_name: dict[str, list[int | None]] = {}
    for (_, _, identity), _, what, *_ in rows:
        owners = by_name.setdefault(what, [])
        if identity not in owners:
            owners.append(identity)
    labels = {}
    for what, owners in by_name.items():
        for number, identity in enumerate(owners, 1):
            owner, dot, rest = what.partition(".")
            label = what if len(owners) == 1 else f"{owner}#{number}{dot}{rest}"
            labels[identity, what] = label
    return labels


def _sentence(  # noqa: PLR0911  (one for each kind)
    kind: str,
    told: dict[str, Any],
    steps: list[Step],
    places: dict[int, Step],
    waiting: tuple[Step, ...],
    threads: tuple[str, ...],
    error: BaseException | str | None,
) -> str:
    if kind == "deadlock":
        return _deadlock(told, waiting, threads)
    if kind == "endless":
        return (
            "Endless: the run used up its steps; threads wait for each other in a loop (livelock),"
            " or the model is too long (max_steps=)."
        )
    if kind == "thief":
        return f"Lock released by a thread that does not own it: {error}."
    if kind == "over-release":
        return f"Semaphore released beyond its initial value: {error}."
    if kind == "data race":
        first, second = (places.get(step) for step in told["races"][0])
        if first is None or second is None:
            return "Data race: two threads touch the same variable with nothing that orders them."
        return (
            f"Data race on {first.what}: {threads[first.thread]} {first.verb} it at line"
            f" {first.line}, {threads[second.thread]} {second.verb} it at line {second.line},"
            " and no lock orders them."
        )
    wrong = f"{type(error).__name__}: {error}" if isinstance(error, BaseException) else str(error)
    if (lost := _lost_update(steps)) is not None:
        reader, writer = threads[lost[0].thread], threads[lost[1].thread]
        return (
            f"Lost update of {lost[0].what}: {reader} read it, {writer} wrote it, then {reader}"
            f" wrote over that ({wrong.rstrip(': ')})."
        )
    if (stale := _check_then_act(steps)) is not None:
        reader, writer = threads[stale[0].thread], threads[stale[1].thread]
        return (
            f"Check, then act: {reader} looked at {stale[0].what}, and {writer} changed it before"
            f" {reader} acted on what it saw ({wrong.rstrip(': ')})."
        )
    return f"{wrong.rstrip(': ')}, under this schedule."


def _deadlock(told: dict[str, Any], waiting: tuple[Step, ...], threads: tuple[str, ...]) -> str:
    cycle = told["cycle"]
    held = {thread: holder for thread, holder, _ in told["waiting"]}
    by_thread = {step.thread: step for step in waiting}
    # A condition's waiter waits for a lock of its own that `notify` releases: no circle of threads.
    alone = [one for one in cycle if held[one] == one]
    if alone and alone[0] in by_thread and ".wait(" in by_thread[alone[0]].source():
        cycle = []
    if cycle and all(one in by_thread for one in cycle):
        parts = [
            f"{threads[one]} waits for {by_thread[one].what}{_at(by_thread[one])}, which"
            f" {threads[held[one]]} has"
            for one in cycle
            if by_thread[one].line or len(cycle) > 1
        ]
        if parts:
            return "Deadlock: " + "; ".join(parts) + "."
    stuck = [step for step in waiting if step.verb != "joins"] or list(waiting)
    parts = [f"{threads[step.thread]} {step.verb} {step.what}{_at(step)}" for step in stuck]
    return "Hang: " + "; ".join(parts) + ", and nobody is left to let it go on."


def _at(step: Step) -> str:
    return f" (line {step.line})" if step.line else ""


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
            same = step.what.split(".")[0] == look.what.split(".")[0]
            if same and step.verb in ("writes", "changes", "deletes"):
                return look, step
    return None
