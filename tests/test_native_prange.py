"""`ungil.prange`: parallel loops in native code.

The oracle is the same function run by Python, for which `prange` is `range`.
"""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ungil
from ungil import prange

pytest.importorskip("llvmlite", reason="llvmlite has no wheel for this Python")


def sums(a: Any, k: Any, threads: Any) -> Any:
    total = 3
    odd = 0
    for i in prange(len(k), threads=threads):
        total += k[i] * 2
        total -= i
        odd = i % 2 + odd
    return total if odd > 2 else -total


def products(a: Any, k: Any, threads: Any) -> Any:
    product = 2
    for i in prange(1, len(k), threads=threads):
        if k[i] > 95 and i < 200:
            product = product * 3 * 1
    return product


def extremes(a: Any, k: Any, threads: Any) -> Any:
    least, most, first = 1e9, -1e9, 1000
    for i in prange(len(a), threads=threads):
        least = min(least, a[i])
        if a[i] > most:  # noqa: PLR1730 (as many write it)
            most = a[i]
        first = min(first, k[i], k[i] * 2)
    return least + most * first


def bits(a: Any, k: Any, threads: Any) -> Any:
    every, some, odd = -1, 0, 5
    positive, any_large = True, False
    for i in prange(len(k), threads=threads):
        every &= k[i] | 1
        some |= k[i]
        odd ^= k[i]
        positive = positive and k[i] >= 0
        any_large = any_large or k[i] > 98
    return every + 1000 * some + 10**6 * odd + 10**9 * (positive + 2 * any_large)


def nothing_to_do(a: Any, k: Any, threads: Any) -> Any:
    total = -0.0
    for i in prange(5, 5, threads=threads):
        total += a[i]
    else:  # noqa: PLW0120 (it belongs to the language)
        total -= 0.0
    return total


def backwards(a: Any, k: Any, threads: Any) -> Any:
    total = 0
    for i in prange(len(k) - 1, -1, -3, threads=threads):
        if i % 2:
            continue
        total += i * k[i]
    return total


def far_away(a: Any, k: Any, threads: Any) -> Any:
    total = 0
    for i in prange(-(2**62), 2**62, 2**55, threads=threads):
        total += i // 2**50
    return total


def matrix(a: Any, k: Any, threads: Any) -> Any:
    """Private variables, inner loops, a loop inside of the loop, rows as views."""
    total = 0.0
    n = len(k)
    scale = 0.5
    for i in prange(n, threads=threads):
        part = 0.0
        for j in range(n):
            x = a[j] * scale
            part = part + x
        for j in prange(i % 4):
            part += k[j]
        total += part if part > 1e300 else 1.0
    return total


@pytest.mark.parametrize(
    "function",
    [sums, products, extremes, bits, nothing_to_do, backwards, far_away, matrix],
    ids=lambda function: function.__name__,
)
def test_reductions_are_what_python_makes_of_the_plain_loop(function: Callable[..., Any]) -> None:
    native = ungil.native(function)
    random = np.random.default_rng(5)
    for size in [5, 6, 100, 1500]:
        a, k = random.normal(size=size), random.integers(0, 100, size)
        expected = function(a.tolist(), k.tolist(), 1)
        for threads in [1, 2, 5]:
            found = native(a, k, threads)
            assert (type(found), repr(found)) == (type(expected), repr(expected)), (size, threads)


@ungil.native
def ordered_sum(a: Any, threads: Any) -> Any:
    total = 0.0
    for i in ungil.prange(len(a), ordered=True, threads=threads):
        total += a[i]
    return total


def test_an_ordered_sum_is_the_same_for_every_number_of_threads() -> None:
    a = np.random.default_rng(1).normal(size=100_003)
    sums = {ordered_sum(a, threads).hex() for threads in [1, 2, 3, 7, 2, 1] for _ in range(5)}
    assert len(sums) == 1
    assert float.fromhex(sums.pop()) == pytest.approx(a.sum())


@ungil.native
def plain_sum(a: Any) -> Any:
    total = 0.0
    for i in ungil.prange(len(a), threads=1):
        total += a[i]
    return total


def test_on_one_thread_a_sum_is_pythons_to_the_last_bit() -> None:
    a = np.random.default_rng(1).normal(size=10_001)
    total = 0.0  # `sum` compensates for rounding since Python 3.12
    for x in a.tolist():
        total += x
    assert plain_sum(a) == total


@ungil.native
def smooth(a: Any, out: Any, threads: Any) -> Any:
    for i in ungil.prange(1, len(a) - 1, threads=threads):
        out[i] = (a[i - 1] + a[i] + a[i + 1]) / 3


def test_arrays_that_share_memory_are_worked_on_as_by_the_plain_loop() -> None:
    a = np.random.default_rng(2).normal(size=50_000)
    expected = a.tolist()
    for i in range(1, len(expected) - 1):
        expected[i] = (expected[i - 1] + expected[i] + expected[i + 1]) / 3
    smooth(a, a, 4)
    assert a.tolist() == expected


@ungil.native
def rows_times_two(m: Any, threads: Any) -> Any:
    for i in ungil.prange(m.shape[0], threads=threads):
        row = m[i]
        for j in range(len(row)):
            row[j] *= 2


def test_every_iteration_can_write_to_a_row_of_its_own() -> None:
    m = np.arange(3000.0).reshape(1000, 3)
    rows_times_two(m, 3)
    assert (m == 2 * np.arange(3000.0).reshape(1000, 3)).all()


@ungil.native
def looked_up(a: Any, k: Any, out: Any, threads: Any) -> Any:
    for i in ungil.prange(len(k), threads=threads):
        out[i] = a[k[i]]


def test_the_error_of_the_lowest_iteration_is_raised() -> None:
    k = np.zeros(20_000, np.int64)
    k[7001:] = 10**6 + np.arange(7001, 20_000)
    for threads in [1, 2, 3] * 5:
        with pytest.raises(IndexError, match="index 1007001 is out of bounds") as caught:
            looked_up(np.ones(4), k, np.zeros(20_000), threads)
        frame = traceback.extract_tb(caught.value.__traceback__)[-1]
        assert (frame.name, frame.line) == ("looked_up", "out[i] = a[k[i]]")


@ungil.native
def large_sum(n: int, threads: int) -> int:
    total = 2**62
    for _ in ungil.prange(n, threads=threads):
        total += 2**60
    return total


def test_an_int_that_is_too_large_in_the_end_is_an_overflow() -> None:
    for threads in [1, 3]:
        assert large_sum(3, threads) == 2**62 + 3 * 2**60
        with pytest.raises(OverflowError, match="does not fit into an int of 64 bits"):
            large_sum(4, threads)


@ungil.native
def endless_but_one(n: int, fails: bool, threads: int) -> int:
    rounds = 0
    for i in ungil.prange(n, threads=threads):
        if i == 0 and fails:
            raise ValueError("the first one")
        while i > 0 or not fails:
            rounds += 1 - 1
    return rounds


def test_an_error_stops_the_other_iterations() -> None:
    with pytest.raises(ValueError, match="the first one"):
        endless_but_one(4, True, 3)


@pytest.mark.skipif(not hasattr(signal, "raise_signal"), reason="needs signals")
@pytest.mark.parametrize("n", [1, 2, 50])
def test_ctrl_c_stops_all_threads(n: int) -> None:
    timer = threading.Timer(0.2, signal.raise_signal, [signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        endless_but_one(n, False, 3)
    timer.join()


def test_python_threads_run_parallel_loops_at_the_same_time() -> None:
    a = np.random.default_rng(3).normal(size=30_000)
    expected = ordered_sum(a, 1)
    with ungil.ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda threads: ordered_sum(a, threads), [1, 2, 3, 4] * 25))
    assert set(found) == {expected}


@ungil.native
def depth(n: int) -> int:
    return 0 if n == 0 else 1 + depth(n - 1)


@ungil.native
def depths(n: int, most: int, threads: int) -> int:
    total = 0
    for i in ungil.prange(n, threads=threads):
        total += depth(most + i)
    return total


def test_recursion_in_a_parallel_loop_ends_before_the_stack_does() -> None:
    assert depths(10, 1000, 3) == 10_045
    with pytest.raises(RecursionError, match="stack of this thread is full"):
        depths(10, 10**9, 3)


@ungil.native
def no_threads(threads: Any) -> Any:
    total = 0
    for i in ungil.prange(9, threads=threads):
        total += i
    return total


def test_less_than_one_thread_is_an_error() -> None:
    native: Any = no_threads
    for function in [native, native.__wrapped__]:
        for threads in [0, -(2**63)]:
            with pytest.raises(ValueError, match=f"at least 1 thread, not {threads}"):
                function(threads)
    assert no_threads(10**9) == 36


def test_elsewhere_it_is_the_range() -> None:
    assert prange(5) == range(5)
    assert prange(2, 9, 3, ordered=True, threads=4) == range(2, 9, 3)
    with pytest.raises(ValueError, match="must not be zero"):
        prange(1, 2, 0)


def run(folder: Path, text: str, **environment: str) -> str:
    program = folder / "program.py"
    program.write_text("import os, ungil\n" + textwrap.dedent(text))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", program],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    return done.stdout + done.stderr


LOOP = """
    @ungil.native
    def count(n: int, threads: int) -> int:
        total = 0
        for i in ungil.prange(n, threads=threads):
            total += 1
        return total

    @ungil.native
    def threads_by_default(n: int) -> float:
        total = 0.0
        for i in ungil.prange(n):
            total += 0.1
        return total
"""


def test_the_child_of_a_fork_has_threads_of_its_own(tmp_path: Path) -> None:
    out = run(
        tmp_path,
        LOOP
        + """
    assert count(100_000, 3) == 100_000
    child = os.fork()
    if not child:
        assert count(100_000, 3) == 100_000
        os._exit(len(os.listdir("/proc/self/task")))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """,
    )
    assert out == "3\n"


def test_the_environment_sets_the_number_of_threads(tmp_path: Path) -> None:
    text = (
        LOOP
        + """
    threads_by_default(1_000_000)
    print(len(os.listdir("/proc/self/task")))
    """
    )
    before = 1
    assert run(tmp_path, text, UNGIL_NATIVE_THREADS="5") == f"{before + 4}\n"
    assert run(tmp_path, text, UNGIL_NATIVE_THREADS="1") == f"{before}\n"
    assert "UNGIL_NATIVE_THREADS is 'many': expected the number" in run(
        tmp_path, text, UNGIL_NATIVE_THREADS="many"
    )
