"""The text of a function is found at once where its lines tell where it ends, else by `inspect`."""

import subprocess
import sys
from pathlib import Path

import pytest
from programs import loaded

pytest.importorskip("llvmlite", reason="llvmlite has no wheel for this Python")

ODD = '''
import ungil


@ungil.native
def first(n: int) -> int:
    # what comes next stands at the left
# as comments may
    if n > 3:

        return n
    text = n + (
5
)
    return text

class Holder:
    @staticmethod
    @ungil.native(
        wrap=True,
)
    def second(n: int) -> int:
        """A text
with less indentation, and
def something(): pass
        """
        return n + 7

def third(): return 1
@ungil.native
def fourth(n: int) -> int: return n * 2
x = 1
'''


def written(file: Path, text: bytes) -> Path:
    file.write_bytes(text)
    return file


def test_functions_of_all_shapes(tmp_path: Path) -> None:
    module = loaded(written(tmp_path / "odd.py", ODD.encode()))
    assert (module.first(5), module.first(1)) == (5, 6)
    assert module.Holder.second(1) == 8
    assert module.fourth(4) == 8


def test_a_file_in_another_encoding(tmp_path: Path) -> None:
    text = "# -*- coding: latin-1 -*-\nimport ungil\n@ungil.native\ndef f(n: int) -> int:\n"
    text += "    # \xe4\xf6\xfc\n    return n + 1\n"
    assert loaded(written(tmp_path / "latin.py", text.encode("latin-1"))).f(1) == 2


def test_a_function_from_the_cache_loads_little(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import sys\nimport ungil\n@ungil.native\ndef f(n: int) -> int:\n    return n + 1\n"
        "assert f(1) == 2\nprint('typing' in sys.modules, 'llvmlite' in sys.modules)\n"
    )
    environment = {"UNGIL_NATIVE_CACHE": str(tmp_path / "cache")}
    command = [sys.executable, "-I", str(program)]
    first, second = (
        subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        for _ in range(2)
    )
    assert first.stdout.split()[1] == "True"
    assert second.stdout.split() == ["False", "False"]
