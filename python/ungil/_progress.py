"""The progress of a map: our bar on a terminal, tqdm's in a notebook, nothing elsewhere."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Protocol

from ungil import _ungil


class _Shown(Protocol):
    def advance(self, count: int) -> None: ...
    def close(self) -> None: ...


class Progress:
    """Counts the items of a map whose calls have ended."""

    def __init__(self, shown: _Shown, total: int | None) -> None:
        self._shown: _Shown | None = shown
        self._lock = threading.Lock()
        self._total = total
        self._begun = 0
        self._ended = 0

    def watch(self, future: Future[Any], items: int = 1) -> None:
        """Counts so many items once the future is done, unless it was cancelled."""
        self._begun += items

        def count(future: Future[Any]) -> None:
            if not future.cancelled():
                self.advance(items)

        future.add_done_callback(count)

    def advance(self, items: int = 1) -> None:
        with self._lock:
            if self._shown is not None:
                self._ended += items
                self._shown.advance(items)
        if self._ended == self._total:
            self.close()

    def all_ended(self) -> None:
        """All that was watched has ended, even where the news is still on its way."""
        self.advance(self._begun - self._ended)

    def close(self) -> None:
        """Leaves the bar as it is; whatever is written next starts on a line of its own."""
        with self._lock:
            shown, self._shown = self._shown, None
        if shown is not None:
            shown.close()


def show(progress: bool | str, total: int | None) -> Progress | None:
    """A bar, with a label if `progress` is one; None where there is nobody to show it to."""
    if not isinstance(progress, bool | str):
        raise TypeError(f"progress must be True, False or a label, not {progress!r}")
    if progress is False:
        return None
    label = progress if isinstance(progress, str) else ""
    shown = _NotebookBar.open(total, label) if _is_notebook() else _terminal_bar(total, label)
    return None if shown is None else Progress(shown, total)


def length(iterables: Iterable[Any]) -> int | None:
    """The number of items of `zip(*iterables)`, if it can be known."""
    try:
        return min(map(len, iterables), default=0)
    except TypeError:
        return None


def _terminal_bar(total: int | None, label: str) -> _Shown | None:
    try:
        # A stream that somebody has put in its place is theirs to read.
        is_terminal = sys.stderr.isatty() and sys.stderr.fileno() == 2
    except (AttributeError, OSError, ValueError):
        return None
    return _ungil.ProgressBar(total, label) if is_terminal else None


def _is_notebook() -> bool:
    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if hasattr(ipython, "get_ipython") else None
    return getattr(shell, "kernel", None) is not None


class _NotebookBar:
    """tqdm's bar for notebooks."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar

    @classmethod
    def open(cls, total: int | None, label: str) -> _NotebookBar | None:
        with suppress(ImportError):  # without tqdm, or without the widgets that it draws with
            from tqdm.notebook import tqdm  # noqa: PLC0415 (only here)

            return cls(tqdm(total=total, desc=label or None))
        return None

    def advance(self, count: int) -> None:
        self._bar.update(count)

    def close(self) -> None:
        self._bar.close()
