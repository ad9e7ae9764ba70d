"""Native code against CPython, bit by bit: results, exceptions and their lines, arrays written to.

`UNGIL_NATIVE_PROGRAMS` and `UNGIL_NATIVE_SEED` make it more, and other ones.
"""

import importlib.util
import os
import re
import time
from pathlib import Path

import pytest
import ungil
from native_programs import Program, as_arrays, as_views, contents, oracle, outcome

pytest.importorskip("llvmlite", reason="llvmlite has no wheel for this Python")

PROGRAMS = int(os.environ.get("UNGIL_NATIVE_PROGRAMS", "0"))
SEED = int(os.environ.get("UNGIL_NATIVE_SEED", "0"))
SECONDS = 10.0
INPUTS = 40
IMPORTS = "import math\nfrom ungil import prange\n"


def test_random_programs_do_what_cpython_does(tmp_path: Path) -> None:
    deadline = time.monotonic() + SECONDS
    number = 0
    while number < (PROGRAMS or 12) or (not PROGRAMS and time.monotonic() < deadline):
        compare_with_cpython(SEED + number, tmp_path)
        number += 1


def decorated(text: str, decorator: str) -> str:
    """Functions but those inside of others with a line above them."""
    return re.sub("^def ", f"{decorator}\ndef ", text, flags=re.MULTILINE)


def compare_with_cpython(seed: int, folder: Path) -> None:
    program = Program(seed)
    file = folder / f"program_{seed}.py"
    file.write_text(IMPORTS + decorated(program.text, "@native"))
    # The same lines for both: the decorators have lines of their own.
    plain = IMPORTS + decorated(program.text, "")
    expected_function = oracle(plain, str(file))
    specification = importlib.util.spec_from_file_location(f"program_{seed}", file)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    module.__dict__["native"] = ungil.native
    specification.loader.exec_module(module)
    try:
        module.f.compile(**as_arrays(program.inputs(), strided=False))
    except ungil.native.Refused as refusal:
        # Python would find out when it gets there; all else that is made here is in the language.
        if "has no value here" in str(refusal):
            return
        raise
    for number in range(INPUTS):
        inputs = program.inputs()
        views, arrays = as_views(inputs), as_arrays(inputs, strided=number % 4 == 3)
        expected = outcome(expected_function, views, str(file))
        found = outcome(module.f, arrays, str(file))
        told = f"seed {seed}, inputs {inputs}\n{file.read_text()}"
        assert found == expected, told
        assert contents(arrays) == contents(views), told
