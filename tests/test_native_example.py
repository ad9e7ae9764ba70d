"""The example of native code runs, checks its sums, and draws its picture."""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytest.importorskip("llvmlite", reason="llvmlite has no wheel for this Python")

EXAMPLE = Path(__file__).parent.parent / "examples" / "04_native" / "integrate_square.py"


def test_the_lectures_example_prints_and_draws_nine_numbers_of_threads(tmp_path: Path) -> None:
    picture = tmp_path / "native.svg"
    ran = subprocess.run(
        [sys.executable, EXAMPLE, "3000", "--svg", picture],
        capture_output=True,
        text=True,
        timeout=55,
        check=True,
    )
    assert len(ran.stdout.splitlines()) == 12
    lines = [line for line in ElementTree.parse(picture).iter() if line.tag.endswith("polyline")]
    assert [len(line.attrib["points"].split()) for line in lines] == [9, 9]
