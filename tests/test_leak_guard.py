"""The guard of conftest.py has to bite: a test that leaks fails, and says what it left."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

LEAKS = {
    "process": "import subprocess; subprocess.Popen(['sleep', '3'])",
    "descriptor": "import os; os.pipe()",
    "shared memory": "open('/dev/shm/psm_left_by_a_test', 'w').close()",
}


@pytest.mark.parametrize("kind", LEAKS)
def test_a_leak_fails_the_test_that_made_it(kind: str, tmp_path: Path) -> None:
    conftest = Path(__file__).with_name("conftest.py").read_text()
    (tmp_path / "conftest.py").write_text(
        conftest.replace("GRACE_SECONDS = 5.0", "GRACE_SECONDS = 0.2")
    )
    shutil.copy(Path(__file__).with_name("command_line.py"), tmp_path)
    (tmp_path / "test_leak.py").write_text(
        f"def test_leaks():\n    {LEAKS[kind]}\n\ndef test_tidy():\n    pass\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    finally:
        Path("/dev/shm/psm_left_by_a_test").unlink(missing_ok=True)
    assert f"left behind: {kind}" in done.stdout
    assert "2 passed, 1 error" in done.stdout
