"""What starts a worker process, and what it is told before its first task."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import process as _mp_process
from pathlib import Path
from typing import Any

from ungil._inheritance import Descriptors, dump_initializer, tracker_descriptor


def child_command(entry: str) -> tuple[str, list[str]]:
    """The command of a process that calls `_ungil.ENTRY(our pid)`."""
    if not sys.executable:
        raise RuntimeError(
            "this Python does not know its own program (sys.executable is empty), so it cannot "
            'start workers: set sys.executable, or use start_method="fork"'
        )
    package = str(Path(__file__).resolve().parent.parent)
    code = (
        f"import sys; sys.path.append({package!r}); "
        f"from ungil._ungil import {entry}; {entry}({os.getpid()})"
    )
    # The flags of this interpreter; and -P: no directory of ours before the standard library.
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    return sys.executable, [*flags, "-P", "-c", code]


def main_module() -> dict[str, str]:
    """How a worker finds this program's main module; empty where it cannot (a prompt)."""
    main = sys.modules.get("__main__")
    name = getattr(getattr(main, "__spec__", None), "name", None)
    if name is not None:
        return {"init_main_from_name": name}
    path = getattr(main, "__file__", None)
    if path is None or not Path(path).exists():
        return {}
    return {"init_main_from_path": os.path.abspath(path)}


def fresh_set_up(
    initializer: Callable[..., object] | None,
    initargs: tuple[Any, ...],
    descriptors: Descriptors,
) -> dict[str, object]:
    """What a worker that is no fork of this process must be told."""
    set_up: dict[str, object] = {
        "argv": sys.argv,
        "environ": dict(os.environ),
        "main": main_module(),
        "authkey": bytes(_mp_process.current_process().authkey),
    }
    directory = ""
    with suppress(OSError):  # deleted under us: the workers stay where they are
        directory = set_up["directory"] = os.getcwd()
    family: Any = sys.modules.get("ungil._family")
    if family is not None and family.Family.current is not None:
        set_up["trace"] = family.Family.current.invitation
    set_up["sys_path"] = [entry or directory for entry in sys.path]
    if initializer is not None:
        set_up["initializer"] = _pickle_initializer(initializer, initargs, descriptors)
    tracker = tracker_descriptor()
    if tracker is not None:
        set_up["tracker"] = descriptors.duplicate_for_child(tracker)
    return set_up


def _pickle_initializer(
    initializer: Callable[..., object], initargs: tuple[Any, ...], descriptors: Descriptors
) -> bytes:
    try:
        return dump_initializer((initializer, initargs), descriptors)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise pickle.PicklingError(
            f"the initializer or its arguments cannot be pickled for a worker: {error}. "
            "Move the function to the top level of a module, install cloudpickle, or use "
            'start_method="fork"'
        ) from error
