"""The byte code of another version, taken apart by a Python of that version."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from glob import glob
from pathlib import Path

from ungil._explain.pyc import OtherPython
from ungil._explain.refused import Refused

_PATIENCE = 60.0
# Of this package, what finds and describes code knows nothing of the native half.
_PROGRAM = """
import sys, types
root, text = sys.argv[1:]
for name in ("ungil", "ungil._explain"):
    module = types.ModuleType(name)
    module.__path__ = [root + "/" + name.replace(".", "/")]
    sys.modules[name] = module
from ungil._explain.refused import Refused
from ungil._explain.text import of_text_here
try:
    print(of_text_here(text))
except Refused as refusal:
    sys.exit(str(refusal))
"""


def explained_by(other: OtherPython, text: str) -> str:
    """The document, from a Python that wrote such files; `Refused` if none is to be had."""
    for program in _candidates(other.minor):
        if _magic(program) == other.magic:
            break
    else:
        raise Refused(f"{other} Neither on PATH nor among the Pythons of pyenv and uv is one.")
    root = str(Path(__file__).resolve().parents[2])
    command = [program, "-I", "-B", "-c", _PROGRAM, root, text]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        raise Refused(f"{program} has not explained it in {_PATIENCE:g} seconds.") from None
    if done.returncode != 0:
        raise Refused(done.stderr.strip().rpartition("\n")[2] or f"{program} failed")
    document = json.loads(done.stdout)
    document["notes"].append(f"Taken apart by {program}, for this is its byte code.")
    return json.dumps(document)


def _candidates(minor: int) -> Iterator[str]:
    name = f"python3.{minor}"
    if (found := shutil.which(name)) is not None:
        yield found
    pyenv = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
    uv = os.path.expanduser("~/.local/share/uv/python")
    for versions in (f"{pyenv}/versions/3.{minor}*", f"{uv}/cpython-3.{minor}*"):
        yield from sorted(glob(f"{versions}/bin/{name}"), reverse=True)


def _magic(program: str) -> bytes | None:
    """What its `.pyc` files begin with; None for a program that does not run."""
    asked = "import importlib.util as u; print(u.MAGIC_NUMBER.hex())"
    try:
        done = subprocess.run(
            [program, "-I", "-c", asked], capture_output=True, text=True, timeout=20, check=True
        )
        return bytes.fromhex(done.stdout.strip())
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
