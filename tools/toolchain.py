"""What has to be on the machine, and how commands are run: clear words instead of tracebacks."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parents[1]


def fail(message: str) -> NoReturn:
    sys.exit(f"dev.py: {message}")


def say(message: str) -> None:
    print(f"\N{BULLET} {message}", file=sys.stderr, flush=True)


def run(*command: str | Path) -> None:
    """Run a command that has to succeed."""
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    if code != 0:
        fail(f"`{shown(command)}` failed with exit code {code}")


def shown(command: tuple[str | Path, ...]) -> str:
    return " ".join([Path(command[0]).name, *map(str, command[1:])])


def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def require_rust() -> str:
    """The version of rustc, once it is known to be there and new enough."""
    if shutil.which("rustc") is None:
        os.environ["PATH"] += f"{os.pathsep}{Path.home() / '.cargo' / 'bin'}"
    manifest = tomllib.loads((ROOT / "Cargo.toml").read_text())
    wanted = manifest["workspace"]["package"]["rust-version"]
    if shutil.which("rustc") is None or shutil.which("cargo") is None:
        fail(f"rustc and cargo {wanted} or newer are not on PATH; https://rustup.rs installs them")
    answer = subprocess.run(
        ["rustc", "--version"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    version = answer.stdout.strip()
    found = re.match(r"rustc (\d+)\.(\d+)", version)
    if found is None:
        fail(f"`rustc --version` fails, try `rustup default stable`: {answer.stderr.strip()}")
    if (int(found[1]), int(found[2])) < tuple(int(part) for part in wanted.split(".")[:2]):
        fail(f"this is {version}, and ungil needs {wanted} or newer: `rustup update stable`")
    if not any(map(shutil.which, (os.environ.get("CC", "cc"), "gcc", "clang"))):
        fail("no C compiler to link with: `apt install gcc`, `dnf install gcc` or the like")
    return version
