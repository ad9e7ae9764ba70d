"""What `ungil.native.report` and `ungil explain` tell of native functions."""

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ungil
from command_line import Cli

pytest.importorskip("llvmlite", reason="llvmlite has no wheel for this Python")


@ungil.native
def mixed(a: Any, b: Any, n: int) -> float:
    total = 0.0
    for i in range(len(a)):
        total += a[i] * b[i]
    for i in range(len(a)):
        a[i] = b[i] * 2
    return total + (n + 1)


FIRST = inspect.unwrap(mixed).__code__.co_firstlineno + 2
"""The line of `total = 0.0`."""


@pytest.fixture(scope="module")
def report() -> Any:
    mixed(np.ones(8), np.ones(8), 3)
    return ungil.native.report(mixed)


def told(report: Any, kind: str) -> dict[int, list[str]]:
    return {line["number"] - FIRST: line[kind] for line in report.lines if line[kind]}


def test_which_loops_are_vectorised_and_why_others_are_not(report: Any) -> None:
    loops = told(report, "loops")
    assert any("fastmath=True" in text for text in loops.get(2, []) + loops.get(1, []))
    assert any(text.startswith("vectorised: ") for text in loops.get(3, []) + loops.get(4, []))


def test_what_became_of_the_checks_of_each_line(report: Any) -> None:
    checks = told(report, "checks")
    assert checks[2] == ["IndexError is checked once before the loop (2 times)"]
    assert checks[5][0] == "OverflowError is checked"
    assert f"line {FIRST + 2}: IndexError is checked once before the loop (2 times)" in str(report)


def test_instructions_stand_at_their_lines(report: Any) -> None:
    assert any("fmul double" in text for text in told(report, "ir")[2])
    assert any("mulsd" in text for text in told(report, "machine")[2])


def test_the_page_has_machine_code(report: Any, tmp_path: Path) -> None:
    report.explain().save(tmp_path / "mixed.html")
    page = (tmp_path / "mixed.html").read_text()
    assert "Native code" in page
    assert "mulsd" in page


def test_on_the_command_line(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "square.py"
    file.write_text("import ungil\n\n\n@ungil.native\ndef square(x: float):\n    return x * x\n")
    shown = cli("explain", f"{file}:square", "--run", "2.0")
    assert shown.returncode == 0, shown.stderr
    assert "Native code: square(float) -> float" in shown.stdout
    assert "mulsd" in shown.stdout
    shown = cli("explain", f"{file}:square")
    assert "Native code" not in shown.stdout


@ungil.native
def annotated(x: float) -> float:
    return x * x


@ungil.native
def open_to_all(x):  # type: ignore[no-untyped-def]
    return x * x


def test_what_is_annotated_need_not_be_called() -> None:
    assert "Native code: annotated(float) -> float" in repr(ungil.explain(annotated))
    told = " ".join(repr(ungil.explain(open_to_all)).split())
    assert "which not all are annotated: call it first" in told


@ungil.native
def spread(a: Any) -> float:
    total = 0.0
    for i in ungil.prange(len(a)):
        a[i] = a[i] * 3
        total += a[i]
    return total


def test_bodies_of_parallel_loops_are_told_of_as_well() -> None:
    assert spread(np.ones(8)) == 24
    first = inspect.unwrap(spread).__code__.co_firstlineno + 2
    lines = {line["number"] - first: line for line in ungil.native.report(spread).lines}
    assert lines[1]["loops"] or lines[2]["loops"] or lines[3]["loops"]
    assert "IndexError is checked once before the loop (2 times)" in lines[2]["checks"]
    assert any("fmul double" in text for text in lines[2]["ir"])
    assert any("mul" in text for text in lines[2]["machine"])
