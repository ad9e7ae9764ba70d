"""A function named by its module or its file, and how a worker of any kind finds it again.

Pure Python, because worker interpreters load it too; see `ungil._kinds.inside`.
"""

from __future__ import annotations

import os
import sys
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType
from typing import Any


def load_module(search: str, module: str, file: str | None) -> ModuleType:
    """Imports a module as `ungil compare` names it.

    search: the directory that has to be on `sys.path`.
    module: the name under which the module is, or will be, in `sys.modules`.
    file: its source file, where it cannot be imported by that name.
    """
    _put_on_path(search)
    if module in sys.modules:
        return sys.modules[module]
    if file is None:
        __import__(module)  # importlib.import_module would leave a frame in the user's traceback
        return sys.modules[module]
    spec = spec_from_file_location(module, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is not a Python file", path=file)
    made = module_from_spec(spec)
    sys.modules[module] = made
    try:
        spec.loader.exec_module(made)
    except BaseException:
        del sys.modules[module]
        raise
    return made


def load_function(search: str, module: str, file: str | None, attribute: str) -> Any:
    """What unpickling a workload calls in a worker: imports the module and gives the function."""
    found: Any = load_module(search, module, file)
    for name in attribute.split("."):
        found = getattr(found, name)
    return found


def _put_on_path(search: str) -> None:
    """Behind the standard library, so that a neighbour of the workload called `random.py` breaks
    nobody else's imports, and before what is installed."""
    if search in sys.path:
        return
    library = os.path.dirname(os.__file__)
    standard = {library, os.path.join(library, "lib-dynload")}
    behind = [at for at, entry in enumerate(sys.path) if entry in standard]
    sys.path.insert(behind[-1] + 1 if behind else 0, search)
