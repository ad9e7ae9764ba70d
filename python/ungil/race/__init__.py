"""Every interleaving of a small threaded program, and what goes wrong in one.

    def model():
        account = Account(100)
        threads = [threading.Thread(target=account.pay, args=(60,)) for _ in range(2)]
        ...start, join, assert...

    ungil.race.explore(model).assert_ok()

Nothing is replaced before `explore` is called, nor after it has returned.
"""

from ungil.race._explore import explore
from ungil.race._finding import Finding, RaceFound, Step
from ungil.race._replay import replay
from ungil.race._result import Result
from ungil.race._strategies import Strategy, bounded, dpor, pct, pos, random
from ungil.race._tests import test

__all__ = [
    "Finding",
    "RaceFound",
    "Result",
    "Step",
    "Strategy",
    "bounded",
    "dpor",
    "explore",
    "pct",
    "pos",
    "random",
    "replay",
    "test",
]
