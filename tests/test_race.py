"""`ungil.race`: what it finds, what it proves, and that it leaves nothing changed."""

import sys
import threading

import pytest
import ungil.race

pytestmark = pytest.mark.skipif(
    not (3, 11) <= sys.version_info[:2] <= (3, 13), reason="not supported on this Python yet"
)

x = 0


def add() -> None:
    global x
    x += 1


def together(*workers: object, **options: object) -> None:
    threads = [threading.Thread(target=worker) for worker in workers]  # type: ignore[arg-type]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def lecture() -> None:
    global x
    x = 0
    together(add, add)
    assert x == 2


def test_the_lost_update_of_the_lecture_is_found_and_minimised() -> None:
    result = ungil.race.explore(lecture)
    [finding] = result.findings
    assert finding.kind == "exception"
    assert finding.sentence.startswith("Lost update of x: Thread-1 (add) read it, Thread-2 (add) wrote")
