"""`map(..., progress=True)`: a bar on a terminal or in a notebook, and nothing elsewhere."""

import itertools
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import pytest
import tqdm
import tqdm.notebook
import ungil
from command_line import ENVIRONMENT
from programs import PATIENCE, output, wait_until, write
from ungil import _progress

# pexpect forks; nothing of ours runs in the child before it becomes the program.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")

OnTerminal = Callable[..., Any]

WIDTH = 120
KINDS = ("serial", "thread", "process")

PROGRAM = """
    import sys, time, ungil

    def nap(number):
        time.sleep(0.01)
        return 10 // number

    if __name__ == "__main__":
        with ungil.executor({kind!r}, 2) as pool:
            results = pool.map(nap, {items}, progress={progress!r})
            print("sum", sum(results))
"""


@pytest.fixture
def on_terminal(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Runs a program on a terminal."""
    pexpect = pytest.importorskip("pexpect")
    children = []

    def run(source: str, **env: str) -> Any:
        child = pexpect.spawn(
            sys.executable,
            [str(write(tmp_path, source))],
            cwd=str(tmp_path),
            env=ENVIRONMENT | {"TERM": "xterm", "PYTHON_COLORS": "0"} | env,
            encoding="utf-8",
            dimensions=(24, WIDTH),
            timeout=30,
        )
        children.append(child)
        return child

    yield run
    for child in children:
        child.close(force=True)


def ends_its_line(shown: str) -> bool:
    """Whether what comes next is on a line of its own: the bar's fills the terminal's width."""
    last = re.sub("\x1b\\[[0-9;?]*[A-Za-z]", "", shown).rpartition("\n")[2].rpartition("\r")[2]
    return len(last) in (0, WIDTH)


@pytest.mark.parametrize("kind", KINDS)
def test_on_a_terminal_it_is_our_bar(on_terminal: OnTerminal, kind: str) -> None:
    program = PROGRAM.format(kind=kind, items="range(1, 61)", progress="naps")
    child = on_terminal(program)
    child.expect(r"naps: +\d+%\|")
    child.expect("sum \\d+\r\n")
    assert re.search(r"60/60 \[[^\r]*/s\] *$", child.before)
    assert ends_its_line(child.before)


def test_without_a_length_it_counts(on_terminal: OnTerminal) -> None:
    items = "(n for n in range(1, 61))"
    child = on_terminal(PROGRAM.format(kind="thread", items=items, progress=True))
    child.expect("sum \\d+\r\n")
    assert re.search(r"K60 \[[0-9:]+, [^\r]*/s\] *$", child.before)
    assert ends_its_line(child.before)


def test_it_has_no_colours_where_none_are_wanted(on_terminal: OnTerminal) -> None:
    program = PROGRAM.format(kind="thread", items="range(1, 11)", progress=True)
    child = on_terminal(program, NO_COLOR="1")
    child.expect("sum")
    assert "10/10" in child.before
    assert "\x1b[3" not in child.before


@pytest.mark.parametrize("kind", KINDS)
def test_an_exception_is_told_on_lines_of_its_own(on_terminal: OnTerminal, kind: str) -> None:
    items = "[*range(1, 10), 0, *range(1, 30)]"
    child = on_terminal(PROGRAM.format(kind=kind, items=items, progress=True))
    child.expect("ungil._process.RemoteTraceback|Traceback")
    assert ends_its_line(child.before)
    child.expect(r"ZeroDivisionError: [^\n]*\r\n$")
    child.wait()
    assert child.exitstatus == 1


@pytest.mark.parametrize("kind", KINDS)
def test_ctrl_c_ends_it(on_terminal: OnTerminal, kind: str) -> None:
    child = on_terminal(PROGRAM.format(kind=kind, items="range(1, 5000)", progress=True))
    child.expect(r"[1-9]\d*/4999")
    child.sendintr()
    child.expect("Traceback")
    assert ends_its_line(child.before)
    child.expect(r"\r\nKeyboardInterrupt\r\n$")
    child.wait()
    assert child.signalstatus == signal.SIGINT


def test_elsewhere_nothing_is_shown(tmp_path: Path) -> None:
    program = PROGRAM.format(kind="process", items="range(1, 5)", progress=True)
    assert output(tmp_path, program) == "sum 20\n"


# --- in a notebook --------------------------------------------------------------------------------


class Widget:
    """In place of tqdm's bar for notebooks, which needs a browser."""

    made: ClassVar["list[Widget]"] = []

    def __init__(self, total: int | None, desc: str | None) -> None:
        self.total, self.desc, self.n, self.closed = total, desc, 0, False
        Widget.made.append(self)

    def update(self, count: int) -> None:
        self.n += count

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def widgets(monkeypatch: pytest.MonkeyPatch) -> list[Widget]:
    notebook = ModuleType("IPython")
    notebook.get_ipython = lambda: SimpleNamespace(kernel=object())  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", notebook)
    monkeypatch.setattr(tqdm.notebook, "tqdm", Widget)
    monkeypatch.setattr(Widget, "made", [])
    return Widget.made


@pytest.mark.parametrize("kind", KINDS)
def test_in_a_notebook_it_is_tqdms(widgets: list[Widget], kind: str) -> None:
    with ungil.executor(kind, 2) as pool:
        assert list(pool.map(abs, range(-9, 0), progress="abs")) == [*range(9, 0, -1)]
    (widget,) = widgets
    assert (widget.total, widget.desc, widget.n, widget.closed) == (9, "abs", 9, True)


@pytest.mark.parametrize("kind", [*KINDS, "auto"])
def test_ungil_map_has_it_too(widgets: list[Widget], kind: str) -> None:
    assert list(ungil.map(abs, range(-9, 0), kind, 2, progress=True)) == [*range(9, 0, -1)]
    (widget,) = widgets
    assert (widget.total, widget.n, widget.closed) == (9, 9, True)


def test_chunks_count_their_items(widgets: list[Widget]) -> None:
    with ungil.ProcessPoolExecutor(2) as pool:
        list(pool.map(abs, range(10), chunksize=4, progress=True))
        list(ungil.map(abs, range(10), "process", 2, chunksize=4, progress=True))
    assert [(widget.total, widget.n) for widget in widgets] == [(10, 10), (10, 10)]


def test_a_view_with_options_has_it_too(widgets: list[Widget]) -> None:
    with ungil.ThreadPoolExecutor(2) as pool:
        list(pool.options(priority=1).map(abs, range(10), progress=True))
    assert widgets[0].n == 10


def test_calls_are_counted_when_they_end_and_not_when_their_results_are_taken(
    widgets: list[Widget],
) -> None:
    gate = threading.Event()
    with ungil.ThreadPoolExecutor(2) as pool:
        results = pool.map(lambda n: n or gate.wait(PATIENCE), range(5), progress=True)
        wait_until(lambda: widgets[0].n == 4)
        gate.set()
        assert list(results) == [True, 1, 2, 3, 4]


def test_the_end_of_the_with_block_closes_it(widgets: list[Widget]) -> None:
    with ungil.ThreadPoolExecutor(2, max_pending=2) as pool:
        results = pool.map(abs, itertools.count(), progress=True)
        next(results)
        assert not widgets[0].closed
    assert widgets[0].closed


def test_a_map_that_cannot_begin_leaves_no_bar(widgets: list[Widget]) -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    with ungil.ThreadPoolExecutor(1) as pool, pytest.raises(ValueError, match="no more"):
        pool.map(abs, broken(), progress=True)
    assert widgets[0].closed


def test_map_stays_lazy(widgets: list[Widget]) -> None:
    taken = itertools.count()
    with ungil.ThreadPoolExecutor(2, max_pending=3) as pool:
        results = pool.map(abs, taken, progress=True)
        assert next(results) == 0
        assert next(taken) <= 1 + 3
        assert widgets[0].total is None
        results.close()  # type: ignore[attr-defined]


def test_without_a_notebooks_widgets_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_progress, "_is_notebook", lambda: True)
    monkeypatch.setitem(sys.modules, "tqdm.notebook", None)
    with ungil.ThreadPoolExecutor(1) as pool:
        assert list(pool.map(abs, [-1], progress=True)) == [1]


@pytest.mark.parametrize("progress", [1, None, b"label"])
def test_it_is_a_bool_or_a_label(progress: Any) -> None:
    with ungil.ThreadPoolExecutor(1) as pool, pytest.raises(TypeError, match="progress must be"):
        pool.map(abs, [1], progress=progress)


def test_standard_error_that_is_closed_shows_nothing(tmp_path: Path) -> None:
    program = PROGRAM.format(kind="thread", items="range(1, 5)", progress=True)
    path = write(tmp_path, program)
    command = f"exec {sys.executable} {path} 2>&-"
    assert os.waitstatus_to_exitcode(os.system(command)) == 0
