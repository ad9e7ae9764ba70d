"""The Python examples of pages in docs/ run."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
COUNTS = {"doctor.md": 1, "explain.md": 1, "trace.md": 2}


def examples(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.S)


EXAMPLES = [
    pytest.param(example, id=f"{page}-{at}")
    for page in COUNTS
    for at, example in enumerate(examples(page))
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_runs(example: str, tmp_path: Path) -> None:
    script = tmp_path / "example.py"
    script.write_text(example)
    ran = subprocess.run(
        [sys.executable, script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr


def test_all_examples_were_found() -> None:
    assert len(EXAMPLES) == sum(COUNTS.values())
