"""The interpreters of this machine."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tools.toolchain import fail

OLDEST = (3, 11)
NEWEST_LOOKED_FOR = 20

# Asked of each candidate; a shim of pyenv's, for one, is on PATH and does not run. Of an activated
# environment, which may be the one that is to be made, what it was made from.
WHO_ARE_YOU = """
import os, platform, sys, sysconfig
free_threaded = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
program = sys.executable if sys.prefix == sys.base_prefix else sys._base_executable
version = platform.python_version() + free_threaded
print(os.path.realpath(program), sys.implementation.name, version, sep="\\n")
"""


class Python(NamedTuple):
    """An interpreter that environments are made from."""

    path: Path
    version: str  # 3.13.0, or 3.14.2t for a free-threaded build

    @property
    def minor(self) -> str:
        """3.13, or 3.14t."""
        return self.version.rsplit(".", 1)[0] + ("t" if self.version.endswith("t") else "")

    @property
    def age(self) -> tuple[int, str]:
        """What sorts 3.9 before 3.14 before 3.14t."""
        return int(self.minor.strip("t").split(".")[1]), self.version


def probe(path: str | Path) -> Python | None:
    """The interpreter at `path`; None when it does not run, or is not one that ungil supports."""
    try:
        answer = subprocess.run(
            [path, "-c", WHO_ARE_YOU], capture_output=True, text=True, timeout=30, check=True
        )
        executable, implementation, version = answer.stdout.splitlines()
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    major, minor = (int(part) for part in version.split(".")[:2])
    python = Python(Path(executable), version)
    # The free-threaded build of 3.13 was an experiment that PyO3 does not support.
    supported = (major, minor) >= OLDEST and python.minor != "3.13t"
    return python if implementation == "cpython" and supported else None


def require(path: str | Path) -> Python:
    python = probe(path)
    if python is None:
        fail(f"{path} is not a CPython of version {OLDEST[0]}.{OLDEST[1]} or newer that runs here")
    return python


def find_all() -> list[Python]:
    """One CPython of each minor version, oldest first: this one, pyenv's, then those on PATH."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    minors = range(OLDEST[1], NEWEST_LOOKED_FOR)
    on_path = (shutil.which(f"python3.{minor}{flag}") for minor in minors for flag in ("", "t"))
    candidates: list[str | Path] = [
        sys.executable,
        *pyenv.glob("versions/3.*/bin/python3"),
        *filter(None, on_path),
    ]
    found: dict[str, Python] = {}
    for candidate in candidates:
        if (python := probe(candidate)) is not None:
            found.setdefault(python.minor, python)
    return sorted(found.values(), key=lambda python: python.age)
