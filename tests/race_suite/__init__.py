"""Small programs with the field's classic concurrency bugs, and correct twins."""

from race_suite import algorithms, classics, classics_mended, everyday, waiting
from race_suite.preemptions import NEEDED
from race_suite.registry import BUGGY, CORRECT, Program

__all__ = [
    "BUGGY",
    "CORRECT",
    "NEEDED",
    "Program",
    "algorithms",
    "classics",
    "classics_mended",
    "everyday",
    "waiting",
]
