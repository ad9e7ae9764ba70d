"""`ungil tour` plays the chapters, waits for Enter at a terminal, and ends when told to."""

import sys
from collections.abc import Iterator
from typing import Any

import pexpect
import psutil
import pytest
import ungil._tour
from command_line import ENVIRONMENT, Cli

Terminal = Any  # pexpect.spawn, whose type says less than it does

# pexpect forks; nothing of ours runs in the child before it becomes the program.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")

PROMPT = "Enter goes on, q ends: "


def test_the_list_has_five_chapters(cli: Cli) -> None:
    listed = cli("tour", "--list").stdout.splitlines()
    assert [line[0] for line in listed if line[0] != " "] == ["1", "2", "3", "4", "5"]
    assert any(line.startswith("   steal_money ") for line in listed)


def test_a_chapter_is_played_without_waiting_where_there_is_no_terminal(cli: Cli) -> None:
    played = cli("tour", "1")
    assert played.returncode == 0, played.stderr
    sentence, program, output = (
        played.stdout.index(text)
        for text in ("Synchronise them: one lock", "synchronise.py", "added 10,000 each: 40,000")
    )
    assert sentence < program < output
    assert "2. Process or thread" not in played.stdout


def test_a_chapter_that_is_not_there_is_refused(cli: Cli) -> None:
    refused = cli("tour", "6")
    assert refused.returncode == 2
    assert "there is no chapter 6; they are 1 to 5" in refused.stderr


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    child = pexpect.spawn(
        sys.executable,
        ["-m", "ungil", "tour", "1"],
        env=ENVIRONMENT,
        encoding="utf-8",
        timeout=50,
        dimensions=(40, 100),
    )
    yield child
    child.close(force=True)


def test_enter_goes_on_and_q_ends(terminal: Terminal) -> None:
    terminal.expect_exact(PROMPT)
    assert "Total time" in terminal.before
    assert "Synchronise them" not in terminal.before
    terminal.sendline("")
    terminal.expect_exact("added 10,000 each: 40,000")
    terminal.expect(pexpect.EOF)
    terminal.wait()
    assert terminal.exitstatus == 0


def test_q_ends(terminal: Terminal) -> None:
    terminal.expect_exact(PROMPT)
    terminal.sendline("q")
    terminal.expect(pexpect.EOF)
    assert "Synchronise them" not in terminal.before
    terminal.wait()
    assert terminal.exitstatus == 0


def test_ctrl_c_ends_the_program_that_is_played(terminal: Terminal) -> None:
    terminal.expect_exact("run_example.py")
    terminal.expect("Total time|it/s")  # it runs
    family = psutil.Process(terminal.pid).children(recursive=True)
    terminal.sendintr()
    terminal.expect_exact("interrupted")
    terminal.expect(pexpect.EOF)
    terminal.wait()
    assert terminal.exitstatus == 130
    assert "Traceback" not in terminal.before
    assert psutil.wait_procs(family, timeout=20)[1] == []


def test_the_programs_are_installed() -> None:
    assert "site-packages" in ungil._tour.CHAPTERS[0].scripts[0].path.parts
