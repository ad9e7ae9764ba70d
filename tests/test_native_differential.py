"""Native code against CPython, bit by bit: results, exceptions and their lines, arrays written to.

A case is a program and its arguments. `UNGIL_NATIVE_CASES` makes it more of them, for a night say,
and `UNGIL_NATIVE_SEED` other ones.
"""

import os
import re
import sys
from pathlib import Path

import pytest
import ungil
from native_programs import Program, as_arrays, as_views, contents, oracle, outcome
from programs import loaded

pytest.importorskip("llvmlite", reason="llvmlite has no wheel for this Python")

# What differs between versions of Python is a small part of it.
CASES = int(
    os.environ.get("UNGIL_NATIVE_CASES", "100000" if sys.version_info[:2] == (3, 11) else "10000")
)
SEED = int(os.environ.get("UNGIL_NATIVE_SEED", "0"))
PROGRAMS = 40
"""As many programs share the cases, or more where they are many: compiling takes longer."""
IMPORTS = "import math\nfrom ungil import prange\n"


@pytest.mark.timeout(60 + CASES // 200)
def test_random_programs_do_what_cpython_does(tmp_path: Path) -> None:
    programs = max(PROGRAMS if CASES > 20_000 else 10, CASES // 4000)
    done, seed = 0, SEED
    while done < CASES:
        done += compare_with_cpython(seed, tmp_path, CASES // programs)
        seed += 1


def decorated(text: str, decorator: str) -> str:
    """Functions but those inside of others with a line above them."""
    return re.sub("^def ", f"{decorator}\ndef ", text, flags=re.MULTILINE)


def compare_with_cpython(seed: int, folder: Path, inputs_each: int) -> int:
    """The number of cases."""
    program = Program(seed)
    file = folder / f"program_{seed}.py"
    file.write_text(IMPORTS + decorated(program.text, "@native"))
    # The same lines for both: the decorators have lines of their own.
    plain = IMPORTS + decorated(program.text, "")
    expected_function = oracle(plain, str(file))
    module = loaded(file, native=ungil.native)
    try:
        module.f.compile(**as_arrays(program.inputs(), strided=False))
    except ungil.native.Refused as refusal:
        # Python would find out when it gets there; all else that is made here is in the language.
        if "has no value here" in str(refusal):
            return 0
        raise
    for number in range(inputs_each):
        inputs = program.inputs()
        views, arrays = as_views(inputs), as_arrays(inputs, strided=number % 4 == 3)
        expected = outcome(expected_function, views, str(file))
        found = outcome(module.f, arrays, str(file))
        if found != expected or contents(arrays) != contents(views):
            told = f"seed {seed}, inputs {inputs}\n{file.read_text()}"
            assert (found, contents(arrays)) == (expected, contents(views)), told
    return inputs_each
