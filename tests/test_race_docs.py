"""The examples of docs/race.md run, and so does the lecture's race."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "race.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)


def run(script: Path) -> str:
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_runs(example: str, tmp_path: Path) -> None:
    script = tmp_path / "example.py"
    script.write_text(example)
    run(script)


def test_all_examples_were_found() -> None:
    assert len(EXAMPLES) == 4


def test_the_lecture_s_race_is_found_and_its_lock_is_proved() -> None:
    plain, locked = run(ROOT / "examples" / "05_fun" / "find_the_race.py").split("with a lock:")
    assert "Lost update of x" in plain
    assert "proved: all 2 schedules pass" in locked
