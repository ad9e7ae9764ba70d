"""What was found: the failing run in source lines, and one sentence that names the bug."""

import itertools
import json
import linecache
import os
import shutil
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ungil._ungil import race as _native
from ungil.race import _schedule

FORMAT = "ungil.race.finding/1"
KINDS = (
    "exception",
    "atomicity violation",
    "use after close",
    "deadlock",
    "lost wake-up",
    "hang",
    "livelock",
    "endless",
    "thief",
    "over-release",
    "data race",
)


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

    `kind` is one of `KINDS`; docs/race.md says what they mean.
    `carriers` is what the model's threads were, "fibers" or "real".
    `turns` are (thread, steps) pairs, as many steps as they are on the `python` that found it;
    `switches` say of each turn what its thread was about to do at its end. `steps` are what was
    done, in order; `waiting` is what each thread waits for at the end (of a deadlock).
    """

    kind: str
    sentence: str
    threads: tuple[str, ...]
    steps: tuple[Step, ...]
    turns: tuple[tuple[int, int], ...]
    model: str | None = None
    waiting: tuple[Step, ...] = ()
    error: BaseException | None = field(default=None, compare=False)
    mode: str = "gil"
    python: str = field(default_factory=_schedule.version)
    switches: tuple[_schedule.Switch | None, ...] = ()
    carriers: str = "fibers"

    def to_json(self) -> str:
        """For `ungil race replay` and for other programs."""
        facts = {
            "format": FORMAT,
            "python": self.python,
            "mode": self.mode,
            "carriers": self.carriers,
            "kind": self.kind,
            "sentence": self.sentence,
            "model": self.model,
            "threads": self.threads,
            "turns": self.turns,
            "switches": [None if switch is None else asdict(switch) for switch in self.switches],
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
                mode=facts["mode"],
                carriers=facts.get("carriers", "fibers"),
                python=facts["python"],
                switches=tuple(
                    None if switch is None else _schedule.Switch(**switch)
                    for switch in facts["switches"]
                ),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"this is no finding of ungil.race: {error}") from error

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes it as JSON, for `ungil race replay`."""
        Path(path).write_text(self.to_json(), encoding="utf-8")

    def to_html(self) -> str:
        """A page of its own: one file that loads nothing, for a browser or for paper."""
        facts = json.loads(self.to_json())
        for step in (*facts["steps"], *facts["waiting"]):
            step["source"] = linecache.getline(step["file"], step["line"]).strip()
        page: str = _native.page(json.dumps(facts))
        return page

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
    for step, times in _repeated(finding.steps):
        switched = previous is not None and previous.thread != step.thread
        if switched:
            lines.append(f"{dim}{'~ switch ~':^{min(width, column * len(seen))}}{end}".rstrip())
        place = (step.file, step.line, step.thread)
        is_new = previous is None or place != (previous.file, previous.line, previous.thread)
        if step.file and (switched or is_new):
            lines.append(row(step.thread, f"{Path(step.file).name}:{step.line}: {step.source()}"))
        often = "" if times == 1 else f" ({times} times)"
        lines.append(row(step.thread, f"    {step}{often}", dim, end))
        previous = step
    return lines


def _repeated(steps: Iterable[Step]) -> Iterator[tuple[Step, int]]:
    """Each step, with how often it is made in a row."""
    for step, same in itertools.groupby(steps):
        yield step, sum(1 for _ in same)


class RaceFound(AssertionError):
    """A model failed under some schedule; `finding` has it."""

    def __init__(self, finding: Finding, hint: str = "") -> None:
        super().__init__(f"{finding}\n{hint}" if hint else str(finding))
        self.finding = finding
