"""The race suite (tests/race_suite) through `ungil.race` and through frontrun.

    python benchmarks/race_programs.py [--seconds 30] [--append FILE] [NAME ...]

Each program runs in a process of its own, with the tool's defaults and `--seconds` for all of its
schedules. Needs `pip install frontrun greenlet` and Python 3.12 or later.

frontrun takes a set-up, workers and an invariant. A program of the suite is cut up into these at
its one call of `together`: what comes before is the set-up, the threads' functions are the
workers, what comes after is the invariant. Programs that start threads in another way are left
out for it. What counts as found: an invariant that fails, a worker that raises, a deadlock; for a
data race that shows in no result, frontrun is asked for races (`error_on_any_race`). The programs
keep their state in variables of closures, of which frontrun 0.7.0 follows fewer accesses than of
attributes: written with `self.box`, it finds `one_preemption`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import race_suite  # noqa: E402  (it lies beside the tests)
from race_suite import Program  # noqa: E402

PROGRAMS: dict[str, Program] = {
    program.name: program for program in (*race_suite.BUGGY, *race_suite.CORRECT)
}
TOOLS = ("ungil", "frontrun")


def with_ungil(program: Program, seconds: float) -> str:
    import ungil.race  # noqa: PLC0415  (frontrun's process does without)

    result = ungil.race.explore(program.model, benign=program.benign, max_seconds=seconds)
    if not result.ok:
        return "found"
    return "proved" if result.proved else "passed"


class Cut:
    """A program that has come to its call of `together`."""

    def __init__(self, program: Program) -> None:
        greenlet: Any = import_module("greenlet")
        self.workers: tuple[Any, ...] | None = None
        self.failed = False

        def together(*workers: Any) -> None:
            self.workers = workers
            greenlet.getcurrent().parent.switch()

        for name in (
            "algorithms",
            "classics",
            "classics_mended",
            "everyday",
            "preemptions",
            "waiting",
        ):
            module = import_module(f"race_suite.{name}")
            if hasattr(module, "together"):
                module.together = together  # type: ignore[attr-defined]
        self._rest = greenlet.greenlet(program.model)
        self._rest.switch()

    def work(self, number: int) -> None:
        """One thread's part; its failure is one of the invariant's."""
        assert self.workers is not None
        try:
            self.workers[number]()
        except Exception as error:
            if type(error).__module__.startswith("frontrun"):
                raise  # it ends a run like this
            self.failed = True

    def holds(self) -> bool:
        """What comes after the threads' end."""
        if self.failed:
            return False
        try:
            self._rest.switch()
        except Exception:
            return False
        return True


def with_frontrun(program: Program, seconds: float) -> str:
    first = Cut(program)
    if first.workers is None:
        return "left out"
    frontrun: Any = import_module("frontrun")
    try:
        result = frontrun.explore(
            setup=lambda: Cut(program),
            workers=[
                lambda cut, number=number: cut.work(number) for number in range(len(first.workers))
            ],
            invariant=Cut.holds,
            total_timeout=seconds,
            error_on_any_race=program.kind == "data race",
        )
    except Exception as error:
        kind = type(error).__name__
        return "gave up" if kind.startswith(("Frontrun", "Inconclusive")) else f"raised {kind}"
    # Neither: a thread blocked on something that it does not follow.
    return {True: "passed", False: "found"}.get(result.property_holds, "gave up")


EXPLORE = {"ungil": with_ungil, "frontrun": with_frontrun}


def alone(tool: str, program: str, seconds: float) -> tuple[str, float]:
    """What the tool says in a process of its own, and the seconds of its call."""
    command = [sys.executable, __file__, "--tool", tool, "--seconds", str(seconds), program]
    if tool == "frontrun":
        command = [os.path.join(os.path.dirname(sys.executable), "frontrun"), *command]
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=seconds * 2 + 10
        )
    except subprocess.TimeoutExpired as expired:
        return "never came back", float(expired.timeout)
    try:
        said, took = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        return f"ended with {done.returncode}", 0.0
    return str(said), float(took)


def table(rows: list[tuple[Program, dict[str, tuple[str, float]]]]) -> str:
    lines = ["| program | bug | ungil | s | frontrun | s |", "|---|---|---|---:|---|---:|"]
    for program, said in rows:
        cells = " | ".join(f"{word} | {took:.2f}" for word, took in said.values())
        lines.append(f"| {program.name} | {program.kind or 'none'} | {cells} |")
    buggy = [said for program, said in rows if program.kind]
    correct = [said for program, said in rows if not program.kind]
    for tool in TOOLS:
        tried = [said[tool] for said in buggy if said[tool][0] != "left out"]
        found = [took for word, took in tried if word == "found"]
        fine = [said[tool][0] for said in correct if said[tool][0] in ("proved", "passed")]
        wrong = [said[tool][0] for said in correct if said[tool][0] == "found"]
        lines.append(
            f"\n{tool}: {len(found)} of {len(tried)} bugs found,"
            f" in {sum(t for _, t in tried):.0f} s;"
            f" {len(fine)} of {len(correct)} correct programs passed, {len(wrong)} false alarms."
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--append", metavar="FILE")
    parser.add_argument("--tool", choices=TOOLS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if unknown := set(options.names) - set(PROGRAMS):
        parser.error(f"the suite has no program called {', '.join(sorted(unknown))}")
    chosen = [PROGRAMS[name] for name in options.names or PROGRAMS]
    if options.tool:
        begun = time.perf_counter()
        word = EXPLORE[options.tool](chosen[0], options.seconds)
        print(json.dumps([word, time.perf_counter() - begun]), flush=True)
        os._exit(0)  # threads of a deadlock may be left
    rows = []
    for program in chosen:
        said = {tool: alone(tool, program.name, options.seconds) for tool in TOOLS}
        print(program.name, said, file=sys.stderr)
        rows.append((program, said))
    text = (
        f"\n## {datetime.now(UTC):%Y-%m-%d %H:%M} UTC: the race suite,"
        f" {options.seconds:g} s a program\n\n"
        f"{len(os.sched_getaffinity(0))} usable cores; {platform.system()} {platform.release()}; "
        f"CPython {platform.python_version()}.\n\n{table(rows)}\n"
    )
    print(text)
    if options.append:
        with open(options.append, "a") as file:
            file.write(text)


if __name__ == "__main__":
    main()
