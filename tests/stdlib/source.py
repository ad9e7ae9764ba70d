"""Where CPython's `test_concurrent_futures` for this Python is: never in this repository."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from tools import pythons

NAME = "test_concurrent_futures"
DEBIAN = {(3, 11): "libpython3.11-testsuite"}


class NotFound(Exception):
    """No tests for this Python on this machine; the message says what was tried."""


def tests_folder() -> Path:
    """The folder that holds `test_concurrent_futures`: this Python's own `test` package, else
    that of Debian's package (3.11), else that of a newer Python here, whose tests apply."""
    folder = own(Path(sysconfig.get_path("stdlib")))
    if folder is None:
        package = DEBIAN.get(sys.version_info[:2])
        folder = from_debian(package) if package else from_newer()
    return folder


def own(library: Path) -> Path | None:
    folder = library / "test"
    found = any((folder / name).exists() for name in (NAME, f"{NAME}.py"))
    return folder if found else None


def from_newer() -> Path:
    for python in pythons.find_all():
        if tuple(map(int, python.minor.rstrip("t").split("."))) == (3, 13):
            code = "import sysconfig; print(sysconfig.get_path('stdlib'))"
            command = [str(python.path), "-c", code]
            library = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            if folder := own(Path(library.strip())):
                return folder
    raise NotFound(f"this Python comes without {NAME}, and no Python 3.13 that has it is here")


def from_debian(package: str) -> Path:
    """Fetched by apt and unpacked into the cache; nothing is installed."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    installed = own(Path("/usr/lib") / version)
    if installed:
        return installed
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    home = cache / "ungil-ci" / package
    unpacked = home / "usr" / "lib" / version
    if own(unpacked) is None:
        home.mkdir(parents=True, exist_ok=True)
        for command in (
            ["apt-get", "download", package],
            ["sh", "-c", f"dpkg-deb -x {package}_*.deb . && rm {package}_*.deb"],
        ):
            try:
                subprocess.run(
                    command, cwd=home, check=True, capture_output=True, text=True, timeout=120
                )
            except (OSError, subprocess.SubprocessError) as error:
                told = getattr(error, "stderr", None) or error
                raise NotFound(f"{' '.join(command)} failed: {str(told).strip()}") from error
    folder = own(unpacked)
    if folder is None:
        raise NotFound(f"{package} has no {NAME}")
    return folder
