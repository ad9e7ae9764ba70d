"""Object code on disk, so that a program's second run need not compile, nor load LLVM.

A file per module, named by a digest of all that the code depends on, written under another name and
renamed: readers see all of it or nothing. Whatever goes wrong costs a compilation, never more.
"""

from __future__ import annotations

import os
import sys
from _thread import get_ident
from importlib import import_module

from ungil._ungil import __version__

MAGIC = b"ungil object 2\n"
LARGEST = 256 << 20
"""Bytes of all files together, if `UNGIL_NATIVE_CACHE_BYTES` does not say otherwise."""


def digest(content: bytes) -> bytes:
    """32 bytes. `hashlib` loads OpenSSL, which takes longer than all the rest."""
    try:
        blake2b = import_module("_blake2").blake2b
    except ImportError:
        blake2b = import_module("hashlib").blake2b
    result: bytes = blake2b(content, digest_size=32).digest()
    return result


def directory() -> str | None:
    """Where the files are: `UNGIL_NATIVE_CACHE`, which may be "off", or the user's cache folder."""
    chosen = os.environ.get("UNGIL_NATIVE_CACHE")
    if chosen is not None:
        return None if chosen in ("", "0", "off") else chosen
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(home, "ungil", "native")


def key(ir: str) -> str:
    """A digest of the module, which has source and types in it, of machine and versions."""
    facts = "\0".join([__version__, machine(), llvm_installed(), ir])
    return digest(facts.encode()).hex()


known: dict[str, str] = {}
"""What is found out once."""


def machine() -> str:
    """The processor, as far as code depends on it."""
    if "machine" not in known:
        known["machine"] = "\n".join(sorted({os.uname().machine, *processor()}))
    return known["machine"]


def processor() -> list[str]:
    facts = []
    try:
        with open("/proc/cpuinfo") as file:
            for line in file:
                name, _, value = line.partition(":")
                if name.strip() in ("model name", "cpu family", "model", "flags", "Features"):
                    facts.append(value.strip())
                if not line.strip():
                    break
    except OSError:
        pass  # without: the cache is then the machine's kind's
    return facts


def llvm_installed() -> str:
    """Which llvmlite is there, without loading it: it takes longer than all the rest."""
    if "llvm" not in known:
        known["llvm"] = version_file() or "none"
    return known["llvm"]


def version_file() -> str | None:
    for folder in sys.path:
        try:
            with open(os.path.join(folder, "llvmlite", "_version.py")) as file:
                return file.read()
        except OSError:
            continue
    from importlib.util import find_spec  # noqa: PLC0415

    spec = find_spec("llvmlite")
    return None if spec is None else str(spec.origin)


def load(name: str) -> bytes | None:
    """The object file of that name, if there is a sound one."""
    place = directory()
    if place is None:
        return None
    path = os.path.join(place, name)
    try:
        with open(path, "rb") as file:
            # It will be run: what others have put there is not ours to trust.
            if os.fstat(file.fileno()).st_uid != os.getuid():
                return None
            content = file.read()
    except OSError:
        return None
    head, expected, code = content[:15], content[15:47], content[47:]
    if head != MAGIC or digest(code) != expected:
        unlink(path)
        return None
    try:  # noqa: SIM105  (contextlib takes long to import)
        os.utime(path)
    except OSError:
        pass  # it counts as used longer ago
    return code


def store(name: str, code: bytes) -> None:
    """Keep an object file, as far as the file system lets us."""
    place = directory()
    if place is None:
        return
    draft = os.path.join(place, f"draft-{os.getpid()}-{get_ident()}")
    try:
        os.makedirs(place, mode=0o700, exist_ok=True)
        try:
            with open(draft, "wb") as file:
                file.write(MAGIC + digest(code) + code)
            os.replace(draft, os.path.join(place, name))
        except OSError:
            unlink(draft)
            raise
        tidy_up(place)
    except OSError:
        pass  # the next process compiles it again


def unlink(path: str) -> None:
    try:  # noqa: SIM105
        os.unlink(path)
    except OSError:
        pass  # it is not there, or not ours


def tidy_up(place: str) -> None:
    """Remove what was not used for longest, until the rest is small enough."""
    try:
        limit = int(os.environ.get("UNGIL_NATIVE_CACHE_BYTES", LARGEST))
    except ValueError:
        limit = LARGEST
    files = []
    with os.scandir(place) as entries:
        for entry in entries:
            try:
                facts = entry.stat()
            except OSError:
                continue  # another process was faster
            files.append((facts.st_mtime, facts.st_size, entry.path))
    total = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total <= limit:
            break
        unlink(path)
        total -= size
