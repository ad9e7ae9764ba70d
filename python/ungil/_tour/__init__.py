"""`ungil tour`: plays the lecture's chapters in the terminal."""

from __future__ import annotations

import os
import subprocess
import sys

from ungil._tour._chapters import CHAPTERS, Chapter, Script

__all__ = ["CHAPTERS", "Refused", "contents", "play"]


class Refused(Exception):
    """What was asked for is not there; the message says what is."""


def contents() -> str:
    """The chapters and their scripts, for `--list`."""
    lines = []
    for number, chapter in enumerate(CHAPTERS, 1):
        lines.append(f"{number}  {chapter.title}")
        for script in chapter.scripts:
            lines.append(f"   {script.path.stem:<18} {script.told()[0]}")
    return "\n".join(lines) + "\n"


def play(number: int | None, *, go_on: bool, color: bool) -> int:
    """Plays one chapter, or all of them; the exit code.

    go_on: does not wait for Enter between scripts.
    """
    if number is not None and not 1 <= number <= len(CHAPTERS):
        raise Refused(f"there is no chapter {number}; they are 1 to {len(CHAPTERS)} (--list).")
    wait = not go_on and sys.stdin.isatty() and sys.stdout.isatty()
    chosen = [(n, c) for n, c in enumerate(CHAPTERS, 1) if number in (None, n)]
    parts = [(n, c, script) for n, c in chosen for script in c.scripts]
    failed = 0
    for at, (n, chapter, script) in enumerate(parts):
        if at and wait and not _goes_on():
            break
        _announce(n, chapter, script, color)
        failed += not _run(script)
    return int(failed > 0)


def _announce(number: int, chapter: Chapter, script: Script, color: bool) -> None:
    bold, plain = ("\033[1m", "\033[0m") if color else ("", "")
    sentence, rest = script.told()
    if script == chapter.scripts[0]:
        title = f"{number}. {chapter.title}"
        print(f"\n{bold}{title}\n{'=' * len(title)}{plain}")
    print(f"\n{bold}{sentence}{plain}\n\n{rest}\n\n$ python {_shown(script)}\n", flush=True)


def _shown(script: Script) -> str:
    path = os.path.relpath(script.path)
    return path if not path.startswith("..") else str(script.path)


def _goes_on() -> bool:
    """Whether the user wants more: Enter goes on, q and the end of input do not."""
    try:
        return not input("\nEnter goes on, q ends: ").strip().lower().startswith("q")
    except EOFError:
        print()
        return False


def _run(script: Script) -> bool:
    """Runs a script to its end; whether that was a good one.

    It is in a process group of its own: Ctrl-C comes to us only, and it is killed without a word.
    """
    if missing := script.is_missing:
        print(f"Left out: it needs {missing}, `pip install 'ungil[native]'`.")
        return True
    command = [sys.executable, str(script.path)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0) as running:
        try:
            code = running.wait()
        except BaseException:
            running.kill()
            raise
    if code:
        print(f"It ended with exit code {code}.")
    return code == 0
