"""Object code on disk, so that a program's second run need not compile, nor load LLVM.

A file per module, named by a digest of all that the code depends on, written under another name and
renamed: readers see all of it or nothing. Whatever goes wrong costs a compilation, never more.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import platform
import tempfile
from pathlib import Path

from ungil._ungil import __version__

MAGIC = b"ungil object 1\n"
LARGEST = 256 << 20
"""Bytes of all files together, if `UNGIL_NATIVE_CACHE_BYTES` does not say otherwise."""


def directory() -> Path | None:
    """Where the files are: `UNGIL_NATIVE_CACHE`, which may be "off", or the user's cache folder."""
    chosen = os.environ.get("UNGIL_NATIVE_CACHE")
    if chosen is not None:
        return None if chosen in ("", "0", "off") else Path(chosen)
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(home) / "ungil" / "native"


def key(ir: str) -> str:
    """A digest of the module, which has source and types in it, of machine and versions."""
    facts = "\0".join([__version__, machine(), llvm_installed(), ir])
    return hashlib.sha256(facts.encode()).hexdigest()


@functools.cache
def machine() -> str:
    """The processor, as far as code depends on it; found out once."""
    facts = {platform.machine()}
    with contextlib.suppress(OSError), open("/proc/cpuinfo") as file:
        for line in file:
            name, _, value = line.partition(":")
            if name.strip() in ("model name", "cpu family", "model", "flags", "Features"):
                facts.add(value.strip())
            if not line.strip():
                break
    return "\n".join(sorted(facts))


@functools.cache
def llvm_installed() -> str:
    """Which llvmlite is there, without loading it: it takes longer than all the rest."""
    from importlib.util import find_spec  # noqa: PLC0415

    spec = find_spec("llvmlite")
    if spec is None or spec.origin is None:
        return "none"
    version = os.path.join(os.path.dirname(spec.origin), "_version.py")
    with contextlib.suppress(OSError), open(version) as file:
        return file.read()
    return "unknown"


def load(name: str) -> bytes | None:
    """The object file of that name, if there is a sound one."""
    place = directory()
    if place is None:
        return None
    file = place / name
    try:
        # It will be run: what others have put there is not ours to trust.
        if file.stat().st_uid != os.getuid():
            return None
        content = file.read_bytes()
    except OSError:
        return None
    head, digest, code = content[:15], content[15:47], content[47:]
    if head != MAGIC or hashlib.sha256(code).digest() != digest:
        with contextlib.suppress(OSError):
            file.unlink()
        return None
    with contextlib.suppress(OSError):
        os.utime(file)
    return code


def store(name: str, code: bytes) -> None:
    """Keep an object file, as far as the file system lets us."""
    place = directory()
    if place is None:
        return
    with contextlib.suppress(OSError):
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, draft = tempfile.mkstemp(dir=place, prefix="draft-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(MAGIC + hashlib.sha256(code).digest() + code)
            os.replace(draft, place / name)
        except OSError:
            os.unlink(draft)
            raise
        tidy_up(place)


def tidy_up(place: Path) -> None:
    """Remove what was not used for longest, until the rest is small enough."""
    limit = LARGEST
    with contextlib.suppress(ValueError):
        limit = int(os.environ.get("UNGIL_NATIVE_CACHE_BYTES", LARGEST))
    files = []
    with os.scandir(place) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                facts = entry.stat()
                files.append((facts.st_mtime, facts.st_size, entry.path))
    total = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total <= limit:
            break
        with contextlib.suppress(OSError):
            os.unlink(path)
        total -= size
