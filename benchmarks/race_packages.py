"""Races that were reported in released packages, each found by `ungil.race` with a few lines.

    pip install -r benchmarks/race_packages/requirements.txt
    python benchmarks/race_packages.py [--show NAME] [NAME ...]

Prints for each what was found, after how many schedules and seconds; `--show` prints whole
findings. Exits with 1 if a race is not found.
"""

from __future__ import annotations

import argparse
import functools
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import ungil.race

REQUIREMENTS = Path(__file__).parent / "race_packages" / "requirements.txt"


@dataclass(frozen=True)
class Case:
    """A race: `test` makes it show, `modules` are explored, `issue` is where it was reported."""

    test: Callable[[], object]
    package: str
    modules: tuple[str, ...]
    issue: str

    @property
    def name(self) -> str:
        return self.test.__name__


CASES: list[Case] = []


def case(
    package: str, *modules: str, issue: str
) -> Callable[[Callable[[], object]], Callable[[], object]]:
    def note(test: Callable[[], object]) -> Callable[[], object]:
        CASES.append(Case(test, package, modules, issue))
        return test

    return note


def together(*workers: Callable[[], object]) -> None:
    threads = [threading.Thread(target=worker) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def module(name: str) -> Any:
    """Imported when it is wanted: the packages are the benchmark's own."""
    return import_module(name)


@case("six", "six", issue="https://github.com/benjaminp/six/issues/98")
def six_moved_module() -> None:
    """Two threads are the first to use a name of `six.moves`."""
    six = module("six")
    moves = type("Moves", (), {"queue": six.MovedModule("queue", "Queue", "queue")})()
    together(lambda: moves.queue, lambda: moves.queue)


@case(
    "urllib3",
    "urllib3.poolmanager",
    "urllib3._collections",
    "urllib3.connectionpool",
    issue="https://github.com/urllib3/urllib3/issues/1252",
)
def urllib3_pool_of_another_host() -> None:
    """One thread has a pool when another one asks for the pool of one host too many."""
    manager = module("urllib3").PoolManager(num_pools=1)

    def connect() -> None:
        pool = manager.connection_from_host("one.example")
        pool._get_conn()

    together(connect, lambda: manager.connection_from_host("another.example"))


@case("cachetools", "cachetools", issue="https://github.com/tkem/cachetools/issues/115")
def cachetools_expired_entries() -> None:
    """Two threads put something into a cache with an entry that has expired."""
    cache = module("cachetools").TTLCache(maxsize=10, ttl=1)
    cache["old"] = 1
    time.sleep(2)

    def put() -> None:
        cache["new"] = 1

    together(put, put)


@case("redis", "redis.connection", issue="https://github.com/redis/redis-py/issues/906")
def redis_connections_beyond_the_limit() -> None:
    """A pool for one connection, and two threads that want one."""
    connection = module("redis.connection")

    class Unconnected(connection.Connection):  # type: ignore[misc,name-defined]
        def connect(self) -> None: ...
        def is_ready_for_command(self) -> bool:
            return True

    pool = connection.ConnectionPool(connection_class=Unconnected, max_connections=1)
    got = []

    def get() -> None:
        with suppress(connection.ConnectionError):  # there is one already, as there should be
            got.append(pool.get_connection("PING"))

    together(get, get)
    assert len(got) == 1


@case("pyee", "pyee._base", issue="https://github.com/jfhbrook/pyee/issues/76")
def pyee_once() -> None:
    """An event comes while its one-time listener is taken away."""
    emitter = module("pyee").BaseEventEmitter()

    def listener() -> None: ...

    def give_up() -> None:
        if listener in emitter.listeners("answer"):
            emitter.remove_listener("answer", listener)

    emitter.once("answer", listener)
    together(lambda: emitter.emit("answer"), give_up)


@case(
    "paho-mqtt",
    "paho.mqtt.client",
    issue="https://github.com/eclipse-paho/paho.mqtt.python/issues/236",
)
def paho_message_numbers() -> None:
    """Two threads number their messages."""
    client = module("paho.mqtt.client").Client("example")
    numbers = []
    together(*[lambda: numbers.append(client._mid_generate())] * 2)
    assert len(set(numbers)) == 2


@case("nltk", "nltk.corpus.util", issue="https://github.com/nltk/nltk/issues/803")
def nltk_lazy_corpus() -> None:
    """Two threads are the first to use a corpus."""
    reader, util = module("nltk.corpus.reader"), module("nltk.corpus.util")
    corpus = util.LazyCorpusLoader("animals", reader.PlaintextCorpusReader, r".*\.txt")

    def use() -> None:
        corpus.fileids()

    together(use, use)


@case("functools", "functools", issue="https://github.com/python/cpython/issues/87634")
def cached_property_called_twice() -> None:
    """`functools.cached_property` has no lock from Python 3.12 on."""
    calls = []

    class Connection:
        @functools.cached_property
        def socket(self) -> object:
            calls.append(self)
            return object()

    connection, got = Connection(), list[object]()
    together(*[lambda: got.append(connection.socket)] * 2)
    assert got[0] is got[1]


def prepare_nltk() -> None:
    """A corpus of one file, where nltk looks for data."""
    folder = tempfile.mkdtemp(prefix="ungil-race-nltk-")
    animals = Path(folder, "corpora", "animals")
    animals.mkdir(parents=True)
    (animals / "cat.txt").write_text("A cat.")
    module("nltk.data").path.insert(0, folder)


def installed(case: Case) -> str:
    """The version, which has to be the one that the race was reported in."""
    if case.package == "functools":
        return f"Python {sys.version.split()[0]}"
    wanted = next(
        line.partition("==")[2]
        for line in REQUIREMENTS.read_text().splitlines()
        if line.startswith(f"{case.package}==")
    )
    if (found := version(case.package)) != wanted:
        sys.exit(f"{case.package} {wanted} is wanted, not {found}: pip install -r {REQUIREMENTS}")
    return f"{case.package} {found}"


def explore(case: Case) -> ungil.race.Result:
    files = [str(module(name).__file__) for name in case.modules]
    return ungil.race.explore(case.test, include=[__file__, *files])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[[], *(c.name for c in CASES)])
    parser.add_argument("--show", action="store_true", help="print whole findings")
    options = parser.parse_args()
    missed = 0
    for case in CASES:
        if options.names and case.name not in options.names:
            continue
        if case.package == "functools" and sys.version_info < (3, 12):
            print(f"{case.name}: left out, Python {sys.version.split()[0]} still has the lock")
            continue
        if case.package == "nltk":
            prepare_nltk()
        release = installed(case)
        result = explore(case)
        if result.ok:
            missed += 1
            print(f"{case.name} ({release}): NOT FOUND: {result}")
            continue
        finding = result.findings[0]
        print(
            f"{case.name} ({release}): {finding.kind}, after {result.schedules} schedules"
            f" in {result.seconds:.2f} s\n  {case.issue}\n"
        )
        print(finding.render(100) if options.show else f"  {finding.sentence}", end="\n\n")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
