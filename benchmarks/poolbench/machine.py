"""What every table says: the machine and its load, three digits, ratios with their spread."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

BUSY = "**Others were using this machine: do not publish these figures.**"


def facts(packages: Iterable[str]) -> dict[str, str]:
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "cpu": f"{cpu_model()}, {usable_cores()} usable cores",
        "system": f"{platform.system()} {platform.release()}, {' '.join(platform.libc_ver())}",
        "load": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "python": f"{platform.python_implementation()} {sys.version.split()[0]}",
        "packages": ", ".join(f"{name} {version}" for name, version in installed(packages)),
    }


def sentence(facts: dict[str, str]) -> str:
    return (
        f"{facts['cpu']}; {facts['system']}; {facts['python']}; {facts['packages']};\n"
        f"load {facts['load']};"
    )


def is_busy(workers: int) -> bool:
    """Whether more is running than the measuring itself explains."""
    return os.getloadavg()[0] > 2 * max(workers, usable_cores())


def usable_cores() -> int:
    return len(os.sched_getaffinity(0))


def cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def installed(packages: Iterable[str]) -> Iterator[tuple[str, str]]:
    for name in packages:
        try:
            yield name, importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue


def spread(ratios: list[float]) -> str:
    if not ratios:
        return ""
    return f"{median(ratios):.2f} times ({min(ratios):.2f} - {max(ratios):.2f})"


def number(value: float) -> str:
    """Three significant digits are what such figures carry."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
