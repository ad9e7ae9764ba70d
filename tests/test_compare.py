"""`ungil compare` and `ungil.compare`: which kind of workers, how many, and why."""

from __future__ import annotations

import csv
import gc
import io
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import ungil
from command_line import DEFAULT_KINDS, ENVIRONMENT, Cli
from programs import wait_until
from test_run import living_members
from ungil import workloads

# pexpect forks; nothing of ours runs in the child before it becomes the program.
pytestmark = pytest.mark.filterwarnings("ignore:.*forkpty:DeprecationWarning")

SMALL = ("--workers", "1,2", "--tasks", "4", "--repeat", "3", "--quiet")

Check = Callable[[object], None]
Measured = tuple[Any, str, str, Path]


@pytest.fixture(scope="session")
def valid() -> Check:
    """Check a document against the published schema."""
    jsonschema = pytest.importorskip("jsonschema")
    file = Path(__file__).parent.parent / "docs" / "schema" / "compare-1.schema.json"
    schema = json.loads(file.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)

    def check(document: object) -> None:
        validator.validate(document)

    return check


def cells(document: Any, workload: int = 0) -> dict[tuple[str, int], Any]:
    work = document["workloads"][workload]
    every = [work["serial"], *(cell for kind in work["kinds"] for cell in kind["cells"])]
    return {(cell["kind"], cell["workers"]): cell for cell in every}


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    """One comparison of the lecture's workloads: document, stdout, stderr, folder of its files."""
    folder = tmp_path_factory.mktemp("measured")
    done = subprocess.run(
        [sys.executable, "-m", "ungil", "compare", "--workers", "1,2", "--repeat", "3",
         "--budget", "8",
         "--json=result.json", "--csv=result.csv", "--markdown", "result.md"],
        cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "result.json").read_text()), done.stdout, done.stderr, folder


def test_document_has_every_cell_with_every_sample(measured: Measured, valid: Check) -> None:
    document = measured[0]
    valid(document)
    assert [work["name"] for work in document["workloads"]] == ["io", "cpu"]
    assert document["ungil_version"] == ungil.__version__
    assert document["settings"]["kinds"] == DEFAULT_KINDS
    assert document["machine"]["python"]["version"] == sys.version.split()[0]
    for workload in (0, 1):
        table = cells(document, workload)
        pools = {(kind, workers) for kind in DEFAULT_KINDS for workers in (1, 2)}
        assert set(table) == {("serial", 1)} | pools
        for (kind, workers), cell in table.items():
            assert cell["skipped"] is None
            assert len(cell["runs"]) == 3
            assert all(len(run["tasks"]) == 24 for run in cell["runs"])
            assert len(cell["startup_s"]) == (0 if kind == "serial" else 3)
            samples = {"serial": 0, "thread": 1, "interpreter": 1, "process": 3 * workers}
            assert len(cell["memory"]) == samples[kind]
            assert (
                cell["conditions"]["after"]["uptime_s"] > cell["conditions"]["before"]["uptime_s"]
            )


def test_samples_are_consistent(measured: Measured) -> None:
    for workload in (0, 1):
        for (kind, workers), cell in cells(measured[0], workload).items():
            for run in cell["runs"]:
                for task in run["tasks"]:
                    assert 0 <= task["start_s"] < task["end_s"] <= run["wall_s"]
                    assert 0 <= task["cpu_s"] <= (task["end_s"] - task["start_s"]) * 1.05 + 1e-4
                busy = sum(task["end_s"] - task["start_s"] for task in run["tasks"])
                assert busy <= run["wall_s"] * workers * 1.01
                assert sum(task["cpu_s"] for task in run["tasks"]) <= run["cpu_s"] * 1.02 + 1e-3
                assert (run["sent_bytes"] > 0) is (kind in ("interpreter", "process"))
                assert (run["pickle_s"] > 0) is (kind in ("interpreter", "process"))


def test_workloads_show_their_nature(measured: Measured) -> None:
    """Threads wait together but compute one at a time; processes do both, for megabytes each."""
    waiting, computing = cells(measured[0], 0), cells(measured[0], 1)
    assert waiting["thread", 2]["summary"]["speedup"] > 1.4
    assert waiting["process", 2]["summary"]["speedup"] > 1.4
    # How busy the cores are, and not how fast the work is: that much holds on a busy machine too.
    assert waiting["serial", 1]["summary"]["cpu_cores"] < 0.8
    assert computing["thread", 2]["summary"]["cpu_cores"] < 1.1
    for run in computing["thread", 2]["runs"]:
        assert sum(task["cpu_s"] for task in run["tasks"]) <= run["wall_s"] * 1.05
    assert waiting["process", 2]["summary"]["memory"]["pss_bytes"] > 1_000_000
    assert waiting["thread", 2]["summary"]["memory"]["pss_bytes"] < 1_000_000


def test_the_gil_is_seen_on_threads_and_only_there(measured: Measured) -> None:
    computing, waiting = cells(measured[0], 1), cells(measured[0], 0)
    for table in (computing, waiting):
        seen = {kind for (kind, _), cell in table.items() if cell["summary"]["gil"]}
        assert seen == {"thread"}
    # Two threads that compute: one holds it, the other waits for it.
    assert computing["thread", 2]["summary"]["gil"]["held"] > 0.7
    assert computing["thread", 2]["summary"]["gil"]["waited"] > 0.2
    gil = computing["thread", 2]["runs"][0]["gil"]
    assert gil["held"] <= computing["thread", 2]["runs"][0]["wall_s"] * 1.01


def test_scaling_is_reported(measured: Measured) -> None:
    document, _, err, _ = measured
    scaling = document["workloads"][0]["scaling"]
    assert (scaling["what"], scaling["from"]) == ("iterations", 1_000_000)
    assert 1 <= scaling["to"] < 1_000_000
    assert "--full" in scaling["reason"]
    assert scaling["reason"] in err


def test_files_and_terminal_tell_the_same(measured: Measured) -> None:
    document, out, _, folder = measured
    rows = list(csv.DictReader(io.StringIO((folder / "result.csv").read_text())))
    assert len(rows) == 2 * (1 + 2 * len(DEFAULT_KINDS))
    markdown = (folder / "result.md").read_text()
    for work in document["workloads"]:
        verdict = " ".join(work["verdict"]["sentences"])
        assert verdict[:60] in " ".join(out.split())
        assert verdict[:60] in " ".join(markdown.split())
    assert "\x1b[" not in out


def test_progress_goes_to_stderr_in_lines(measured: Measured) -> None:
    err = measured[2]
    assert f"{2 * 3 * (1 + 2 * len(DEFAULT_KINDS))} runs, about" in err
    assert "run 3 of 3 of each cell, about" in err
    assert "\r" not in err


def test_runs_of_the_cells_are_interleaved(cli: Cli, tmp_path: Path) -> None:
    """All cells once, then all again in the opposite order."""
    (tmp_path / "trace.py").write_text(
        "import os, threading\n\ndef work():\n"
        "    name = threading.current_thread() is threading.main_thread()\n"
        "    with open('trace.txt', 'a') as file:\n        file.write('sp'[not name])\n"
    )
    done = cli("compare", "trace.py:work", "--worker", "thread", "--workers", "1", "--tasks", "6",
               "--repeat", "3", "--quiet")  # fmt: skip
    assert done.returncode == 0, done.stderr
    trace = (tmp_path / "trace.txt").read_text()
    calibration = 1 + 5
    # A warm-up task and six timed ones: serial, pool | pool, serial | serial, pool
    assert trace[calibration:] == "s" * 7 + "p" * 14 + "s" * 14 + "p" * 7


def test_default_workers_go_to_twice_the_usable_cores(cli: Cli, jobs: Path) -> None:
    done = cli("compare", "jobs:nap", "--repeat", "1", "--tasks", "2", "--quiet", "--json")
    document = json.loads(done.stdout)
    usable = document["machine"]["usable_cpus"]
    assert usable == len(os.sched_getaffinity(0)) or usable < len(os.sched_getaffinity(0))
    workers = document["settings"]["workers"]
    assert workers[0] == 1
    assert workers[-1] == 2 * usable
    assert all(b <= 2 * a for a, b in itertools.pairwise(workers))


def test_affinity_limits_the_default_workers(tmp_path: Path) -> None:
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); import ungil;"
        "print(ungil.compare('time:monotonic', repeat=1, tasks=1).to_dict()['settings']['workers'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[1, 2]\n"


@pytest.mark.parametrize("format_", ["--json", "--csv", "--markdown=-"])
def test_machine_readable_stdout_is_only_that(
    cli: Cli, jobs: Path, valid: Check, format_: str
) -> None:
    """Not even what the workload prints gets in between; that goes to stderr."""
    done = cli("compare", "jobs:chatters", format_, *SMALL)
    assert done.returncode == 0, done.stderr
    assert "the workload speaks" not in done.stdout
    assert "the workload speaks" in done.stderr
    if format_ == "--json":
        valid(json.loads(done.stdout))
    elif format_ == "--csv":
        assert len(list(csv.reader(io.StringIO(done.stdout)))) == 1 + 1 + 2 * len(DEFAULT_KINDS)
    else:
        assert "jobs:chatters" in done.stdout


def test_quiet_leaves_stderr_empty(cli: Cli, jobs: Path) -> None:
    done = cli("compare", "jobs:nap", *SMALL)
    assert (done.returncode, done.stderr) == (0, "")
    assert "jobs:nap" in done.stdout


def test_closed_pipe_is_quiet(tmp_path: Path, jobs: Path) -> None:
    command = f"{sys.executable} -m ungil compare jobs:nap --json {' '.join(SMALL)}"
    done = subprocess.run(
        ["bash", "-c", f"{command} | head -c 20; echo; echo ${{PIPESTATUS[0]}}"],
        cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "0"


def test_memory_is_the_workers_own(cli: Cli, tmp_path: Path) -> None:
    """Each worker keeps 3 MB: that much more than one of a pool that keeps nothing."""
    (tmp_path / "hoard.py").write_text(
        "import threading, time\n\nlocal = threading.local()\n\ndef work():\n"
        "    if not hasattr(local, 'hoard'):\n        local.hoard = bytearray(b'x') * 3_000_000\n"
        "    time.sleep(0.02)  # so that no worker takes the others' tasks, too\n"
        "\ndef idle():\n    time.sleep(0.02)\n"
    )
    done = cli(
        "compare", "hoard:work", "hoard:idle", "--workers", "1,2,4", "--repeat", "1", "--json",
        "--quiet",
    )  # fmt: skip
    document = json.loads(done.stdout)
    keeping, idle = cells(document, 0), cells(document, 1)
    for workers in (1, 2, 4):
        for kind in ("thread", "process"):
            memory = keeping[kind, workers]["summary"]["memory"]["uss_bytes"]
            least = (
                idle[kind, workers]["summary"]["memory"]["uss_bytes"] if kind == "process" else 0
            )
            # Not a third of it, and not three times: growth of the process counts for threads.
            assert 2_100_000 < memory - least < 6_000_000


@pytest.mark.parametrize("start_method", ["fork", "forkserver", "spawn"])
def test_start_methods(cli: Cli, jobs: Path, start_method: str) -> None:
    done = cli(
        "compare", "jobs.py:move", "--items", "points", "--worker", "process", "--json",
        "--start-method", start_method, *SMALL,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["settings"]["start_method"] == start_method
    assert cells(document)["process", 2]["skipped"] is None


# --- sizes ---


def test_user_function_that_is_too_long_gets_fewer_repeats_and_tasks(cli: Cli, jobs: Path) -> None:
    begun = time.monotonic()
    done = cli(
        "compare", "jobs:nap", "--workers", "1,2", "--worker", "thread", "--budget", "4", "--json"
    )
    assert time.monotonic() - begun < 8
    document = json.loads(done.stdout)
    work = document["workloads"][0]
    assert document["settings"]["repeat"] == 3
    assert work["tasks"] < 24
    assert work["scaling"]["what"] == "tasks"
    assert (work["scaling"]["from"], work["scaling"]["to"]) == (24, work["tasks"])
    assert "Measured 3 instead of 5 times" in done.stderr


def test_what_is_given_is_not_changed(cli: Cli, jobs: Path) -> None:
    done = cli(
        "compare", "io", "jobs:nap", "--workers", "1", "--worker", "thread", "--tasks", "7",
        "--repeat", "4", "--iterations", "10", "--budget", "1", "--json",
    )  # fmt: skip
    document = json.loads(done.stdout)
    assert document["settings"]["repeat"] == 4
    for work in document["workloads"]:
        assert (work["tasks"], work["scaling"]) == (7, None)


def test_full_is_the_lectures_size(cli: Cli) -> None:
    done = cli("compare", "cpu", "--full", "--worker", "thread", "--workers", "1", "--tasks", "2",
               "--repeat", "1", "--json")  # fmt: skip
    document = json.loads(done.stdout)
    assert document["settings"]["full"] is True
    assert document["workloads"][0]["scaling"] is None
    begun = time.thread_time()
    workloads.cpu()
    one = time.thread_time() - begun
    task = cells(document)["serial", 1]["runs"][0]["tasks"][0]
    assert task["cpu_s"] == pytest.approx(one, rel=0.7)


def test_items_decide_the_number_of_tasks(cli: Cli, jobs: Path) -> None:
    done = cli(
        "compare",
        "jobs.py:double",
        "--items",
        "inputs",
        "--workers",
        "2",
        "--repeat",
        "1",
        "--json",
    )
    document = json.loads(done.stdout)
    assert document["workloads"][0]["tasks"] == 3
    assert document["settings"]["items"] == "inputs"


# --- pyproject.toml ---


def test_defaults_from_pyproject(cli: Cli, jobs: Path) -> None:
    (jobs.parent / "pyproject.toml").write_text(
        '[tool.ungil]\nquiet = true\n[tool.ungil.compare]\nworkloads = ["jobs:nap"]\n'
        'workers = [1]\nworker = ["thread"]\ntasks = 2\nrepeat = 2\n'
    )
    document = json.loads(cli("compare", "--json").stdout)
    assert set(cells(document)) == {("serial", 1), ("thread", 1)}
    changed = json.loads(cli("compare", "--json", "--tasks", "3", "--worker", "process").stdout)
    assert set(cells(changed)) == {("serial", 1), ("process", 1)}
    assert changed["workloads"][0]["tasks"] == 3


# --- bad input ---


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["oi"], 'Did you mean "io"'),
        (["io", "--workers", "0"], "workers must be at least 1, not 0"),
        (["io", "--workers", "1,-2"], "workers must be at least 1, not -2"),
        (["io", "--workers", "two"], "invalid value 'two'"),
        (["io", "--tasks", "0"], "tasks must be at least 1, not 0"),
        (["io", "--repeat", "-1"], "repeat must be at least 1, not -1"),
        (["io", "--budget", "0"], "budget must be a number of seconds above 0"),
        (["io", "--timeout", "-1"], "timeout must be a number of seconds above 0"),
        (["io", "--worker", "treads"], 'Did you mean "thread"'),
        (["io", "--items", "[1]"], "takes no items"),
        (["jobs:double"], "--items"),
        (["jobs:nap", "--iterations", "4"], "iterations are for io and cpu"),
        (["io", "--full", "--budget", "3"], "cannot be used with"),
        (["io", "--json", "--csv"], "only one of"),
        (["io", "--json", "result.json"], "as in --json=result.json"),
        (["io", "--json", "--markdown", "-"], "only one of"),
    ],
)
def test_usage_errors(cli: Cli, jobs: Path, arguments: list[str], expected: str) -> None:
    done = cli("compare", *arguments)
    assert done.returncode == 2, done.stderr
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("option", ["--json={}", "--csv={}", "--markdown={}"])
@pytest.mark.parametrize("target", ["missing/result", "."])
def test_unwritable_output_is_found_before_measuring(
    cli: Cli, tmp_path: Path, option: str, target: str
) -> None:
    (tmp_path / "mark.py").write_text("def work():\n    open('it-ran', 'w').close()\n")
    done = cli("compare", "mark:work", option.format(target))
    assert done.returncode == 2
    assert f"cannot write {target}" in done.stderr
    assert not (tmp_path / "it-ran").exists()


def test_a_full_disk_loses_one_file_only(cli: Cli, jobs: Path) -> None:
    done = cli("compare", "jobs:nap", "--json=/dev/full", "--csv=result.csv", *SMALL)
    assert done.returncode == 2
    assert "cannot write /dev/full: No space left on device" in done.stderr
    assert "jobs:nap: 4 tasks, 3 runs per cell" in done.stdout
    assert (jobs.parent / "result.csv").read_text().startswith("workload,")


def test_a_failed_comparison_leaves_files_as_they_were(cli: Cli, jobs: Path) -> None:
    old = jobs.parent / "old.json"
    old.write_text("precious")
    done = cli("compare", "jobs:fails", "--json=old.json", "--csv=new.csv", *SMALL)
    assert done.returncode == 1
    assert old.read_text() == "precious"
    assert not (jobs.parent / "new.csv").exists()


def test_a_longer_old_file_is_replaced_whole(cli: Cli, jobs: Path) -> None:
    old = jobs.parent / "old.csv"
    old.write_text("x" * 1_000_000)
    assert cli("compare", "jobs:nap", "--csv=old.csv", *SMALL).returncode == 0
    assert len(list(csv.DictReader(io.StringIO(old.read_text())))) == 1 + 2 * len(DEFAULT_KINDS)


def test_a_task_that_raises_names_cell_and_task(cli: Cli, jobs: Path) -> None:
    early = cli(
        "compare", "jobs:fails_on_three", "--items", "range(8)", "--workers", "2", "--quiet"
    )
    assert early.returncode == 1
    assert "task 4 of 5 of jobs:fails_on_three, serial raised ValueError" in early.stderr
    assert early.stderr.count("File ") == 1
    (jobs.parent / "late.py").write_text(
        "import threading\n\ndef work():\n"
        "    if threading.current_thread() is not threading.main_thread():\n"
        "        raise OSError('not here')\n"
    )
    late = cli("compare", "late:work", "--workers", "2", "--tasks", "3", "--quiet")
    assert late.returncode == 1
    assert "of late:work, thread x2 raised OSError" in late.stderr
    assert late.stderr.count("Traceback") == 1
    assert late.stdout == ""


def test_a_killed_worker_ends_the_comparison(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "dies.py").write_text(
        "import multiprocessing, os, signal\n\nhome = os.getpid()\n\ndef work(home):\n"
        "    if os.getpid() != home:\n        os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = cli("compare", "dies:work", "--items", "[home]", *SMALL)
    assert done.returncode == 1
    assert "of dies:work, process x1: task dies.work was lost" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_does_not_pickle_is_measured_on_threads(cli: Cli, jobs: Path) -> None:
    done = cli("compare", "jobs:gives_generator", "--json", *SMALL)
    assert done.returncode == 0, done.stderr
    table = cells(json.loads(done.stdout))
    assert table["thread", 2]["skipped"] is None
    assert len(table["thread", 2]["runs"]) == 3
    reason = table["process", 2]["skipped"]
    assert "the result of task 1 of jobs:gives_generator does not pickle" in reason
    assert "Return plain data" in reason
    assert table["process", 2]["runs"] == []


def test_an_unpicklable_item_far_back_is_found(cli: Cli, jobs: Path) -> None:
    done = cli(
        "compare", "jobs:chatters", "--items", "[*range(11), (n for n in ())]", "--json", "--quiet",
        "--workers", "1", "--repeat", "1",
    )  # fmt: skip
    reason = cells(json.loads(done.stdout))["process", 1]["skipped"]
    assert "the argument of task 12 of jobs:chatters does not pickle" in reason


def test_nothing_but_unpicklable_is_a_failure(cli: Cli, jobs: Path) -> None:
    done = cli("compare", "jobs:gives_generator", "--worker", "process", *SMALL)
    assert done.returncode == 1
    assert "the result of task 1 of jobs:gives_generator does not pickle" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("where", ["serial", "thread", "process"])
def test_timeout(cli: Cli, tmp_path: Path, where: str) -> None:
    (tmp_path / "hangs.py").write_text(
        "import os, threading, time\n\nhome = os.getpid()\n\ndef work(home):\n"
        "    main = threading.current_thread() is threading.main_thread()\n"
        "    here = 'process' if os.getpid() != home else 'serial' if main else 'thread'\n"
        f"    time.sleep(60 if here == '{where}' else 0.001)\n"
    )
    begun = time.monotonic()
    done = cli("compare", "hangs:work", "--items", "[home]", "--timeout", "1", *SMALL)
    assert time.monotonic() - begun < 15
    assert done.returncode == 1
    assert "of hangs:work, " + where in done.stderr
    assert "was still running after 1 s (--timeout)" in done.stderr


def test_ctrl_c_says_how_far_it_got(tmp_path: Path) -> None:
    program = subprocess.Popen(
        [sys.executable, "-m", "ungil", "compare", "--budget", "30", "--workers", "1,2"],
        cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    assert program.stderr is not None
    cells = 2 * (1 + 2 * len(DEFAULT_KINDS))
    seen = ""
    while "run 2 of 5" not in seen:
        seen += program.stderr.readline()
    time.sleep(0.5)
    begun = time.monotonic()
    os.killpg(program.pid, signal.SIGINT)
    out, err = program.communicate(timeout=10)
    assert time.monotonic() - begun < 5  # 1 s is the promise; the machine may be busy
    assert program.returncode == 130
    assert out == ""
    assert f"ungil: interrupted: 0 of {cells} cells were complete (" in err
    assert f"of {5 * cells} runs)" in err
    assert "Traceback" not in err
    wait_until(lambda: living_members(program.pid) == [])


@pytest.mark.parametrize("worker", ["thread", "process"])
def test_ctrl_c_in_a_script_is_a_keyboard_interrupt(jobs: Path, worker: str) -> None:
    code = (
        "import jobs, os, ungil\n"
        "try:\n"
        f"    ungil.compare(jobs.hangs, items=[os.getpid()], worker={worker!r}, workers=2)\n"
        "except KeyboardInterrupt as interruption:\n"
        "    print('caught:', interruption)\n"
    )
    jobs.write_text(
        "import os, threading, time\n\ndef hangs(home):\n"
        "    if threading.current_thread() is not threading.main_thread() or os.getpid() != home:\n"
        "        open('hanging', 'w').close()\n"
        "        while True:\n            time.sleep(0.01)\n"
    )
    program = subprocess.Popen(
        [sys.executable, "-c", code], cwd=jobs.parent, env=ENVIRONMENT,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    while not (jobs.parent / "hanging").exists():
        time.sleep(0.05)
        assert program.poll() is None
    begun = time.monotonic()
    os.killpg(program.pid, signal.SIGINT)
    out, err = program.communicate(timeout=10)
    assert time.monotonic() - begun < 5
    assert "caught: 0 of 2 cells were complete" in out
    assert err == ""
    wait_until(lambda: living_members(program.pid) == [])


def test_progress_bar_on_a_terminal(jobs: Path) -> None:
    pexpect = pytest.importorskip("pexpect")
    child = pexpect.spawn(
        sys.executable,
        ["-m", "ungil", "compare", "jobs:nap", "--workers", "2", "--tasks", "20", "--repeat", "2"],
        cwd=str(jobs.parent),
        env=ENVIRONMENT | {"TERM": "xterm"},
        encoding="utf-8",
        dimensions=(40, 120),
        timeout=60,
    )
    child.expect(rf"\d/{2 * (1 + len(DEFAULT_KINDS))} jobs:nap, serial, run 1 of 2")
    child.expect(r"task \d+ of 20 +\d+ s left")
    child.expect(r"jobs:nap, process x2, run 2 of 2")
    child.expect(pexpect.EOF)
    assert "jobs:nap" in child.before


# --- from Python ---


def nap() -> None:
    time.sleep(0.005)


def square(x: int) -> int:
    return x * x


def small(*subjects: Any, **options: Any) -> ungil.Comparison:
    defaults: dict[str, Any] = {"workers": [1, 2], "tasks": 4, "repeat": 3, "progress": False}
    return ungil.compare(*subjects, **defaults | options)


def test_compare_returns_everything(valid: Check, capfd: pytest.CaptureFixture[str]) -> None:
    result = small(nap)
    assert capfd.readouterr() == ("", "")
    assert isinstance(result, ungil.Comparison)
    document = result.to_dict()
    valid(document)
    assert json.loads(result.to_json()) == document
    work = document["workloads"][0]
    assert work["name"] == "test_compare:nap"
    for sentence in work["verdict"]["sentences"]:
        assert sentence[:30] in " ".join(repr(result).split())
    assert "test_compare:nap" in result._repr_html_()
    assert len(list(csv.DictReader(io.StringIO(result.to_csv())))) == 1 + 2 * len(DEFAULT_KINDS)
    assert "test\\_compare:nap" in result.to_markdown()


def test_compare_feeds_items() -> None:
    document = small(square, items=range(6), tasks=None, workers=2).to_dict()
    assert document["workloads"][0]["tasks"] == 6
    assert set(cells(document)) == {("serial", 1)} | {(kind, 2) for kind in DEFAULT_KINDS}
    text = small(square, items="range(5)", tasks=None, worker="thread").to_dict()
    assert text["workloads"][0]["tasks"] == 5


def test_lambda_travels_by_cloudpickle() -> None:
    pytest.importorskip("cloudpickle")
    offset = 3
    document = small(lambda x: x + offset, items=[1, 2, 3]).to_dict()
    assert all(cell["skipped"] is None for cell in cells(document).values())


WITHOUT_CLOUDPICKLE = """
import sys
sys.modules["cloudpickle"] = None
import ungil
def work(): pass
result = ungil.compare({function}, workers=1, tasks=2, repeat=1)
for kind in result.to_dict()["workloads"][0]["kinds"]:
    print(kind["cells"][0]["skipped"])
"""


@pytest.mark.parametrize("function", ["lambda: None", "work"])
def test_without_cloudpickle_threads_are_measured_and_the_rest_is_said(
    tmp_path: Path, function: str
) -> None:
    code = WITHOUT_CLOUDPICKLE.format(function=function)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    threads, *others = done.stdout.splitlines()
    assert threads == "None"
    assert len(others) == len(DEFAULT_KINDS) - 1
    for other in others:
        assert "does not pickle" in other
        assert "install cloudpickle" in other


def test_function_of_a_script(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        "import ungil\n\nclass Box:\n    pass\n\ndef work(box):\n    return Box()\n\n"
        "if __name__ == '__main__':\n"
        "    result = ungil.compare(work, items=[Box()], workers=1, tasks=2, repeat=1)\n"
        "    kinds = result.to_dict()['workloads'][0]['kinds']\n"
        "    print([kind['cells'][0]['skipped'] for kind in kinds])\n"
    )
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{[None] * len(DEFAULT_KINDS)}\n"


def test_compare_raises_the_tasks_own_exception() -> None:
    def fails() -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine") as caught:
        small(fails)
    assert "task 1 of 1 of" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    ("arguments", "options", "error"),
    [
        (("oi",), {}, ValueError),
        ((7,), {}, TypeError),
        ((square,), {}, TypeError),
        ((nap,), {"items": [1]}, TypeError),
        ((square,), {"items": 7}, TypeError),
        ((square,), {"items": []}, ValueError),
        ((nap,), {"workers": 0}, ValueError),
        ((nap,), {"workers": []}, ValueError),
        ((nap,), {"start_method": "spoon"}, ValueError),
        ((nap,), {"budget": float("nan")}, ValueError),
    ],
)
def test_compare_refuses(
    arguments: tuple[Any, ...], options: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        ungil.compare(*arguments, **options)


def test_timeout_raises_and_leaves_the_program_alive() -> None:
    gate = threading.Event()

    def stuck() -> None:
        if threading.current_thread() is not threading.main_thread():
            gate.wait(30)

    with pytest.raises(TimeoutError, match="thread x1"):
        small(stuck, worker="thread", workers=1, timeout=0.3)
    gate.set()


def test_items_are_released() -> None:
    class Thing:
        pass

    thing = Thing()
    alive = weakref.ref(thing)
    small(lambda thing: None, items=[thing], worker="thread", tasks=2)
    del thing
    gc.collect()
    assert alive() is None
