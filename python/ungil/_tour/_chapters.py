"""The lecture's chapters, and the scripts of each, in its order.

The scripts are those of `examples/`; links in `scripts/` put them into the wheel.
"""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

_SCRIPTS = Path(__file__).parent / "scripts"


class Script(NamedTuple):
    """One program of a chapter."""

    path: Path
    needs: str | None = None
    """A package without which it cannot run."""

    @property
    def is_missing(self) -> str | None:
        """The package that it needs and that is not there."""
        return self.needs if self.needs and find_spec(self.needs) is None else None

    def told(self) -> tuple[str, str]:
        """Its first sentence, and the paragraphs after the line with its command."""
        text = ast.get_docstring(ast.parse(self.path.read_text(encoding="utf-8"))) or ""
        sentence, _command, *rest = text.split("\n\n")
        return sentence, "\n\n".join(rest)


class Chapter(NamedTuple):
    """A part of the lecture."""

    folder: str
    title: str
    scripts: list[Script]


def _chapter(folder: str, title: str, *names: str, needs: str | None = None) -> Chapter:
    scripts = [Script(_SCRIPTS / folder / f"{name}.py", needs) for name in names]
    return Chapter(folder, title, scripts)


CHAPTERS = [
    _chapter("01_interface", "Basic interface", "run_example", "synchronise"),
    _chapter(
        "02_process_or_thread",
        "Process or thread: which one should be used?",
        "compare",
        "memory",
    ),
    _chapter(
        "03_why",
        "Why: what the interpreter does",
        "byte_code",
        "reference_counts",
        "who_holds_the_gil",
    ),
    _chapter(
        "04_native",
        "Freeing ourselves from the shackles",
        "integrate_square",
        needs="llvmlite",
    ),
    _chapter(
        "05_fun",
        "Fun (and how to avoid the GIL: chapter 4)",
        "break_python",
        "find_the_race",
        "steal_money",
        "compile_it",
        "break_semaphore",
    ),
]
