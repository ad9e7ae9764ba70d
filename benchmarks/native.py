#!/usr/bin/env python3
"""Native code beside numba, Cython and a C compiler, interleaved in one run.

    python3 benchmarks/native.py [--kernel NAME ...] [--rounds N] [--fastmath] [--json FILE]

Needs gcc; numba and Cython are measured where they are installed (dependency group `bench-native`).
`--fastmath` adds ungil and numba with it. All work on the same arrays. Times are the best of the
rounds; ratios are of these. Every contender's result is compared with Python's first.
"""

import argparse
import ctypes
import json
import math
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import ungil

from nativebench import parallel
from nativebench.cython_kernels import compiled_by_cython
from nativebench.kernels import KERNELS, Kernel, integrate_square

HERE = Path(__file__).parent / "nativebench"
C_FLAGS = ["-O3", "-march=native", "-shared", "-fPIC"]

Call = Callable[..., Any]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kernel", action="append", help="only this one; may be repeated")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--fastmath", action="store_true", help="ungil and numba with it, too")
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    chosen = [k for k in KERNELS if not options.kernel or k.function.__name__ in options.kernel]
    if not chosen:
        parser.error("no kernel of that name")
    with tempfile.TemporaryDirectory() as folder:
        library = compiled_c(Path(folder))
        try:
            cython = compiled_by_cython(chosen, Path(folder))
        except ImportError:
            cython = None
        results = [measured(kernel, library, cython, options) for kernel in chosen]
        report(results)
        cached = from_the_cache(Path(folder))
        calls, scaling = call_overhead(), two_threads()
        loops, start = parallel.two_threads(), parallel.start_of_a_loop()
    print(
        f"\na call with two floats and an int, no rounds: {calls['ungil']:.0f} ns "
        f"(math.hypot, a function of C: {calls['builtin']:.0f} ns)"
    )
    print(f"integrate_square on 2 threads: {scaling:.2f}x of 1")
    print(f"from decoration to result in a new process, from the cache: {cached * 1000:.1f} ms")
    for name, factor in loops.items():
        print(f"{name} with prange on 2 threads: {factor:.2f}x of 1")
    print(f"a prange of two iterations on 2 threads: {start:.1f} us")
    if options.json:
        document = {"kernels": results, "call_ns": calls, "two_threads": scaling}
        document |= {"prange_two_threads": loops, "prange_start_us": start}
        document["from_cache"] = cached
        Path(options.json).write_text(json.dumps(document, indent=2) + "\n")
    return 0


def compiled_c(folder: Path) -> ctypes.CDLL:
    target = folder / "kernels.so"
    subprocess.run(["gcc", *C_FLAGS, "-o", target, HERE / "kernels.c", "-lm"], check=True)
    return ctypes.CDLL(str(target))


def in_c(kernel: Kernel, library: ctypes.CDLL) -> Call:
    """The C function, with arguments converted beforehand: a call costs about a microsecond."""
    function = getattr(library, kernel.function.__name__)
    returned = kernel.function.__annotations__.get("return")
    function.restype = {float: ctypes.c_double, int: ctypes.c_int64, None: None}[returned]

    def call(*arguments: Any) -> Any:
        converted: list[Any] = []
        for argument in arguments:
            if isinstance(argument, np.ndarray):
                converted.append(ctypes.c_void_p(argument.ctypes.data))
                converted.extend(ctypes.c_int64(size) for size in argument.shape)
            elif isinstance(argument, float):
                converted.append(ctypes.c_double(argument))
            else:
                converted.append(ctypes.c_int64(argument))
        return lambda: function(*converted)

    return call


def measured(
    kernel: Kernel, library: ctypes.CDLL, cython: ModuleType | None, options: argparse.Namespace
) -> dict[str, Any]:
    name = kernel.function.__name__
    first: dict[str, float] = {}
    calls: dict[str, Callable[[], Any]] = {}
    expected = kernel.arguments()
    wanted = kernel.function(*small(expected))
    shared = kernel.arguments()
    compilers: dict[str, Callable[[Call], Call]] = {"ungil": ungil.native}
    if options.fastmath:
        compilers["ungil fast"] = ungil.native(fastmath=True)
    try:
        numba = import_module("numba")
        compilers["numba"] = numba.njit(nogil=True)
        if options.fastmath:
            compilers["numba fast"] = numba.njit(nogil=True, fastmath=True)
    except ImportError:
        pass
    for contender, compiler in compilers.items():
        function = compiler(kernel.function)
        begun = time.perf_counter()
        found = function(*small(kernel.arguments()))
        first[contender] = time.perf_counter() - begun
        check(name, contender, found, wanted)
        calls[contender] = bound(function, shared)
    calls["gcc"] = in_c(kernel, library)(*shared)
    if cython is not None:
        function = getattr(cython, name)
        check(name, "cython", function(*small(kernel.arguments())), wanted)
        calls["cython"] = bound(function, shared)
    times: dict[str, list[float]] = {contender: [] for contender in calls}
    for _ in range(options.rounds):
        for contender, call in calls.items():
            begun = time.perf_counter()
            call()
            times[contender].append(time.perf_counter() - begun)
    best = {contender: min(seconds) for contender, seconds in times.items()}
    return {"kernel": name, "seconds": best, "first_call": first}


def bound(function: Call, arguments: tuple[Any, ...]) -> Callable[[], Any]:
    return lambda: function(*arguments)


def small(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """The same with counts that Python is done with quickly."""
    return tuple(min(a, 50) if type(a) is int else a for a in arguments)


def check(kernel: str, contender: str, found: Any, wanted: Any) -> None:
    close = wanted is None or math.isclose(found, wanted, rel_tol=1e-9)
    if not close:
        sys.exit(f"{kernel}: {contender} gives {found}, Python {wanted}")


def report(results: list[dict[str, Any]]) -> None:
    contenders = list(results[0]["seconds"])
    # Like is compared with like: checks and strict floats, or fastmath on both sides.
    pairs = [("ungil", name) for name in contenders if not name.startswith("ungil")]
    pairs = [("ungil fast" if other.endswith("fast") else own, other) for own, other in pairs]
    print(f"{'kernel':<18}" + "".join(f"{name + ', ms':>16}" for name in contenders), end="")
    print("".join(f"{'/ ' + other:>14}" for _, other in pairs), end="")
    print("".join(f"{name + ' 1st':>16}" for name in results[0]["first_call"]))
    for result in results:
        seconds = result["seconds"]
        print(f"{result['kernel']:<18}", end="")
        print("".join(f"{seconds[name] * 1000:16.3f}" for name in contenders), end="")
        print("".join(f"{seconds[own] / seconds[other]:14.2f}" for own, other in pairs), end="")
        print("".join(f"{value * 1000:16.1f}" for value in result["first_call"].values()))
    for own, other in pairs:
        ratios = [r["seconds"][own] / r["seconds"][other] for r in results]
        print(f"geometric mean of {own} / {other}: {statistics.geometric_mean(ratios):.2f}")
    if "numba" in contenders:
        ratios = [r["first_call"]["numba"] / r["first_call"]["ungil"] for r in results]
        print(f"median of numba's first call / ungil's: {statistics.median(ratios):.1f}")


CACHED = """
import time
import ungil
begun = time.perf_counter()
@ungil.native
def integrate_square(l: float, r: float, n_steps: int) -> float:
    h = (r - l) / n_steps
    result = 0.0
    for i in range(n_steps):
        x = l + i * h
        result += x * x * h
    return result
integrate_square(0.0, 1.0, 10)
print(time.perf_counter() - begun)
"""


def from_the_cache(folder: Path) -> float:
    """Median seconds of a program that was run before, after its imports."""
    program = folder / "cached.py"
    program.write_text(CACHED)
    command = [sys.executable, str(program)]
    runs = [subprocess.run(command, capture_output=True, check=True) for _ in range(8)]
    return statistics.median(float(run.stdout) for run in runs[1:])


def call_overhead() -> dict[str, float]:
    """Nanoseconds of a call, with the loop around it taken off."""
    native = ungil.native(integrate_square)
    native(0.0, 1.0, 1)
    count = 200_000

    def seconds(function: Call, *arguments: Any) -> float:
        best = math.inf
        for _ in range(5):
            begun = time.perf_counter()
            for _ in range(count):
                function(*arguments)
            best = min(best, time.perf_counter() - begun)
        return best

    return {
        "ungil": seconds(native, 0.0, 1.0, 1) / count * 1e9,
        "builtin": seconds(math.hypot, 0.0, 1.0) / count * 1e9,
    }


def two_threads() -> float:
    """How many times as much two threads do as one in the same time."""
    native = ungil.native(integrate_square)
    native(0.0, 1.0, 1)
    steps = 20_000_000

    def seconds(number: int) -> float:
        threads = [threading.Thread(target=native, args=(0.0, 5.0, steps)) for _ in range(number)]
        begun = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.perf_counter() - begun

    one = min(seconds(1) for _ in range(3))
    two = min(seconds(2) for _ in range(3))
    return 2 * one / two


if __name__ == "__main__":
    sys.exit(main())
