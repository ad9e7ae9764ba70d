"""Running the command line, and a user's file to run it on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

# The kinds that are compared by default, cheapest first.
INTERPRETERS = sys.version_info >= (3, 13)
DEFAULT_KINDS = ["thread", *(["interpreter"] if INTERPRETERS else []), "process"]
# One name for each kind that is on this machine anyway.
INTERPRETER = pytest.param(
    "interpreter",
    marks=pytest.mark.skipif(not INTERPRETERS, reason="interpreters need Python 3.13"),
)
WORKERS = ["serial", "thread", INTERPRETER, "process"]

Cli = Callable[..., subprocess.CompletedProcess[str]]

# What would change the output's form is left to the test that is about it.
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if name not in {"NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "PYTHONPATH"}
}

# Well-behaved and misbehaving functions.
JOBS = '''
import os
import signal
import sys
import time

import helper  # a neighbour in the same directory


class Point:
    def __init__(self, x):
        self.x = x


class Awkward(Exception):
    """Pickles, but does not unpickle."""

    def __init__(self, a, b):
        super().__init__(f"{a} and {b}")


points = [Point(1), Point(2)]
inputs = [3, 1, 2]
nothing = []
number = 7


def nap():
    time.sleep(0.02)


def double(x):
    return helper.twice(x)


def move(point):
    return Point(point.x + 1)


def fails():
    raise ValueError("no luck today")


def fails_on_three(x):
    if x == 3:
        raise ValueError("three!")
    return x


def fails_awkwardly():
    raise Awkward(1, 2)


def leaves():
    sys.exit("enough")


def needs_two(a, b):
    return a + b


def hangs():
    open("begun", "w").close()
    for _ in range(600):  # a signal that comes right before a sleep does not cut that one short
        time.sleep(0.1)


def spins():
    open("begun", "w").close()
    while True:
        pass


def dies_on_three(x):
    if x == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return x


def gives_generator(x=None):
    return (n for n in [x])


def chatters(x=0):
    print("the workload speaks")


async def later():
    pass


def yields():
    yield 1


def endless():
    n = 0
    while True:
        yield n
        n += 1


class Tools:
    @staticmethod
    def square(x):
        return x * x
'''
