"""Threads of a model that block outside of what is followed: real threads instead of fibers."""

import asyncio
import ctypes
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import ungil.race
from race_suite.threads import Box, together

LIBRARY = ctypes.CDLL(None)


@contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    try:
        yield ends
    finally:
        for end in ends:
            os.close(end)


def add(box: Box) -> None:
    box.value += 1


def beside_a_pipe() -> None:
    """A lost update by two threads, of which one reads from a pipe what the other one writes."""
    box = Box()
    with pipe() as (reader, writer):

        def first() -> None:
            os.write(writer, b"x")
            add(box)

        def second() -> None:
            os.read(reader, 1)
            add(box)

        together(first, second)
        assert box.value == 2


def under_a_mutex() -> None:
    """Two threads that add to a counter under a lock that is written in C."""
    box, mutex = Box(), ctypes.create_string_buffer(64)

    def count() -> None:
        LIBRARY.pthread_mutex_lock(mutex)
        add(box)
        LIBRARY.pthread_mutex_unlock(mutex)

    together(count, count)
    assert box.value == 2


def ours() -> list[str]:
    """Names of this process's threads that explorations have made."""
    names = []
    for task in Path("/proc/self/task").iterdir():
        name = (task / "comm").read_text(encoding="utf-8").strip()
        names += [name] if re.fullmatch(r"race-\d+", name) else []
    return names


@pytest.fixture(scope="module")
def lost_update() -> ungil.race.Result:
    return ungil.race.explore(beside_a_pipe, max_blocked=0.4)


def test_a_thread_that_blocks_has_the_exploration_begin_anew_on_real_threads(
    lost_update: ungil.race.Result,
) -> None:
    assert lost_update.threads == "real"
    assert "Lost update of Box.value" in lost_update.findings[0].sentence


def test_the_result_says_that_it_was_real_threads_and_why(lost_update: ungil.race.Result) -> None:
    assert re.search(r"test_race_outside\.py:\d+ \(Thread-\d+ \(second\)\)", lost_update.blocked)
    assert "on real threads, which are slower, since" in str(lost_update)


def test_what_real_threads_have_found_is_replayed_on_such(lost_update: ungil.race.Result) -> None:
    saved = ungil.race.Finding.from_json(lost_update.findings[0].to_json())
    assert saved.carriers == "real"
    assert ungil.race.replay(saved, beside_a_pipe).steps == saved.steps


def test_a_lock_that_is_written_in_c_keeps_its_promise_and_proves_nothing() -> None:
    result = ungil.race.explore(under_a_mutex, max_blocked=0.4, max_schedules=60)
    assert result.ok, result
    assert not result.proved
    assert result.threads == "real"


def test_the_same_holds_where_another_thread_explores() -> None:
    results = []

    def explore() -> None:
        results.append(ungil.race.explore(under_a_mutex, max_blocked=0.4, max_schedules=20))

    thread = threading.Thread(target=explore)
    thread.start()
    thread.join()
    assert [result.ok for result in results] == [True]


def test_real_threads_prove_what_blocks_nowhere() -> None:
    def locked() -> None:
        box, lock = Box(), threading.Lock()

        def count() -> None:
            with lock:
                add(box)

        together(count, count, count)
        assert box.value == 3

    result = ungil.race.explore(locked, threads="real")
    assert result.proved
    assert result.schedules == 6


def test_real_threads_have_the_numbers_names_and_locals_of_the_model() -> None:
    def model() -> None:
        main, kept = threading.current_thread(), threading.local()
        kept.value = "main"
        seen = []

        def look() -> None:
            me = threading.current_thread()
            seen.append((me.name, threading.get_ident() == me.ident, hasattr(kept, "value")))

        together(look)
        assert seen == [("Thread-1 (look)", True, False)]
        assert main is threading.main_thread()
        assert kept.value == "main"

    assert ungil.race.explore(model, threads="real").proved


def test_a_server_and_a_client_talk_through_sockets() -> None:
    def model() -> None:
        ours, theirs = socket.socketpair()
        answers = []

        def serve() -> None:
            theirs.sendall(theirs.recv(10).upper())

        def ask() -> None:
            ours.sendall(b"hello")
            answers.append(ours.recv(10))

        with ours, theirs:
            together(serve, ask)
        assert answers == [b"HELLO"]

    result = ungil.race.explore(model, threads="real", max_schedules=30)
    assert result.ok, result
    assert result.blocked


def test_an_event_loop_serves_a_client_in_a_thread() -> None:
    def model() -> None:
        answers = []

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write((await reader.readexactly(5)).upper())
            writer.close()
            await writer.wait_closed()

        def ask(port: int) -> None:
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(b"hello")
                answers.append(client.recv(5))

        async def serve() -> None:
            server = await asyncio.start_server(handle, "127.0.0.1", 0)
            async with server:
                port = server.sockets[0].getsockname()[1]
                await asyncio.get_running_loop().run_in_executor(None, ask, port)

        asyncio.run(serve())
        assert answers == [b"HELLO"]

    result = ungil.race.explore(
        model, threads="real", max_schedules=4, max_blocked=30, data_races=False
    )
    assert result.ok, result


def test_an_event_loop_that_waits_for_sockets_stays_on_fibers() -> None:
    def model() -> None:
        async def talk() -> bytes:
            loop = asyncio.get_running_loop()
            ours, theirs = socket.socketpair()
            with ours, theirs:
                ours.setblocking(False)
                answer = asyncio.ensure_future(loop.sock_recv(ours, 1))
                await asyncio.to_thread(theirs.send, b"x")
                await asyncio.sleep(3600)  # in virtual time, with a socket that is waited for
                return await answer

        assert asyncio.run(talk()) == b"x"

    result = ungil.race.explore(model, max_schedules=20, max_blocked=60)
    assert result.ok, result
    assert (result.threads, result.proved) == ("fibers", False)


def test_others_wait_in_virtual_time_for_who_blocks() -> None:
    def model() -> None:
        with pipe() as (reader, writer):

            def wake() -> None:
                time.sleep(3600)
                os.write(writer, b"x")

            together(lambda: os.read(reader, 1), wake)

    begun = time.monotonic()
    result = ungil.race.explore(model, threads="real", max_schedules=3, max_blocked=0.5)
    assert result.ok, result
    assert time.monotonic() - begun < 600


def test_a_process_may_end_when_it_likes() -> None:
    def model() -> None:
        box = Box()

        def run() -> None:
            subprocess.run([sys.executable, "-S", "-c", "pass"], check=True)
            add(box)

        together(run, lambda: None)
        assert box.value == 1

    result = ungil.race.explore(model, threads="real", max_schedules=4, max_blocked=60)
    assert result.ok, result
    assert not result.proved


def test_who_is_blocked_for_good_is_told_with_its_line() -> None:
    with pipe() as (reader, _):

        def read() -> None:
            os.read(reader, 1)

        line = read.__code__.co_firstlineno + 1
        with pytest.raises(RuntimeError, match=rf"\(read\) blocks at .*:{line}"):
            ungil.race.explore(lambda: together(read), threads="real", max_blocked=0.4)


def test_so_is_a_fiber_in_a_call_that_nothing_interrupts() -> None:
    def lock_twice() -> None:
        mutex = ctypes.create_string_buffer(64)
        LIBRARY.pthread_mutex_lock(mutex)
        LIBRARY.pthread_mutex_lock(mutex)

    with pytest.raises(RuntimeError, match=r"\(lock_twice\) blocks at "):
        ungil.race.explore(lambda: together(lock_twice), threads="fibers", max_blocked=0.4)


def test_threads_that_block_at_the_end_of_a_run_are_ended() -> None:
    with pipe() as (reader, _):

        def model() -> None:
            threading.Thread(target=os.read, args=(reader, 1), daemon=True).start()
            threading.Thread(target=lambda: os.read(reader, 1), daemon=True).start()

        assert ungil.race.explore(model, threads="real", max_schedules=5).ok
    assert ours() == []


def test_ctrl_c_ends_threads_that_block() -> None:
    ended = []

    def interrupt(*_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        raise KeyboardInterrupt

    with pipe() as (reader, _):

        def blocks() -> None:
            signal.setitimer(signal.ITIMER_REAL, 0.1, 0.5)
            try:
                os.read(reader, 1)
            finally:
                ended.append(True)

        before = signal.signal(signal.SIGALRM, interrupt)
        try:
            with pytest.raises(KeyboardInterrupt):
                ungil.race.explore(lambda: together(blocks), threads="real", max_blocked=60)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
    assert ended == [True]
    assert ours() == []


def test_real_threads_cannot_fork() -> None:
    [finding] = ungil.race.explore(os.fork, threads="real").findings
    assert "cannot fork" in finding.sentence


def test_the_switch_interval_is_put_back() -> None:
    before = sys.getswitchinterval()
    ungil.race.explore(lambda: together(lambda: None), threads="real")
    assert sys.getswitchinterval() == before


def test_other_kinds_of_threads_are_refused() -> None:
    with pytest.raises(ValueError, match="threads is 'fibers', 'real' or None"):
        ungil.race.explore(beside_a_pipe, threads="green")


def test_a_test_takes_the_option() -> None:
    @ungil.race.test(threads="real", max_schedules=50)
    def explored() -> None:
        beside_a_pipe()

    with pytest.raises(ungil.race.RaceFound):
        explored()


def test_the_command_takes_the_option(tmp_path: Path) -> None:
    model = tmp_path / "model.py"
    model.write_text(
        "import threading\n\n\ndef model():\n"
        "    thread = threading.Thread(target=print)\n    thread.start()\n    thread.join()\n"
    )
    command = [sys.executable, "-m", "ungil", "race", f"{model}::model", "--threads=real"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "on real threads" in done.stdout, done.stderr
