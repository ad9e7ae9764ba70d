"""The cache of object code: found again, survived when damaged, bounded, safe between processes."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("llvmlite", reason="llvmlite has no wheel for this Python")

PROGRAM = """
import sys, ungil

@ungil.native
def f(x: float, n: int) -> float:
    total = 0.0
    for i in range(n):
        total += x * i
    return total

assert f(0.5, 10) == 22.5
print(ungil.native.report(f).specialisations[0].origin, "llvmlite" in sys.modules)
"""

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def run(text: str = PROGRAM, **environment: str) -> str:
        script = tmp_path / "program.py"
        script.write_text(text)
        given = {"UNGIL_NATIVE_CACHE": str(tmp_path / "cache")} | environment
        ran = subprocess.run(
            [sys.executable, script],
            env=given,
            capture_output=True,
            text=True,
            timeout=50,
            check=True,
        )
        return ran.stdout.strip()

    return run


def files(folder: Path) -> list[Path]:
    return sorted((folder / "cache").iterdir())


def test_the_second_run_finds_the_code_and_does_not_load_llvm(run: Run) -> None:
    assert run() == "compiled True"
    assert run() == "cache False"


def test_another_text_or_type_is_another_entry(run: Run, tmp_path: Path) -> None:
    run()
    assert run(PROGRAM.replace("x * i", "x - i").replace("22.5", "-40.0")) == "compiled True"
    assert len(files(tmp_path)) == 2


@pytest.mark.parametrize("damage", [b"", b"ungil object 1\n", b"x" * 500])
def test_a_damaged_file_is_compiled_again(run: Run, tmp_path: Path, damage: bytes) -> None:
    run()
    (file,) = files(tmp_path)
    file.write_bytes(damage)
    assert run() == "compiled True"
    assert run() == "cache False"


def test_a_file_with_another_end_is_compiled_again(run: Run, tmp_path: Path) -> None:
    run()
    (file,) = files(tmp_path)
    file.write_bytes(file.read_bytes()[:-1] + b"\xff")
    assert run() == "compiled True"


@pytest.mark.parametrize("place", ["/dev/null/cache", "/proc/ungil", "off"])
def test_a_cache_that_cannot_be_written_is_done_without(run: Run, place: str) -> None:
    assert run(UNGIL_NATIVE_CACHE=place) == "compiled True"


def test_the_size_is_bounded_and_the_latest_stays(run: Run, tmp_path: Path) -> None:
    run(UNGIL_NATIVE_CACHE_BYTES="100")
    assert files(tmp_path) == []
    run()
    (old,) = files(tmp_path)
    os.utime(old, (1, 1))
    run(
        PROGRAM.replace("x * i", "x - i").replace("22.5", "-40.0"),
        UNGIL_NATIVE_CACHE_BYTES=str(old.stat().st_size + 100),
    )
    (left,) = files(tmp_path)
    assert left != old


def test_many_processes_may_compile_the_same_at_once(tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    environment = {"UNGIL_NATIVE_CACHE": str(tmp_path / "cache")}
    started = [
        subprocess.Popen([sys.executable, script], env=environment, stdout=subprocess.DEVNULL)
        for _ in range(4)
    ]
    assert [process.wait(timeout=50) for process in started] == [0] * 4
    assert [len(file.name) for file in files(tmp_path)] == [64]
