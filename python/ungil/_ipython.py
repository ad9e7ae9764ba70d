"""`%load_ext ungil`, then `%%ungil trace` at the head of a cell."""

from __future__ import annotations

import shlex
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any, NoReturn

VERBS = "`trace`: who holds the GIL while the cell runs"


class _Usage(Exception):
    """The line after `%%ungil` is not understood, or asks for help."""


class _Parser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _Usage(f"{message}.\n{self.format_usage()}")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        raise _Usage(message or "")


def load(shell: Any) -> None:
    """Registers the magic with an IPython shell."""

    def ungil(line: str, cell: str | None = None) -> None:
        """%%ungil trace [-o FILE] [--json FILE] [--children] [--quiet]: the cell, traced."""
        try:
            _run(shell, line, cell)
        except _Usage as told:
            if str(told):
                print(f"%%ungil: {told}")

    shell.register_magic_function(ungil, magic_kind="line_cell", magic_name="ungil")


def unload(shell: Any) -> None:
    """Takes it away again."""
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("ungil", None)


def _run(shell: Any, line: str, cell: str | None) -> None:
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise _Usage(f"{error} in {line!r}.") from None
    if not words:
        raise _Usage(f"what to do? {VERBS}.")
    verb = _VERBS.get(words[0])
    if verb is None:
        raise _Usage(f"there is no {words[0]!r}. {VERBS}.")
    if cell is None:
        raise _Usage(f"this is for a whole cell: %%ungil {line} in its first line, with two %.")
    verb(shell, words[1:], cell)


def _trace(shell: Any, words: list[str], cell: str) -> None:
    from ungil._trace import Trace  # noqa: PLC0415 (only where it is needed)

    parser = _Parser(prog="%%ungil trace", description="Shows who holds the GIL in a cell.")
    parser.add_argument("-o", "--output", metavar="FILE", help="write the timeline here")
    parser.add_argument("--json", metavar="FILE", help="write all figures here")
    parser.add_argument("--children", action="store_true", help="child processes, too")
    parser.add_argument("--quiet", action="store_true", help="no summary")
    options = parser.parse_args(words)
    trace = Trace(children=options.children)
    try:
        trace.start()
    except RuntimeError as error:
        raise _Usage(str(error)) from None
    try:
        # An error in the cell is shown by the shell, which goes on.
        shell.run_cell(cell)
    finally:
        trace.stop()
    try:
        if options.output:
            trace.save(options.output)
        if options.json:
            with open(options.json, "w", encoding="utf-8") as file:
                file.write(trace.to_json())
    except OSError as error:
        print(f"%%ungil: {error}")
    if not options.quiet:
        print(trace.summary())


_VERBS: dict[str, Callable[[Any, list[str], str], None]] = {"trace": _trace}
