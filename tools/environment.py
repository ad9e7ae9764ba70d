"""A virtual environment, and the wheel of this clone in it."""

import fcntl
import functools
import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tools import pythons
from tools.pythons import Python
from tools.toolchain import ROOT, fail, pyproject, require_rust, run, say

# What goes into the wheel: while none of it changes, the installed wheel is still right.
WHEEL_INPUTS = ["crates", "python", "Cargo.toml", "Cargo.lock", "pyproject.toml", "README.md"]


class Environment:
    """What was installed is remembered in a stamp inside, so that a second call is fast."""

    def __init__(self, base: Python, directory: Path) -> None:
        self.base = base
        self.directory = directory
        self.python = directory / "bin" / "python"
        self._stamp_file = directory / ".ungil-stamp.json"
        with self._alone():
            if self._stamp().get("base") != repr(base) or not self.python.exists():
                self._create()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Several of us may be at work in a clone, and pip does not lock what it installs into."""
        locks = ROOT / ".envs"  # outside of the environment, which may be made afresh
        locks.mkdir(exist_ok=True)
        with locked(locks / f"{self.directory.name}.lock"):
            yield

    def _stamp(self) -> dict[str, str]:
        if not self._stamp_file.exists():
            return {}
        stamp: dict[str, str] = json.loads(self._stamp_file.read_text())
        return stamp

    def _create(self) -> None:
        """Make it afresh. A wheel of pip installs itself: Debian packs `ensurepip` separately."""
        say(f"making {self.directory.relative_to(ROOT)} with Python {self.base.version}")
        run(self.base.path, "-m", "venv", "--without-pip", "--clear", self.directory)
        with tempfile.TemporaryDirectory() as folder:
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "pip"]
            if subprocess.run([*pip, "--dest", folder], check=False).returncode != 0:
                fail(
                    "pip could not be downloaded; `python3 -m pip --version` has to work "
                    "(Debian: `apt install python3-pip`), and the package index to be in reach"
                )
            (wheel,) = Path(folder).glob("pip-*.whl")
            run(self.python, wheel / "pip", "install", "--quiet", "--no-index", wheel)
        self._remember(base=repr(self.base))

    def _remember(self, **facts: str) -> None:
        self._stamp_file.write_text(json.dumps(self._stamp() | facts, indent=2) + "\n")

    def pip_install(self, *arguments: str | Path) -> None:
        quiet = ["--quiet", "--disable-pip-version-check"]
        run(self.python, "-m", "pip", "install", *quiet, *arguments)

    def require(self, name: str, requirements: Sequence[str]) -> None:
        """Install `requirements` unless the same list went in under this name before."""
        listed = " ".join(requirements)
        with self._alone():
            if self._stamp().get(name) != listed:
                say(f"installing the {name} tools into {self.directory.relative_to(ROOT)}")
                self.pip_install(*requirements)
                self._remember(**{name: listed})

    def require_groups(self, *groups: str) -> None:
        """Install the dependency groups of pyproject.toml."""
        for group in groups:
            self.require(group, pyproject()["dependency-groups"][group])

    def install_ungil(self, builder: "Environment", profile: str = "release") -> None:
        """Build the wheel for this Python with `builder`'s maturin, if anything changed."""
        inputs = digest(wheel_inputs()) + require_rust() + profile
        if self._stamp().get("wheel") == inputs + self._installed():
            return
        say(f"building the {profile} wheel for Python {self.base.version}")
        builder.require("build", pyproject()["build-system"]["requires"])
        # Cargo's own lock ends before the wheel is packed from what it built.
        lock = builder.directory / ".ungil-build-lock"
        with locked(lock), tempfile.TemporaryDirectory() as folder:
            maturin = builder.directory / "bin" / "maturin"
            options = [
                "--profile",
                profile,
                "--locked",
                "--compatibility",
                "linux",
                "--out",
                folder,
            ]
            run(maturin, "build", *options, "--interpreter", self.python)
            (wheel,) = Path(folder).glob("ungil-*.whl")
            with self._alone():
                self.pip_install("--force-reinstall", "--no-deps", wheel)
                self._remember(wheel=inputs + self._installed())

    def _installed(self) -> str:
        """Which ungil is installed: another tool may have put its own there since."""
        return digest(self.directory.glob("lib/python*/site-packages/ungil-*.dist-info/RECORD"))


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@functools.cache
def home() -> Environment:
    """`.venv`, of the Python that runs this."""
    return Environment(pythons.require(sys.executable), ROOT / ".venv")


def of(base: Python) -> Environment:
    """The environment for `base`: `.venv` for the Python that runs this, else one in `.envs`."""
    if base == pythons.probe(sys.executable):
        return home()
    return Environment(base, ROOT / ".envs" / base.version)


def wheel_inputs() -> Iterable[Path]:
    for name in WHEEL_INPUTS:
        path = ROOT / name
        files = [path] if path.is_file() else sorted(path.rglob("*"))
        yield from (f for f in files if f.is_file() and f.suffix not in {".pyc", ".so"})


def digest(files: Iterable[Path]) -> str:
    total = hashlib.sha256()
    for file in files:
        content = file.read_bytes()
        total.update(f"{file.relative_to(ROOT)}\0{len(content)}\0".encode() + content)
    return total.hexdigest()
