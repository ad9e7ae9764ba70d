"""The kernels for Cython: their text with typed heads, all checks off, compiled by gcc."""

import importlib
import importlib.util
import inspect
import re
import subprocess
import sys
import sysconfig
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from nativebench.kernels import Kernel

HEAD = """\
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: infer_types=True, initializedcheck=False
from libc cimport math
"""

TYPES = {"float64": "double", "int64": "long", "uint8": "unsigned char"}


def compiled_by_cython(kernels: list[Kernel], folder: Path) -> ModuleType:
    """A module with all of them. `ImportError` where Cython is missing."""
    translate = importlib.import_module("Cython.Compiler.Main").compile
    source = folder / "cython_kernels.pyx"
    source.write_text(HEAD + "".join(typed(kernel) for kernel in kernels))
    result: Any = translate(str(source))
    if result.num_errors:
        raise RuntimeError("Cython does not compile the kernels")
    target = folder / f"cython_kernels{sysconfig.get_config_var('EXT_SUFFIX')}"
    include = sysconfig.get_path("include")
    flags = ["-O3", "-march=native", "-shared", "-fPIC", "-w", f"-I{include}"]
    subprocess.run(["gcc", *flags, "-o", target, source.with_suffix(".c"), "-lm"], check=True)
    specification = importlib.util.spec_from_file_location("cython_kernels", target)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules["cython_kernels"] = module
    specification.loader.exec_module(module)
    return module


def typed(kernel: Kernel) -> str:
    """The kernel's text with the types of its arguments; those of variables are inferred."""
    function = kernel.function
    names = list(inspect.signature(function).parameters)
    written = zip(names, kernel.arguments(), strict=True)
    parameters = ", ".join(f"{cython_type(value)} {name}" for name, value in written)
    text = inspect.getsource(function)
    # Loops over a C int need its variable declared: without, Cython does not infer it to be one.
    counters = sorted(set(re.findall(r"for (\w+) in range", text)))
    declared = "".join(f"    cdef long {name}\n" for name in counters if name != "_")
    declared += "    cdef long _\n" if "_" in counters else ""
    integers = ["n", "steps", "longest", "state", "inside", "count", "start"]
    assigned = [name for name in integers if re.search(rf"^\s+{name} = ", text, re.MULTILINE)]
    declared += "".join(f"    cdef long {name}\n" for name in assigned if name not in counters)
    body = text.split("\n", 1)[1]
    returned = {float: "double", int: "long", None: "object"}
    result = returned[function.__annotations__.get("return")]
    head = f"cpdef {result} {function.__name__}({parameters}):\n"
    return f"\n\n{head}{declared}{body}"


def cython_type(value: Any) -> str:
    if isinstance(value, np.ndarray):
        dimensions = ", ".join([":"] * (value.ndim - 1) + ["::1"])
        return f"{TYPES[value.dtype.name]}[{dimensions}]"
    return "double" if isinstance(value, float) else "long"
