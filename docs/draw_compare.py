"""Draws the picture in the README from what `ungil compare --json` measured.

    ungil compare --json=docs/compare.json
    python3 docs/draw_compare.py docs/compare.json docs/compare.svg

A panel for each workload: speed-up against a plain loop, over the number of workers; a line for
each kind of worker with its confidence interval as whiskers; perfect scaling as a dashed line.
"""

import json
import math
import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

PANEL_WIDTH, PANEL_HEIGHT = 420, 300
LEFT, RIGHT, TOP, BOTTOM = 52, 120, 64, 54
FOOTER = 34
# Colours that colour-blind readers can tell apart (Okabe and Ito), legible on white and on black.
KIND_COLOURS = {"thread": "#d55e00", "process": "#0081c7", "interpreter": "#009e73"}
OTHER_COLOUR = "#aa6fa0"
LABEL_GAP = 16

STYLE = """
text { font: 13px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: #24292f }
.title { font-size: 16px; font-weight: 600 }
.small { font-size: 11.5px; fill: #57606a }
.grid { stroke: #d0d7de; stroke-width: 1 }
.ideal { stroke: #8c959f; stroke-width: 1.5; stroke-dasharray: 2 4; fill: none }
.curve { stroke-width: 2.5; fill: none; stroke-linejoin: round; stroke-linecap: round }
.whisker { stroke-width: 1.5; opacity: .6 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .small { fill: #9198a1 } .grid { stroke: #3d444d }
}
"""


class Point(NamedTuple):
    workers: int
    speedup: float
    low: float
    high: float


class Axes(NamedTuple):
    """From workers (a logarithmic axis) and speed-ups to the picture's pixels."""

    workers: list[int]
    highest: float

    def x(self, workers: float) -> float:
        first, last = math.log2(self.workers[0]), math.log2(self.workers[-1])
        share = (math.log2(workers) - first) / (last - first) if last > first else 0.5
        return LEFT + share * (PANEL_WIDTH - LEFT - RIGHT)

    def y(self, speedup: float) -> float:
        share = speedup / self.highest
        return PANEL_HEIGHT - BOTTOM - share * (PANEL_HEIGHT - TOP - BOTTOM)


def points(curve: dict[str, Any]) -> list[Point]:
    """The measured cells of a kind: skipped ones have no summary."""
    found = []
    for cell in curve["cells"]:
        summary = cell["summary"]
        if summary is None or summary["speedup"] is None:
            continue
        speedup = summary["speedup"]
        interval = summary["speedup_interval"] or {"low": speedup, "high": speedup}
        found.append(Point(cell["workers"], speedup, interval["low"], interval["high"]))
    return sorted(found)


def panel(workload: dict[str, Any], usable_cpus: int) -> Iterator[str]:
    curves = {curve["kind"]: points(curve) for curve in workload["kinds"]}
    curves = {kind: curve for kind, curve in curves.items() if curve}
    measured = [point for curve in curves.values() for point in curve]
    if not measured:
        raise SystemExit(f"{workload['name']}: nothing was measured, so there is nothing to draw")
    workers = sorted({point.workers for point in measured})
    top = max([point.high for point in measured] + [float(min(usable_cpus, workers[-1]))])
    step = tick_step(top)
    axes = Axes(workers, step * math.ceil(top / step * 1.02))

    yield text(LEFT, 24, workload["name"], "title")
    yield text(LEFT, 44, headline(workload["verdict"]), "small")
    yield from grid(axes, step)
    yield ideal(axes)
    for kind, curve in curves.items():
        yield from drawn(curve, axes, KIND_COLOURS.get(kind, OTHER_COLOUR))
    ends = {kind: axes.y(curve[-1].speedup) for kind, curve in curves.items()}
    for kind, y in spaced(ends).items():
        end = curves[kind][-1]
        colour = KIND_COLOURS.get(kind, OTHER_COLOUR)
        label = f"{kind} {end.speedup:.2g}x"
        yield text(
            axes.x(end.workers) + 10, y + 4, label, style=f"fill: {colour}; font-weight: 600"
        )


def headline(verdict: dict[str, Any]) -> str:
    winner = verdict["winner"]
    if winner is None:
        return "no clear winner"
    if winner["kind"] == "serial":
        return "a plain loop is best here"
    return f"best: {winner['workers']} {winner['kind']} worker{'s' * (winner['workers'] > 1)}"


def grid(axes: Axes, step: float) -> Iterator[str]:
    for number in range(round(axes.highest / step) + 1):
        y = axes.y(number * step)
        yield line((axes.x(axes.workers[0]), y), (axes.x(axes.workers[-1]), y), "grid")
        yield text(LEFT - 10, y + 4, f"{number * step:g}", "small", anchor="end")
    for workers in axes.workers:
        yield text(
            axes.x(workers), PANEL_HEIGHT - BOTTOM + 20, str(workers), "small", anchor="middle"
        )
    middle = (axes.x(axes.workers[0]) + axes.x(axes.workers[-1])) / 2
    yield text(middle, PANEL_HEIGHT - BOTTOM + 40, "workers", "small", anchor="middle")


def ideal(axes: Axes) -> str:
    """Speed-up = workers, as far as it fits."""
    last = min(axes.workers[-1], axes.highest)
    steps = [axes.workers[0] * (last / axes.workers[0]) ** (i / 24) for i in range(25)]
    return f'<path class="ideal" d="{path((axes.x(n), axes.y(n)) for n in steps)}"/>'


def drawn(curve: list[Point], axes: Axes, colour: str) -> Iterator[str]:
    for point in curve:
        x = axes.x(point.workers)
        ends = (x, axes.y(point.low)), (x, axes.y(point.high))
        yield line(*ends, "whisker", f"stroke: {colour}")
    route = path((axes.x(point.workers), axes.y(point.speedup)) for point in curve)
    yield f'<path class="curve" style="stroke: {colour}" d="{route}"/>'
    for point in curve:
        x, y = axes.x(point.workers), axes.y(point.speedup)
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>'


def spaced(ends: dict[str, float]) -> dict[str, float]:
    """Moves labels that would overlap apart, keeping their order."""
    placed: dict[str, float] = {}
    lowest = -math.inf
    for kind, y in sorted(ends.items(), key=lambda item: item[1]):
        lowest = placed[kind] = max(y, lowest + LABEL_GAP)
    return placed


def tick_step(highest: float) -> float:
    """1, 2 or 5 times a power of ten, for four to eight ticks."""
    power: float = 10.0 ** math.floor(math.log10(highest / 4))
    return next(step * power for step in (1, 2, 5, 10) if highest / (step * power) <= 5)


def path(corners: Iterator[tuple[float, float]]) -> str:
    return "M" + " L".join(f"{x:.1f},{y:.1f}" for x, y in corners)


def line(start: tuple[float, float], end: tuple[float, float], css: str, style: str = "") -> str:
    (x1, y1), (x2, y2) = start, end
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line class="{css}" style="{style}" {ends}/>'


def text(
    x: float, y: float, words: str, css: str = "", *, anchor: str = "start", style: str = ""
) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text class="{css}" style="{style}" {place}>{escape(words)}</text>'


def footer(document: dict[str, Any]) -> str:
    machine = document["machine"]
    python = machine["python"]
    facts = [
        f"{machine['usable_cpus']} usable cores",
        machine["cpu_model"] or machine["architecture"],
        f"{python['implementation']} {python['version']}",
        f"ungil {document['ungil_version']}",
        document["created"][:10],
    ]
    return "Times faster than a plain loop; dashed: perfect scaling. " + ", ".join(facts)


def svg(document: dict[str, Any]) -> str:
    workloads = document["workloads"]
    width, height = PANEL_WIDTH * len(workloads), PANEL_HEIGHT + FOOTER
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img">',
        "<title>Speed-up of threads and processes, measured by ungil compare</title>",
        f"<style>{STYLE}</style>",
    ]
    for number, workload in enumerate(workloads):
        lines.append(f'<g transform="translate({number * PANEL_WIDTH} 0)">')
        lines.extend(filter(None, panel(workload, document["machine"]["usable_cpus"])))
        lines.append("</g>")
    lines += [text(LEFT - 34, height - 10, footer(document), "small"), "</svg>"]
    return "\n".join(lines) + "\n"


def main() -> None:
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    target.write_text(svg(json.loads(source.read_text())))


if __name__ == "__main__":
    main()
