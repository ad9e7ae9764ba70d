"""How soon the page of a GIL trace can be used, and how smoothly: in a real Chromium.

    python benchmarks/gil_page.py [--slices 100000 1000000] [--rounds 5] [--append FILE]

Needs Debian's chromium and chromium-driver, and selenium. Each round opens the same page with a new
browser. Printed: medians, with the least and the greatest of the rounds.

    write         the page, from the trace in memory to the file
    interactive   from the start of the navigation until the timeline is drawn and listens
    frame         what the script takes for one frame, while the wheel zooms in and out
    frames/s      how many of them the browser showed in a second meanwhile; a screen has 60
"""

from __future__ import annotations

import argparse
import ctypes
import os
import platform
import statistics
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ungil

import browser

RELEASING = ctypes.CDLL(None).usleep  # a C function called without the GIL
THREADS = 50


def busy_trace(slices: int) -> ungil.Trace:
    """A trace of many threads with about this many slices, or more where they meet and wait."""
    each = slices // THREADS

    def releases() -> None:
        for at in range(each):
            # A pause now and then, so that no slices are merged because they come too fast.
            RELEASING(0 if at % 20 else 1000)

    with ungil.trace(slices=10 * slices) as trace:
        threads = [threading.Thread(target=releases, name=f"busy-{at}") for at in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return trace


# Zooms in and out by the wheel, once per frame; gives how long each took to draw and to be shown.
ZOOMS = """
const [frames, done] = arguments;
const canvas = document.getElementById("picture");
const box = canvas.getBoundingClientRect();
const [shown, drawn] = [[], []];
let last = performance.now();
let turn = 0;
function step(now) {
  shown.push(now - last);
  last = now;
  if (turn++ >= frames) {
    return done({ shown: shown.slice(2), drawn: drawn.slice(2) });
  }
  drawn.push(performance.getEntriesByName("ungil-frame").at(-1)?.duration ?? 0);
  const deltaY = Math.floor(turn / 20) % 2 ? 90 : -90;
  const at = { clientX: box.left + box.width * 0.6, clientY: box.top + 130 };
  canvas.dispatchEvent(new WheelEvent("wheel", { deltaY, cancelable: true, bubbles: true, ...at }));
  requestAnimationFrame(step);
}
requestAnimationFrame(step);
"""


def interactive(driver: Any) -> float:
    """Seconds from the start of the navigation until the timeline could be used."""
    mark = "return performance.getEntriesByName('ungil-interactive')[0]?.startTime ?? null"
    milliseconds = driver.execute_script(mark)
    return float(milliseconds) / 1000


def one_round(page: Path) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder, browser.chromium(Path(folder)) as driver:
        driver.get(page.as_uri())
        ready = interactive(driver)
        times = driver.execute_async_script(ZOOMS, 120)
        return {
            "interactive": ready,
            "frame": statistics.median(times["drawn"]) / 1000,
            "frames/s": 1000 / statistics.mean(times["shown"]),
            "slices": float(str(driver.find_element("id", "stage").get_attribute("data-slices"))),
        }


def measured(slices: int, rounds: int, folder: Path) -> str:
    trace = busy_trace(slices)
    page = folder / "trace.html"
    writes, results = [], []
    for _ in range(rounds):
        start = time.perf_counter()
        trace.save(page)
        writes.append(time.perf_counter() - start)
        results.append(one_round(page))
    size = page.stat().st_size / 1e6
    cells = [f"{results[0]['slices']:,.0f}", f"{size:.2f} MB", spread(writes, 1e3, "ms")]
    for name, factor, unit in [
        ("interactive", 1e3, "ms"),
        ("frame", 1e3, "ms"),
        ("frames/s", 1, ""),
    ]:
        cells.append(spread([result[name] for result in results], factor, unit))
    return "| " + " | ".join(cells) + " |"


def spread(values: list[float], factor: float, unit: str) -> str:
    low, middle, high = (f(values) * factor for f in (min, statistics.median, max))
    return f"{middle:.3g} {unit} ({low:.3g} - {high:.3g})".replace("  ", " ")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--slices", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--append", type=Path, metavar="FILE")
    options = parser.parse_args()
    if reason := browser.missing():
        parser.error(reason)
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    others = (
        " The machine was busy with other things: not for publishing." if load > cores / 2 else ""
    )
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    lines = [
        f"## {now}: the page of a GIL trace, {options.rounds} rounds",
        "",
        f"{cores} cores, no GPU; load {load:.1f}; {browser.version()}; "
        f"CPython {platform.python_version()}; ungil {ungil.__version__}; {THREADS} threads."
        f"{others}",
        "",
        "| slices | page | write | interactive | frame | frames/s |",
        "|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        lines += [measured(slices, options.rounds, Path(folder)) for slices in options.slices]
    text = "\n".join(lines) + "\n"
    print(text)
    if options.append:
        with options.append.open("a") as file:
            file.write("\n" + text)


if __name__ == "__main__":
    main()
