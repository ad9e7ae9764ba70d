"""What can be given as a workload, and what is said about what cannot."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Cli
from ungil import workloads


def test_cpu_is_the_lectures_sum() -> None:
    assert workloads.cpu(10_000) == sum(n for n in range(10_000) if n % 2023 == 0)
    assert workloads.cpu() == sum(range(0, 1_000_000, 2023))


def test_io_sleeps_as_often_as_told(monkeypatch: pytest.MonkeyPatch) -> None:
    naps: list[float] = []
    monkeypatch.setattr("time.sleep", naps.append)
    workloads.io(7)
    assert naps == [1e-8] * 7
    workloads.io()
    assert len(naps) == 7 + 1_000_000


@pytest.mark.parametrize("worker", ["serial", "thread", "process"])
@pytest.mark.parametrize("workload", ["jobs:nap", "jobs.py:nap", "./jobs.py:nap", "time:monotonic"])
def test_modules_and_files(cli: Cli, jobs: Path, worker: str, workload: str) -> None:
    done = cli("run", workload, "--worker", worker, "--workers", "2", "--tasks", "3")
    assert done.returncode == 0, done.stderr
    assert f"# tasks = 3, workload = {workload}]\nTotal time " in done.stdout


@pytest.mark.parametrize("start_method", ["fork", "forkserver", "spawn"])
def test_a_files_classes_travel_to_workers_and_back(
    cli: Cli, jobs: Path, start_method: str
) -> None:
    done = cli(
        "run", "jobs.py:move", "--items", "points", "--worker", "process",
        "--workers", "2", "--start-method", start_method,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "# tasks = 2" in done.stdout


def test_a_file_elsewhere_finds_its_neighbours(cli: Cli, tmp_path: Path, jobs: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "random.py").write_text("import near\n\ndef work(x):\n    return near.value + x\n")
    (folder / "near.py").write_text("value = 1\n")
    done = cli("run", "elsewhere/random.py:work", "--items", "range(4)", "--worker", "process")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("worker", ["thread", "process"])
@pytest.mark.parametrize("name", ["my-work.py", "time.py", "json.py", "2nd.py"])
def test_awkward_file_names(cli: Cli, tmp_path: Path, name: str, worker: str) -> None:
    (tmp_path / name).write_text(
        "class Thing:\n    pass\n\nthings = [Thing()]\n\ndef work(thing):\n    return Thing()\n"
    )
    done = cli("run", f"{name}:work", "--items", "things", "--worker", worker)
    assert done.returncode == 0, done.stderr


def test_a_file_in_a_package_has_its_relative_imports(cli: Cli, tmp_path: Path) -> None:
    inner = tmp_path / "pack" / "inner"
    inner.mkdir(parents=True)
    (tmp_path / "pack" / "__init__.py").touch()
    (inner / "__init__.py").touch()
    (tmp_path / "pack" / "base.py").write_text("value = 1\n")
    (inner / "work.py").write_text("from ..base import value\n\ndef go():\n    return value\n")
    done = cli("run", "pack/inner/work.py:go", "--worker", "process", "--tasks", "2")
    assert done.returncode == 0, done.stderr


def test_dotted_attribute(cli: Cli, jobs: Path) -> None:
    done = cli("run", "jobs:Tools.square", "--items", "inputs", "--worker", "process")
    assert done.returncode == 0, done.stderr
    assert "# tasks = 3, workload = jobs:Tools.square" in done.stdout


@pytest.mark.parametrize(
    ("items", "tasks"),
    [
        ("range(5)", 5),
        ("inputs", 3),
        ("jobs:inputs", 3),
        ("jobs.py:inputs", 3),
        ("[number, number]", 2),
        ("(n for n in range(4) if n % 2)", 2),
        ("{1: 'a'}", 1),
    ],
)
def test_items(cli: Cli, jobs: Path, items: str, tasks: int) -> None:
    done = cli("run", "jobs:double", "--items", items)
    assert done.returncode == 0, done.stderr
    assert f"# tasks = {tasks}," in done.stdout


def test_items_of_an_endless_iterator(cli: Cli, jobs: Path) -> None:
    told = cli("run", "jobs:double", "--items", "endless()", "--tasks", "7")
    assert (told.returncode, told.stderr) == (0, "")
    assert "# tasks = 7," in told.stdout
    untold = cli("run", "jobs:double", "--items", "endless()")
    assert "# tasks = 10000," in untold.stdout
    assert "the first 10000 are used" in untold.stderr


def test_more_tasks_than_items_begin_again(cli: Cli, jobs: Path) -> None:
    done = cli("run", "jobs:double", "--items", "inputs", "--tasks", "8")
    assert "# tasks = 8," in done.stdout


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["oi"], 'unknown workload "oi"'),
        (["oi"], 'Did you mean "io"'),
        (["jobs.py"], "name the function too, as jobs.py:nap"),
        (["job:nap"], 'there is no module "job"'),
        (["job:nap"], 'Did you mean "jobs"'),
        (["job.py:nap"], 'Did you mean "jobs.py"'),
        (["jobs:nop"], '"jobs" has no "nop". Did you mean "nap"'),
        (["jobs.py:Tools.sqare"], 'Did you mean "square"'),
        (["jobs:number"], '"jobs:number" is an int, not a function'),
        (["jobs:needs_two"], "cannot be called without arguments"),
        (["jobs:double"], "--items"),
        (["jobs:needs_two", "--items", "inputs"], "cannot be called with one item"),
        (["jobs:nap", "--items", "inputs"], "cannot be called with one item"),
        (["jobs:later"], "is an async function"),
        (["jobs:yields"], "is a generator function"),
        (["jobs:double", "--items", "number"], "is not iterable, it is of type int"),
        (["jobs:double", "--items", "endless"], "Call it"),
        (["jobs:double", "--items", "nothing"], "is empty"),
        (
            ["jobs:double", "--items", "imputs"],
            "NameError: name 'imputs' is not defined. The expression sees",
        ),
        (["jobs:double", "--items", "range("], "SyntaxError"),
        (["jobs:double", "--items", "jobs:imputs"], 'Did you mean "inputs"'),
        (["io", "--items", "range(3)"], '"io" takes no items'),
        (["jobs:nap", "--iterations", "3"], "iterations are for io and cpu"),
        (["io", "--worker", "thraed"], 'Did you mean "thread"'),
        (["io", "--start-method", "forkserve"], 'Did you mean "forkserver"'),
        (["io", "--workers", "0"], "workers must be at least 1, not 0"),
        (["io", "--workers", "-2"], "workers must be at least 1, not -2"),
        (["io", "--tasks", "0"], "tasks must be at least 1, not 0"),
        (["io", "--tasks", "-1"], "tasks must be at least 1, not -1"),
        (["io", "--iterations", "0"], "iterations must be at least 1, not 0"),
        (["io", "--timeout", "0"], "timeout must be a number of seconds above 0"),
        (["io", "--timeout", "nan"], "timeout must be a number of seconds above 0"),
        (["io", "--timeout", "-3"], "timeout must be a number of seconds above 0"),
        ([], "which workload?"),
    ],
)
def test_usage_errors(cli: Cli, jobs: Path, arguments: list[str], expected: str) -> None:
    done = cli("run", *arguments)
    assert done.returncode == 2, done.stderr
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_import_error_shows_the_users_traceback_only(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("import json\nimport not_installed_anywhere\n")
    for place in ["broken", "broken.py"]:
        done = cli("run", f"{place}:work")
        assert done.returncode == 1
        assert "ModuleNotFoundError: No module named 'not_installed_anywhere'" in done.stderr
        assert f'error: importing "{place}" failed' in done.stderr
        assert done.stderr.count("File ") == 1
        assert "importlib" not in done.stderr


def test_syntax_error_in_the_users_module(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def work(:\n")
    done = cli("run", "broken.py:work")
    assert done.returncode == 1
    assert "SyntaxError" in done.stderr
    assert "importlib" not in done.stderr


def test_items_that_fail_in_the_users_code_show_its_traceback(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "feed.py").write_text(
        "def work(x):\n    return x\n\ndef items():\n    yield 1\n    raise OSError('no more')\n"
    )
    done = cli("run", "feed:work", "--items", "items()")
    assert done.returncode == 1
    assert "OSError: no more" in done.stderr
    assert "in items" in done.stderr
