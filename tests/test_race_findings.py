"""How `ungil.race` names a bug, and shows it: one sentence, columns, a page, the debugger."""

import html
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import ungil.race
from command_line import ENVIRONMENT
from race_suite import BUGGY
from race_suite.threads import Box, together

SENTENCES = {
    "lost_update": r"Lost update of Box\.value: Thread-\d \(add\) read it, Thread-\d \(add\) wrote",
    "stack_pop_after_a_look": r"Check, then act: .* looked at list\S* \(line \d+\), and .* changed",
    "opposite_orders": r"Deadlock: .* waits for Lock#\d \(line \d+\), which .* has; .* waits for",
    "two_readers_become_writers": r"Deadlock: .* waits for Semaphore .* which Thread-\d .* has; ",
    "lost_wake_up": r"Lost wake-up: Thread-2 \(wake\) notified Condition \(line \d+\) while nobody"
    r" waited; then Thread-1 \(wait\) began to wait \(line \d+\)",
    "notify_that_wakes_one_of_the_wrong_side": r"Lost wake-up: .* woke another one",
    "event_cleared_after_it_was_set_again": r"Lost wake-up: .* set Event \(line \d+\), .* cleared"
    r" it \(line \d+\), and .* waits for it \(line \d+\)",
    "waits_under_a_lock_that_the_other_needs": r"Hang: Thread-1 \(wait\) waits for Condition .*;"
    r" Thread-2 \(wake\) acquires Lock \(line \d+\), which Thread-1 \(wait\) has",
    "two_that_give_way_to_each_other": r"Livelock: Thread-1 .* \(lines \d+ to \d+\) and Thread-2",
    "written_after_it_was_closed": r"Used after it was closed: Thread-2 \(close\) closed StringIO,"
    r" and Thread-1 .* used it after that \(line \d+\) \(ValueError: I/O operation on closed",
    "handed_in_after_the_pool_was_shut_down": r"Used after it was closed: Thread-2 \(shutdown\)"
    r" closed ThreadPoolExecutor, and Thread-1",
    "thief": r"Lock released by a thread that does not own it: Thread-2 \(steal\) released a lock"
    r" that Thread-1 \(own\) had acquired",
    "broken_semaphore": r"Semaphore released beyond its initial value: a semaphore of 1",
    "published_without_a_lock": r"Data race on Box\.value: .* at line \d+, .* at line \d+",
}
MODELS = {program.name: program.model for program in BUGGY}


def find(model: Callable[[], object]) -> ungil.race.Finding:
    [finding] = ungil.race.explore(model).findings
    return finding


@pytest.mark.parametrize(("name", "sentence"), SENTENCES.items(), ids=SENTENCES)
def test_one_sentence_names_the_bug(name: str, sentence: str) -> None:
    assert re.match(sentence, find(MODELS[name]).sentence), find(MODELS[name]).sentence


def test_a_closed_object_of_the_program_s_own_is_named_with_its_lines() -> None:
    class Connection:
        closed = False

        def send(self) -> None:
            if self.closed:
                raise RuntimeError("the connection is closed")

        def close(self) -> None:
            self.closed = True

    def model() -> None:
        connection = Connection()
        together(connection.send, connection.close)

    finding = find(model)
    assert finding.kind == "use after close"
    assert re.search(r"Thread-2 \(close\) closed \w+ \(line \d+\)", finding.sentence)


def test_a_closed_socket_is_noticed() -> None:
    def model() -> None:
        one, other = socket.socketpair()
        together(lambda: one.send(b"x"), one.close)
        other.close()
        one.close()

    finding = find(model)
    assert finding.kind == "use after close"
    assert "Thread-2 (close) closed socket" in finding.sentence


def test_a_condition_s_own_locks_are_not_shown() -> None:
    finding = find(MODELS["lost_wake_up"])
    assert "waits for Condition" in str(finding)
    assert " Lock" not in str(finding)


def test_a_loop_that_asks_for_a_lock_is_no_livelock() -> None:
    def model() -> None:
        box, lock = Box(), threading.Lock()

        def add() -> None:
            while not lock.acquire(blocking=False):
                pass
            box.value += 1
            lock.release()

        together(add, add)
        assert box.value == 2

    assert ungil.race.explore(model, max_schedules=500).ok


def test_a_loop_that_nobody_ends_is_endless() -> None:
    def model() -> None:
        lock = threading.Lock()

        def work() -> None:
            while True:
                with lock:
                    pass

        together(work)

    finding = find(model)
    assert finding.kind == "endless"
    assert re.match(r"Endless: Thread-1 \(work\) \(lines \d+ to \d+\) goes round", finding.sentence)
    assert len(finding.steps) < 100, "the end of it is enough"


def test_what_is_made_again_and_again_is_one_line() -> None:
    step = ungil.race.Step(1, "reads", "x", "0", __file__, 1, "look")
    finding = ungil.race.Finding(
        "exception", "Wrong.", ("MainThread", "Thread-1"), (step,) * 10, ()
    )
    assert str(finding).count("reads x = 0") == 1
    assert "reads x = 0 (10 times)" in str(finding)


def test_a_sentence_is_one_line() -> None:
    def model() -> None:
        raise ValueError("one\n  other")

    assert find(model).sentence == "ValueError: one other, under this schedule."


def test_an_object_that_becomes_another_one_is_followed() -> None:
    class Ready:
        value = 1

        def get(self) -> int:
            return self.value

    class Lazy:
        def __init__(self) -> None:
            self.kept = Ready()

        def __getattr__(self, name: str) -> Any:
            kept = self.__dict__["kept"]
            self.__dict__ = kept.__dict__
            self.__class__ = Ready  # type: ignore[assignment]
            return getattr(self, name)

    def model() -> None:
        lazy = Lazy()

        def use() -> None:
            lazy.get()

        together(use, use)

    assert "KeyError: 'kept'" in find(model).sentence


def test_a_value_kept_by_a_descriptor_is_followed() -> None:
    class Once:
        def __get__(self, owner: Any, _: object) -> object:
            kept = owner.__dict__
            if "value" not in kept:
                kept["value"] = object()
            return kept["value"]

    class Lazy:
        value = Once()

    def model() -> None:
        lazy, got = Lazy(), list[object]()
        together(*[lambda: got.append(lazy.value)] * 2)
        assert got[0] is got[1]

    assert find(model).kind == "atomicity violation"


PROGRAM = """
import threading

stack = [1]

def pop():
    if stack:
        stack.pop()
        print("popped")

def model():
    stack[:] = [1]
    threads = [threading.Thread(target=pop) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


def ungil_race(
    folder: Path, *arguments: str, commands: str = ""
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ungil", "race", *arguments]
    return subprocess.run(
        command,
        cwd=folder,
        input=commands,
        capture_output=True,
        text=True,
        check=False,
        env=ENVIRONMENT,
        timeout=120,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a program, and what was found in it."""
    folder = tmp_path_factory.mktemp("race")
    (folder / "program.py").write_text(PROGRAM)
    options = ("--json=finding.json", "--html=finding.html")
    done = ungil_race(folder, "program.py::model", *options)
    assert done.returncode == 1, done.stderr
    return folder


def test_the_page_has_all_that_the_text_has(folder: Path) -> None:
    finding = ungil.race.Finding.from_json((folder / "finding.json").read_text())
    page = (folder / "finding.html").read_text()
    text = html.unescape(re.sub(r"<[^>]+>", "", page))
    assert finding.sentence in text
    assert all(str(step) in text and step.source() in text for step in finding.steps)
    assert page.count('class="switch"') == sum(
        one.thread != other.thread
        for one, other in zip(finding.steps, finding.steps[1:], strict=False)
    )


def test_the_debugger_stops_where_the_bug_shows_and_steps(folder: Path) -> None:
    commands = "p threading.current_thread().name\np stack\ncontinue\n"
    done = ungil_race(folder, "replay", "finding.json", "--pdb", commands=commands)
    assert done.returncode == 1, done.stderr
    assert re.search(r"-> stack\.pop\(\)\n\(Pdb\) 'Thread-\d \(pop\)'\n\(Pdb\) \[\]\n", done.stdout)


def test_the_debugger_steps_through_source_lines(tmp_path: Path) -> None:
    text = PROGRAM.replace("    if stack:\n", "    if stack:\n        found = len(stack)\n")
    text = text.replace(
        "        stack.pop()\n",
        "        if found > len(stack):\n            raise KeyError(found)\n",
    )
    text = text.replace('        print("popped")\n', "        stack.clear()\n")
    (tmp_path / "program.py").write_text(text)
    commands = "next\nnext\np found\nquit\n"
    done = ungil_race(tmp_path, "program.py::model", "--pdb", commands=commands)
    assert done.returncode == 1, done.stderr
    assert "-> if found > len(stack):" in done.stdout
    assert "-> raise KeyError(found)" in done.stdout


def test_a_finding_of_several_threads_keeps_its_kind_in_json() -> None:
    finding = find(MODELS["two_that_give_way_to_each_other"])
    again = ungil.race.Finding.from_json(finding.to_json())
    assert (again.kind, again.steps) == ("livelock", finding.steps)
