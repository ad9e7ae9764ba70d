"""CPython's own tests of concurrent.futures, run against ungil's executors.

tests/stdlib/run.py runs each of its test classes in a process of its own, a few at a time: mostly
they sleep. tests/stdlib/left_out.py names every test that is not held to, and why.
"""

import functools
import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from stdlib.left_out import LEFT_OUT, LEFT_OUT_OF_3_13, LEFT_OUT_ON_3_12
from stdlib.source import NotFound, tests_folder

HERE = Path(__file__).parent / "stdlib"
REASONS = (
    LEFT_OUT
    | (LEFT_OUT_OF_3_13 if sys.version_info >= (3, 12) else {})
    | (LEFT_OUT_ON_3_12 if sys.version_info[:2] == (3, 12) else {})
)

pytestmark = pytest.mark.timeout(240)

AT_ONCE = 3

# The mixins that the tests of a class may come from; the last part of the class's name tells.
CLASSES = [
    *(["FailingInitializerResourcesTest"] if sys.version_info >= (3, 12) else []),
    "FutureTests",
    *(f"ThreadPool{kind}" for kind in ("AsCompletedTest", "ExecutorTest", "WaitTests")),
    *(f"ThreadPool{kind}Test" for kind in ("FailingInitializer", "Initializer", "Shutdown")),
    *(
        f"ProcessPool{method}{kind}Test"
        for method in ("Fork", "Forkserver", "Spawn")
        for kind in (
            "AsCompleted",
            "ExecutorDeadlock",
            "FailingInitializer",
            "Initializer",
            "ProcessPoolExecutor",
            "ProcessPoolShutdown",
            "Wait",
        )
    ),
]


@functools.cache
def environment() -> dict[str, str]:
    try:
        folder = tests_folder()
    except NotFound as error:
        pytest.skip(f"CPython's tests are missing for {sys.version.split()[0]}: {error}")
    return os.environ | {"UNGIL_CPYTHON_TESTS": str(folder), "PYTHONPATH": str(HERE / "overlay")}


def run(*arguments: str, timeout: float) -> str:
    """Runs the adapter; gives what it printed, and ends all that it started."""
    command = [sys.executable, str(HERE / "run.py"), *arguments]
    with subprocess.Popen(
        command,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            return process.communicate(timeout=timeout)[0]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return process.communicate()[0] + f"\nno end within {timeout} s"


@functools.cache
def available() -> list[str]:
    listed = run("--list", timeout=60)
    assert "Traceback" not in listed, f"the tests cannot be loaded:\n{listed}"
    return listed.split()


def outcomes(file: Path, names: list[str], timeout: float) -> tuple[dict[str, str], str]:
    printed = run(str(file), *names, timeout=timeout)
    return (json.loads(file.read_text()) if file.exists() else {}), printed


def reason(name: str) -> str | None:
    """Why a test is left out; its key names its class, or the mixin at the end of that."""
    class_name, _, test = name.partition(".")
    for key, why in REASONS.items():
        home, _, left_out = key.partition(".")
        if left_out == test and class_name.endswith(home):
            return why
    return None


def wrong_in(class_name: str, folder: Path) -> dict[str, str]:
    """What did not pass of a class, with the outcomes."""
    names = [name for name in available() if name.startswith(class_name + ".")]
    if not names:
        return {class_name: "CPython has no such tests any more"}
    held = [name for name in names if reason(name) is None]
    if not held:
        return {}  # the table's reasons stand for all of them
    got, printed = outcomes(folder / f"{class_name}.json", held, timeout=200)
    missing = dict.fromkeys(held, f"did not run:\n{printed[-2000:]}") | got
    return {
        name: outcome
        for name, outcome in missing.items()
        if outcome != "passed" and not outcome.startswith("skipped: ")
    }


def test_cpythons(tmp_path: Path) -> None:
    available()
    # The standard library's own pool: what is tested does not run its test.
    with ThreadPoolExecutor(AT_ONCE) as threads:
        found = threads.map(lambda class_name: wrong_in(class_name, tmp_path), CLASSES)
        wrong = {name: outcome for each in found for name, outcome in each.items()}
    assert not wrong, "\n\n".join(f"{name}\n{outcome}" for name, outcome in wrong.items())


def test_every_class_is_run() -> None:
    assert {name.partition(".")[0] for name in available()} == set(CLASSES)


@pytest.mark.parametrize("key", REASONS)
def test_what_is_left_out_still_fails(key: str, tmp_path: Path) -> None:
    home, _, test = key.partition(".")
    names = [
        name
        for name in available()
        if name.endswith("." + test) and name.partition(".")[0].endswith(home)
    ]
    assert names, f"CPython has no test {key} any more: remove it from the table"
    for name in names:
        got, _ = outcomes(tmp_path / f"{name}.json", [name], timeout=8)
        if got.get(name) != "passed" and not got.get(name, "").startswith("skipped: "):
            return
    pytest.fail(f"{key} passes now: remove it from the table")
