"""`benchmarks/sync.py`: its table is what it appends, and it measures what it says."""

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parent.parent / "benchmarks" / "sync.py"


def test_the_table_is_appended_with_machine_and_spread(tmp_path: Path) -> None:
    results, raw = tmp_path / "RESULTS.md", tmp_path / "raw.json"
    results.write_text("# Results\n")
    rows = ["RLock alone", "increment, 2 processes", "dataclass, producers: 1"]
    command = [sys.executable, str(SCRIPT), "--rounds", "2", "--seconds", "0.01", "--only", *rows]
    done = subprocess.run(
        [*command, "--append", str(results), "--json", str(raw)],
        capture_output=True,
        text=True,
        check=True,
    )
    text = results.read_text()
    assert text == "# Results\n\n" + done.stdout.removesuffix("\n")
    assert "usable cores; Linux" in text
    assert text.count("times (") == len(rows)
    assert "| RLock alone / threading.RLock |" in text
    figures = json.loads(raw.read_text())["per_second"]
    assert all(len(pairs) == 2 and min(map(min, pairs)) > 0 for pairs in figures.values())


def test_a_row_that_does_not_exist_is_refused() -> None:
    command = [sys.executable, str(SCRIPT), "--only", "no such row"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "no row has that in its name" in done.stderr) == (2, True)
