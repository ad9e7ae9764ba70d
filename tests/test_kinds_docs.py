"""The examples of the documentation run."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
PAGES = ["executors.md", "native.md", "reliability.md", "transport.md"]
EXAMPLES = [
    (page, *found)
    for page in PAGES
    for found in re.findall(
        r"(?:<!-- needs (\w+) -->\n)?```python\n(.*?)```", (DOCS / page).read_text(), re.S
    )
]


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("page", "package", "example"), EXAMPLES)
def test_an_example_runs(page: str, package: str, example: str, tmp_path: Path) -> None:
    if package and importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    script = tmp_path / "example.py"
    script.write_text(example)
    ran = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=100, check=False
    )
    assert ran.returncode == 0, f"{page}: {ran.stderr}"
    assert "Traceback" not in ran.stderr


def test_all_examples_were_found() -> None:
    fences = sum((DOCS / page).read_text().count("```python") for page in PAGES)
    assert len(EXAMPLES) == fences > 0
