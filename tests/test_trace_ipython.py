"""`%%ungil trace` in IPython."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

CELL = (
    "import threading\nt = threading.Thread(target=lambda: sum(range(10**6)), name='adder')\n"
    "t.start(); t.join()\nanswer = 42\n"
)


@pytest.fixture(scope="module")
def only_shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        settings = Config()
        # No file and no thread for the history.
        settings.HistoryManager.enabled = False
        settings.HistoryManager.hist_file = ":memory:"
        yield InteractiveShell.instance(config=settings)
        InteractiveShell.clear_instance()


@pytest.fixture
def shell(only_shell: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    only_shell.run_line_magic("reload_ext", "ungil")
    return only_shell


def test_a_cell_is_traced_and_its_names_stay(
    shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run_cell(f"%%ungil trace\n{CELL}").raise_error()
    assert "adder" in capsys.readouterr().out
    assert shell.user_ns["answer"] == 42


def test_output_goes_to_files(
    shell: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run_cell(f"%%ungil trace --quiet -o t.json --json 'f g.json'\n{CELL}").raise_error()
    assert capsys.readouterr().out == ""
    assert json.loads((tmp_path / "t.json").read_text())["traceEvents"]
    assert json.loads((tmp_path / "f g.json").read_text())["held_share"] > 0


def test_an_error_in_the_cell_is_shown_and_the_summary_comes(
    shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run_cell("%%ungil trace\n1 / 0\n")
    out = capsys.readouterr().out
    assert "ZeroDivisionError" in out
    assert "The GIL, " in out


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("%%ungil\n1\n", "what to do? `trace`"),
        ("%%ungil tarce\n1\n", "there is no 'tarce'"),
        ("%%ungil trace --jsn x\n1\n", "unrecognized arguments: --jsn x"),
        ("%%ungil trace -o\n1\n", "expected one argument"),
        ("%%ungil trace 'x\n1\n", "No closing quotation"),
        ("%ungil trace", "this is for a whole cell"),
        ("%%ungil trace -o no/such/t.json\n1\n", "cannot write no/such/t.json"),
        ("%%ungil trace --help\n1\n", "usage: %%ungil trace"),
        (
            "%%ungil trace\nget_ipython().run_cell('%%ungil trace\\n1')\n",
            "the GIL is being traced already",
        ),
    ],
)
def test_misuse_is_told(
    shell: Any, capsys: pytest.CaptureFixture[str], cell: str, message: str
) -> None:
    shell.run_cell(cell)
    out = capsys.readouterr().out
    assert message in out
    assert "Traceback" not in out


def test_it_can_be_unloaded(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shell.run_line_magic("unload_ext", "ungil")
    shell.run_cell("%%ungil trace\n1\n")
    assert "not found" in "".join(capsys.readouterr())
