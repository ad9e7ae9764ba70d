"""The command line: which contenders, how often, and where the figures go."""

from __future__ import annotations

import argparse
import faulthandler
import json
import sys
from pathlib import Path

from poolbench import measures, report
from poolbench.contenders import Contender, contenders
from poolbench.measures import Figures
from poolbench.report import Results

HUNG_SECONDS = 300
GROUPS = ("rate", "latency", "arrays", "start")


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pools.py",
        description="Measures ungil's pools beside their peers. The contenders take turns, round "
        "after round, each with a pool of its own, so that a disturbance hits them all.",
    )
    add = parser.add_argument
    add("--workers", type=int, nargs="+", default=[2], metavar="N", help="default: 2")
    add("--rounds", type=int, default=5, metavar="N", help="turns of each contender (default: 5)")
    add("--tasks", type=int, default=5000, metavar="N", help="no-ops in a burst (default: 5000)")
    add("--trips", type=int, default=1000, metavar="N", help="round trips a turn (default: 1000)")
    add("--measure", nargs="+", choices=GROUPS, default=GROUPS, help="default: all of them")
    add("--only", metavar="TEXT", nargs="+", help="only contenders with one of these in the name")
    add("--json", type=Path, metavar="FILE", help="write every raw figure there")
    add("--append", type=Path, metavar="FILE", help="append the tables to this Markdown file")
    add("--list", action="store_true", help="only list the contenders")
    add("--probe", metavar="NAME", help=argparse.SUPPRESS)
    return parser


def main() -> int:
    options = parser().parse_args()
    if options.probe:
        print(json.dumps(measures.probe(options.probe)))
        return 0
    wanted = [
        contender
        for contender in contenders()
        if not options.only or any(text in contender.name for text in options.only)
    ]
    left_out = {c.name: reason for c in wanted if (reason := c.missing()) is not None}
    present = [contender for contender in wanted if contender.name not in left_out]
    if options.list or not present:
        for contender in wanted:
            print(f"{contender.name:<24} {left_out.get(contender.name, 'takes part')}")
        return 0 if present else 2

    runs = []
    for workers in options.workers:
        results = Results(workers, options.tasks, left_out=left_out)
        for turn in range(options.rounds):
            results.copy_rates.append(measures.copy_rate())
            results.rounds.append(one_round(present, workers, options, turn))
        text = "\n".join(report.markdown(results, present)) + "\n"
        print(text, flush=True)
        if options.append:
            with options.append.open("a") as file:
                file.write("\n" + text)
        runs.append(results.to_dict())
    if options.json:
        options.json.write_text(json.dumps({"version": 1, "runs": runs}, indent=1) + "\n")
    return 0


def one_round(
    present: list[Contender], workers: int, options: argparse.Namespace, turn: int
) -> dict[str, Figures]:
    """Everybody once, measure by measure; every other round in the opposite order."""
    figures: dict[str, Figures] = {contender.name: {} for contender in present}
    order = present if turn % 2 == 0 else present[::-1]
    for group in options.measure:
        for contender in order:
            progress(
                f"{workers} workers, round {turn + 1}/{options.rounds}: {group}, {contender.name}"
            )
            faulthandler.dump_traceback_later(HUNG_SECONDS, exit=True)
            figures[contender.name] |= take(group, contender, workers, options)
            faulthandler.cancel_dump_traceback_later()
    progress("")
    return figures


def take(group: str, contender: Contender, workers: int, options: argparse.Namespace) -> Figures:
    match group:
        case "rate":
            return measures.rate(contender, workers, options.tasks)
        case "latency":
            return measures.latency(contender, workers, options.trips)
        case "arrays":
            return measures.arrays(contender, workers)
        case _:
            return measures.start(contender)


def progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
