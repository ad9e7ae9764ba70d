"""From raw figures to tables: medians, and ratios within a round, with their spread."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from poolbench import machine
from poolbench.contenders import Contender
from poolbench.machine import number, spread
from poolbench.measures import ARRAY_64, MEASURES, MIB, PSS, START, USS, Figures, Measure

PACKAGES = ("ungil", "numpy", "loky", "joblib", "mpire", "pebble")
OUR_DEFAULT = "ungil forkserver"
BEST_OF_FUTURES = "futures' best method / ungil's default"
# Where the start method makes the figure, the best of all of them says nothing.
DECIDED_BY_START_METHOD = (START, PSS, USS)


@dataclass
class Results:
    """Every raw figure: `rounds[i][contender][measure]`."""

    workers: int
    tasks: int
    copy_rates: list[float] = field(default_factory=list)  # bytes per second, one a round
    rounds: list[dict[str, Figures]] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    def series(self, name: str, measure: Measure) -> list[float]:
        """A contender's figures, one for each round in which it has one."""
        found = (figures.get(name, {}).get(measure.key) for figures in self.rounds)
        return [figure for figure in found if figure is not None]

    def ratios(self, ours: str, theirs: list[str], measure: Measure) -> list[float]:
        """How many times better ours is than the best of theirs, round by round."""
        ratios = []
        for figures in self.rounds:
            mine = figures.get(ours, {}).get(measure.key)
            others = [figures.get(name, {}).get(measure.key) for name in theirs]
            present = [figure for figure in others if figure is not None]
            if mine is None or not present:
                continue
            best = max(present) if measure.more_is_better else min(present)
            ratios.append(mine / best if measure.more_is_better else best / mine)
        return ratios

    def to_dict(self) -> dict[str, Any]:
        return {
            "version": 1,
            "machine": machine.facts(PACKAGES),
            "workers": self.workers,
            "tasks": self.tasks,
            "copy_bytes_per_second": self.copy_rates,
            "units": "seconds and bytes; rates are tasks or bytes per second",
            "rounds": self.rounds,
            "left_out": self.left_out,
        }


def markdown(results: Results, contenders: list[Contender]) -> Iterator[str]:
    facts = machine.facts(PACKAGES)
    yield f"## {facts['date']}: {results.workers} workers, {len(results.rounds)} rounds"
    yield ""
    yield machine.sentence(facts)
    yield f"bursts of {results.tasks} no-op tasks;"
    yield f"one 64 MiB copy in one process: {median(results.copy_rates) / MIB:.0f} MiB/s."
    yield "Figures are medians over the rounds, with the least and the greatest."
    if machine.is_busy(results.workers):
        yield machine.BUSY
    for name, reason in results.left_out.items():
        yield f"Left out: {name} ({reason})."
    for measure in MEASURES:
        yield from measure_table(results, contenders, measure)


def measure_table(results: Results, contenders: list[Contender], measure: Measure) -> Iterator[str]:
    rows = [(c, s) for c in contenders if (s := results.series(c.name, measure))]
    if not rows:
        return
    yield ""
    yield f"### {measure.title}"
    yield ""
    yield f"| | {measure.unit} | least - greatest | ungil, same start method, is better by |"
    yield "|---|---:|---:|---|"
    for contender, series in rows:
        scaled = [figure * measure.scale for figure in series]
        ratios = results.ratios(ours(contender), [contender.name], measure)
        yield (
            f"| {contender.name} | {number(median(scaled))} | "
            f"{number(min(scaled))} - {number(max(scaled))} | "
            f"{'' if contender.package == 'ungil' else spread(ratios)} |"
        )
    futures = [c.name for c, _ in rows if c.package == "concurrent.futures" and c.kind == "process"]
    ratios = results.ratios(OUR_DEFAULT, futures, measure)
    if len(futures) > 1 and ratios and measure not in DECIDED_BY_START_METHOD:
        yield f"| {BEST_OF_FUTURES} | | | {spread(ratios)} |"
    if measure is ARRAY_64 and (shares := share_of_limit(results)):
        yield ""
        yield f"{OUR_DEFAULT} reaches {median(shares):.0%} of one copy each way."


def ours(contender: Contender) -> str:
    """The contender of ours that is divided by this one."""
    return f"ungil {contender.start_method or contender.kind}"


def share_of_limit(results: Results) -> list[float]:
    """What part of one copy each way, at the speed of the same round's memcpy, ungil reaches."""
    pairs = zip(results.rounds, results.copy_rates, strict=True)
    figures = ((r.get(OUR_DEFAULT, {}).get(ARRAY_64.key), rate) for r, rate in pairs)
    return [figure / (rate / 2) for figure, rate in figures if figure is not None]
