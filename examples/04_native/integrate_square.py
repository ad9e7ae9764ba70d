"""Free the hot loop: the lecture's integral on 1 to 9 threads, in Python and in native code.

    python examples/04_native/integrate_square.py [STEPS] [--svg FILE]

A left Riemann sum of x**2 over [0, 5], split into one range for each thread. Python's line stays
flat or rises, since one thread at a time holds the GIL; the native line falls as far as there are
cores, although it does 100 times as many steps. `--svg` draws both.
"""

import argparse
import math
import time
from collections.abc import Callable, Iterator

import ungil

EXACT = 5**3 / 3
JOBS = range(1, 10)
RUNS = 3
NATIVE_STEPS_PER_PYTHON_STEP = 100

Integral = Callable[[float, float, int], float]


@ungil.native
def integrate_square(l: float, r: float, n_steps: int) -> float:  # noqa: E741
    h = (r - l) / n_steps
    result = 0.0
    for i in range(n_steps):
        x = l + i * h
        result += x * x * h
    return result


# The same function as it is written here, run by Python.
integrate_square_python: Integral = integrate_square.__wrapped__  # type: ignore[attr-defined]


def master(integral: Integral, n_jobs: int, n_steps: int) -> float:
    """The integral from 0 to 5 in `n_jobs` ranges, a thread for each."""
    width = 5 / n_jobs
    with ungil.ThreadPoolExecutor(n_jobs) as pool:
        parts = [
            pool.submit(integral, job * width, (job + 1) * width, n_steps // n_jobs)
            for job in range(n_jobs)
        ]
        return math.fsum(part.result() for part in parts)


def measured(integral: Integral, n_steps: int) -> Iterator[float]:
    """Seconds for each number of threads, the best of some runs."""
    for n_jobs in JOBS:
        seconds = []
        for _ in range(RUNS):
            begun = time.perf_counter()
            result = master(integral, n_jobs, n_steps)
            seconds.append(time.perf_counter() - begun)
        yield min(seconds)
        error = abs(result - EXACT)
        # The left sum of a rising function is short by half a step's width times its rise.
        assert error < 2 * 5 / n_steps * 5**2, f"{n_jobs} threads: {result} is not 5**3/3"


def main(steps: int = 300_000, svg: str | None = None) -> None:
    native_steps = steps * NATIVE_STEPS_PER_PYTHON_STEP
    integrate_square(0.0, 1.0, 1)  # compiles
    print(f"the integral of x**2 from 0 to 5 is 5**3/3 = {EXACT:.4f};", end=" ")
    print(f"in 4 parts: {master(integrate_square, 4, native_steps):.4f}")
    python = list(measured(integrate_square_python, steps))
    native = list(measured(integrate_square, native_steps))
    print("lecture: the Python line is flat or rising, the compiled line falls")
    print(f"threads   Python, {steps:,} steps   native, {native_steps:,} steps")
    for n_jobs, slow, quick in zip(JOBS, python, native, strict=True):
        print(f"{n_jobs:7}   {slow * 1000:15.1f} ms   {quick * 1000:18.1f} ms")
    if svg:
        with open(svg, "w", encoding="utf-8") as file:
            file.write(picture(python, native, steps))


WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 560, 300, 60, 48, 40


def picture(python: list[float], native: list[float], steps: int) -> str:
    """Times over the number of threads, as SVG."""
    highest = max(*python, *native) * 1.1

    def at(n_jobs: float, seconds: float) -> str:
        x = LEFT + (n_jobs - 1) * (WIDTH - LEFT - 30) / (len(JOBS) - 1)
        y = HEIGHT - BOTTOM - seconds / highest * (HEIGHT - BOTTOM - TOP)
        return f"{x:.1f},{y:.1f}"

    def line(times: list[float], colour: str, name: str, height: int) -> str:
        points = " ".join(at(n_jobs, time) for n_jobs, time in zip(JOBS, times, strict=True))
        return (
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2.5"/>'
            f'<text x="{WIDTH - 30}" y="{height}" style="fill:{colour}" text-anchor="end">'
            f"{name}</text>"
        )

    ticks = ""
    for n_jobs in JOBS:
        x = at(n_jobs, 0).split(",")[0]
        ticks += f'<text x="{x}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{n_jobs}</text>'
    for part in range(5):
        seconds = highest * part / 4
        y = at(1, seconds).split(",")[1]
        ticks += (
            f'<line x1="{LEFT}" x2="{WIDTH - 30}" y1="{y}" y2="{y}" stroke="#8c959f" opacity=".3"/>'
            f'<text x="{LEFT - 8}" y="{y}" dy="4" text-anchor="end">{seconds * 1000:.0f}</text>'
        )
    middle = (LEFT + WIDTH - 30) // 2
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">
<title>Time of the integral over the number of threads, in Python and in native code</title>
<style>text {{ font: 13px system-ui, sans-serif; fill: #6e7781 }}</style>
{ticks}
{line(python, "#d55e00", f"Python, {steps:,} steps", 18)}
{line(native, "#0081c7", f"native, {steps * NATIVE_STEPS_PER_PYTHON_STEP:,} steps", 34)}
<text x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">threads</text>
<text x="{LEFT - 8}" y="18" text-anchor="end">ms</text>
</svg>
"""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("steps", nargs="?", type=int, default=300_000, metavar="STEPS")
    parser.add_argument("--svg", metavar="FILE", help="draw the times")
    options = parser.parse_args()
    main(options.steps, options.svg)
