"""The totals that decide about red and green are read from runners' output: read them right."""

import sys

import pytest

from tools.testing import Totals, count, run_tests


@pytest.mark.parametrize(
    ("line", "totals"),
    [
        ("test result: ok. 41 passed; 0 failed; 2 ignored; 0 measured; 0 filtered", (41, 0, 2)),
        ("\x1b[31mtest result: FAILED. 3 passed; 1 failed; 0 ignored;\x1b[0m", (3, 1, 0)),
        ("==== 7 passed, 2 skipped, 1 warning in 3.21s ====", (7, 0, 2)),
        ("= 1 failed, 6 passed, 1 xfailed, 2 errors in 71.02s (0:01:11) =", (6, 3, 1)),
        ("\x1b[32m== \x1b[1m5 passed\x1b[0m\x1b[32m in 0.10s ==\x1b[0m", (5, 0, 0)),
        ("3 passed in 0.01s", (3, 0, 0)),
    ],
)
def test_a_runners_closing_line_is_counted(line: str, totals: tuple[int, int, int]) -> None:
    assert count(line) == Totals(*totals)


@pytest.mark.parametrize(
    "line", ["no tests ran in 0.01s", "2 passed tests were slow", "done in 3s"]
)
def test_other_lines_are_not(line: str) -> None:
    assert count(line) is None


@pytest.mark.parametrize(
    ("script", "totals"),
    [
        ("print('3 passed in 0.01s')", (3, 0, 0)),
        ("print('3 passed in 0.01s'); exit(3)", (3, 1, 0)),
        ("import os; os.kill(os.getpid(), 9)", (0, 1, 0)),
        ("print('no tests ran in 0.01s')", (0, 1, 0)),
    ],
)
def test_a_runner_that_dies_or_counts_nothing_has_failed(
    script: str, totals: tuple[int, int, int]
) -> None:
    assert run_tests("a runner", sys.executable, "-c", script) == Totals(*totals)
