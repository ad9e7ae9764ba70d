"""The lecture's chapters: scripts that run, what they print as it was recorded, their notebooks."""

import functools
import json
import sys
from pathlib import Path

import pytest
import ungil._tour
from programs import explores

from tools import notebooks
from tools.examples import (
    RECORDED_ON,
    SCRIPTS,
    executed_notebook,
    normalised,
    output_of_script,
)

CHAPTERS = Path(__file__).parents[1] / "examples"
RACES = pytest.mark.skipif(not explores(), reason="ungil.race does not explore on this Python")
ON_ONE_PYTHON = pytest.mark.skipif(
    sys.version_info[:2] != RECORDED_ON, reason="examples were recorded on Python 3.11"
)

AGAIN = "if that is as it should be, record it: `python3 dev.py examples NAME`"

printed = functools.cache(output_of_script)


def output(name: str) -> str:
    return printed(CHAPTERS / f"{name}.py")


def printed_by(notebook: str) -> str:
    outputs = [out for cell in json.loads(notebook)["cells"] for out in cell.get("outputs", [])]
    return "".join(line for out in outputs for line in out["text"])


def halves(name: str) -> tuple[str, str]:
    """What an example prints about threading, and about ungil.sync."""
    threading, ours = output(name).split("ungil.sync.", maxsplit=1)
    return threading, ours


def test_the_tour_has_all_scripts() -> None:
    links = [script.path for chapter in ungil._tour.CHAPTERS for script in chapter.scripts]
    assert sorted(path.relative_to(path.parents[1]) for path in links) == [
        path.relative_to(CHAPTERS) for path in SCRIPTS
    ]
    assert all(path.read_text() for path in links)


def test_the_example_prints_what_the_lectures_does() -> None:
    lines = output("01_interface/run_example").splitlines()
    assert lines[::2] == [
        "[# threads = 4, # tasks = 24, workload = io]",
        "[# processes = 4, # tasks = 24, workload = io]",
        "[# threads = 4, # tasks = 24, workload = cpu]",
        "[# processes = 4, # tasks = 24, workload = cpu]",
    ]
    assert all(line.startswith("Total time ") and line.endswith(" s") for line in lines[1::2])


def test_nothing_is_lost_between_threads_nor_between_processes() -> None:
    for line in output("01_interface/synchronise").splitlines():
        assert line.endswith("added 10,000 each: 40,000")


def test_a_process_costs_more_than_a_thread() -> None:
    thread, process = (
        float(line.split()[1]) * {"kB": 1e3, "MB": 1e6}[line.split()[2]]
        for line in output("02_process_or_thread/memory").splitlines()
        if line.strip().startswith("here")
    )
    assert thread < process < 14.48e6


@RACES
def test_reference_counts_race_and_one_lock_ends_it() -> None:
    plain, locked = output("03_why/reference_counts").split("with one lock:")
    assert "Lost update of Object.count" in plain
    assert "proved: all 2 schedules pass" in locked


def test_the_picture_shows_who_holds_and_who_waits() -> None:
    picture = output("03_why/who_holds_the_gil").splitlines()[1:4]
    assert [row.split("  ")[0] for row in picture] == ["compute 1", "compute 2", "sleep"]
    assert "█" in picture[0]
    assert "█" in picture[1]


def test_the_money_is_stolen_and_then_it_is_not() -> None:
    threading, ours = halves("05_fun/steal_money")
    assert "now 90 are left, 10 were paid, 90 stolen: 190" in threading
    assert "nothing complained" in threading
    assert "now 90 are left, 10 were paid, 0 stolen: 100" in ours
    assert "refused: NotOwner: thread 'the thief'" in ours
    assert "thread 'MainThread'" in ours


def test_the_semaphore_breaks_and_then_it_does_not() -> None:
    threading, ours = halves("05_fun/break_semaphore")
    assert "at once in the room for one: 3" in threading
    assert "nothing complained" in threading
    assert "at once in the room for one: 1" in ours
    assert "refused: OverRelease: releasing 1 more would give this semaphore 2 permits" in ours


def test_updates_are_lost_and_then_they_are_not() -> None:
    threading, ours = halves("05_fun/break_python")
    assert 'x += int("1"): nothing lost' not in threading
    assert "of 2,000,000 lost" in threading
    assert 'with lock: x += int("1"): nothing lost in 1 attempt' in ours
    assert 'total.add(int("1")): nothing lost in 1 attempt' in ours


@RACES
def test_the_race_is_found_and_its_lock_is_proved() -> None:
    plain, locked = output("05_fun/find_the_race").split("with a lock:")
    assert "Lost update of x" in plain
    assert "proved: all 2 schedules pass" in locked


def test_compiled_code_runs_without_its_source() -> None:
    assert "run, without its source:\nThe real science\n" in output("05_fun/compile_it")


@ON_ONE_PYTHON
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_script_prints_what_was_recorded(script: Path) -> None:
    recorded = script.with_suffix(".out").read_text()
    assert normalised(printed(script)) == normalised(recorded), AGAIN


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_notebook_is_made_of_its_script(script: Path) -> None:
    made = [(c["cell_type"], c["source"]) for c in notebooks.cells_of(script)]
    kept = json.loads(script.with_suffix(".ipynb").read_text())["cells"]
    assert [(c["cell_type"], c["source"]) for c in kept] == made, AGAIN


@ON_ONE_PYTHON
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_notebook_prints_what_was_recorded(script: Path) -> None:
    fresh, kept = executed_notebook(script), script.with_suffix(".ipynb").read_text()
    assert normalised(printed_by(fresh)) == normalised(printed_by(kept)), AGAIN


def test_numbers_are_not_compared_and_words_are() -> None:
    assert normalised("Total time 0.23 s") == normalised("Total  time 1,234.5 ms")
    assert normalised("  > a\n  > b\nend") == normalised("  > c\nend")
    assert normalised("4 workers: lost") != normalised("4 workers: found")
