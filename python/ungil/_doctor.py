"""`ungil.doctor`: what this machine and this Python can do."""

from __future__ import annotations

import json
import mmap
import multiprocessing
import os
import resource
import sys
import sysconfig
from importlib import import_module, metadata
from typing import Any

from ungil import _ungil
from ungil._kinds import subinterpreter

_PACKAGES = ("cloudpickle", "numpy", "distributed", "ray")


def doctor() -> dict[str, Any]:
    """What this machine and this Python can do for ungil, and what to do about what is missing.

    `healthy`: whether everything works that ungil needs. `findings`: each with `topic`, `name`,
    `status` ("ok", "note", "missing" or "broken"), `text`, and `remedy`, where there is one.
    `facts`: what they follow from; sizes in bytes. The command line prints it: `ungil doctor`.
    """
    diagnosis: dict[str, Any] = json.loads(_ungil.doctor_json())
    return diagnosis


def observed() -> str:
    """What only the interpreter sees, as JSON: `Observed` in crates/ungil-measure/src/doctor."""
    seen = {
        "minor": sys.version_info[:2],
        "executable": sys.executable or "",
        "debug_build": hasattr(sys, "gettotalrefcount"),
        "free_threaded_build": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        "gil_chosen": "1" in (sys._xoptions.get("gil"), os.environ.get("PYTHON_GIL")),
        "interpreters": subinterpreter.why_not(),
        # Not those that others register: joblib's loky does so when it is imported.
        "start_methods": [
            method
            for method in multiprocessing.get_all_start_methods()
            if method in {"fork", "spawn", "forkserver"}
        ],
        "shared_memory": _why_no_shared_memory(),
        "dev_shm": _dev_shm(),
        "open_files": _limit(resource.RLIMIT_NOFILE),
        "processes": _limit(resource.RLIMIT_NPROC),
        "root": os.geteuid() == 0,
        "compiler": _compiler(),
        "packages": [{"name": name, "version": _version(name)} for name in _PACKAGES],
    }
    return json.dumps(seen)


def _why_no_shared_memory() -> str | None:
    try:
        descriptor = os.memfd_create("ungil-doctor", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    except (OSError, AttributeError) as error:
        return f"memfd_create: {getattr(error, 'strerror', None) or error}"
    try:
        os.ftruncate(descriptor, mmap.PAGESIZE)
        with mmap.mmap(descriptor, mmap.PAGESIZE) as memory:
            memory[0] = 1
    except (OSError, ValueError) as error:
        return f"mmap: {error}"
    finally:
        os.close(descriptor)
    return None


def _dev_shm() -> dict[str, int] | None:
    try:
        system = os.statvfs("/dev/shm")
    except OSError:
        return None
    return {
        "total": system.f_blocks * system.f_frsize,
        "free": system.f_bavail * system.f_frsize,
    }


def _limit(kind: int) -> dict[str, int | None]:
    soft, hard = (None if at == resource.RLIM_INFINITY else at for at in resource.getrlimit(kind))
    return {"soft": soft, "hard": hard}


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _compiler() -> dict[str, str | None]:
    version = _version("llvmlite")
    found: dict[str, str | None] = {"llvmlite": version, "llvm": None, "failure": None}
    if version is not None:
        try:
            binding = import_module("llvmlite.binding")
            found["llvm"] = ".".join(map(str, binding.llvm_version_info))
        except Exception as error:  # a library that is missing, a file that is damaged
            found["failure"] = f"{type(error).__name__}: {error}"
    return found
