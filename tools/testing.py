"""Running test runners, and adding up what they count."""

import os
import re
import signal
import subprocess
from pathlib import Path
from typing import NamedTuple

from tools.toolchain import ROOT, say, shown


class Totals(NamedTuple):
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"

    def plus(self, other: "Totals") -> "Totals":
        return Totals(*(a + b for a, b in zip(self, other, strict=True)))


CARGO = re.compile(r"test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored")
PYTEST = re.compile(r"(?:=+ )?((?:\d+ [a-z]+(?:, )?)+) in [\d.]+s")
PYTEST_PART = re.compile(r"(\d+) (passed|failed|skipped|error|xfailed|xpassed)")
COLOUR = re.compile(r"\x1b\[[\d;]*m")


def count(line: str) -> Totals | None:
    """The totals in a line of cargo's or pytest's output, if it is such a line."""
    plain = COLOUR.sub("", line)
    if cargo := CARGO.match(plain):
        return Totals(*(int(number) for number in cargo.groups()))
    if pytest := PYTEST.match(plain):
        parts = {name: int(number) for number, name in PYTEST_PART.findall(pytest[1])}
        return Totals(
            passed=parts.get("passed", 0) + parts.get("xpassed", 0),
            failed=parts.get("failed", 0) + parts.get("error", 0),
            skipped=parts.get("skipped", 0) + parts.get("xfailed", 0),
        )
    return None


def run_tests(title: str, *command: str | Path, **environment: str) -> Totals:
    """Run a test runner, show what it prints and add up its totals.

    A runner that fails without counting a failure (it crashed, say), or counts nothing, adds one.
    """
    say(title)
    totals: list[Totals] = []
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            if (counted := count(line)) is not None:
                totals.append(counted)
    result = Totals()
    for counted in totals:
        result = result.plus(counted)
    if (process.returncode != 0 and result.failed == 0) or not totals:
        print(f"`{shown(command)}` ended with {ending(process.returncode)}", flush=True)
        return result.plus(Totals(failed=1))
    return result


def ending(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
