"""The lecture's fun: with `threading` the crimes succeed, with `ungil.sync` they are refused."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples" / "05_fun"


def halves(name: str) -> tuple[str, str]:
    """What the example prints about threading, and about ungil.sync."""
    done = subprocess.run(
        [sys.executable, EXAMPLES / name], capture_output=True, text=True, check=True
    )
    threading, ours = done.stdout.split("ungil.sync.", maxsplit=1)
    return threading, ours


def test_the_money_is_stolen_and_then_it_is_not() -> None:
    threading, ours = halves("steal_money.py")
    assert "now 90 are left, 10 were paid, 90 stolen: 190" in threading
    assert "nothing complained" in threading
    assert "now 90 are left, 10 were paid, 0 stolen: 100" in ours
    assert "refused: NotOwner: thread 'the thief'" in ours
    assert "thread 'MainThread'" in ours


def test_the_semaphore_breaks_and_then_it_does_not() -> None:
    threading, ours = halves("break_semaphore.py")
    assert "at once in the room for one: 3" in threading
    assert "nothing complained" in threading
    assert "at once in the room for one: 1" in ours
    assert "refused: OverRelease: releasing 1 more would give this semaphore 2 permits" in ours


def test_updates_are_lost_and_then_they_are_not() -> None:
    threading, ours = halves("break_python.py")
    assert 'x += int("1"): nothing lost' not in threading
    assert "of 2,000,000 lost" in threading
    assert 'with lock: x += int("1"): nothing lost in 3 attempts' in ours
    assert 'total.add(int("1")): nothing lost in 3 attempts' in ours


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="ungil.race is for 3.11 to 3.13 so far")
def test_the_race_is_found_and_its_lock_is_proved() -> None:
    done = subprocess.run(
        [sys.executable, EXAMPLES / "find_the_race.py"], capture_output=True, text=True, check=True
    )
    plain, locked = done.stdout.split("with a lock:")
    assert "Lost update of x" in plain
    assert "proved: all 2 schedules pass" in locked
